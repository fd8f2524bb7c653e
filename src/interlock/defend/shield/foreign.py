"""How foreign each place of an image is to what clean photos show a classifier."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.concepts.features import Taps, doubled
from interlock.errors import DataError, ModelError

RIDGE = 1e-2
"""Added to each direction's variance, as a share of their mean."""
BLUR = 40
"""The map is averaged over a square of this fraction of the image's height."""


class Moments:
    """Running mean and covariance of a layer's cells, in double precision."""

    def __init__(self) -> None:
        self.cells = 0
        self._sum = torch.zeros(0)
        self._products = torch.zeros(0)

    def add(self, maps: Tensor) -> None:
        """Take in (N, D, h, w)."""
        rows = doubled(maps.permute(0, 2, 3, 1).flatten(0, 2))
        if not self.cells:
            self._sum = rows.new_zeros(rows.shape[1])
            self._products = rows.new_zeros(rows.shape[1], rows.shape[1])
        self.cells += len(rows)
        self._sum += rows.sum(dim=0)
        self._products += rows.T @ rows

    def whitening(self) -> tuple[Tensor, Tensor]:
        """The mean (D,) and a (D, D) matrix that gives every clean direction unit variance.

        Raises:
            DataError: fewer cells than twice the layer's channels.
        """
        channels = len(self._sum)
        if self.cells < 2 * channels:
            raise DataError(
                f"{self.cells} clean cells for {channels} channels; give more clean images"
            )
        mean = self._sum / self.cells
        covariance = self._products / self.cells - mean[:, None] * mean
        variances, directions = torch.linalg.eigh(covariance)
        variances = variances.clamp_min(0)
        ridge = RIDGE * variances.mean().clamp_min(1e-12)
        return mean.float(), (directions * (variances + ridge).rsqrt()).float()


class Foreignness(nn.Module):
    """The distance of each cell from clean cells in units of their spread, over several layers.

    Per layer the Mahalanobis distance over its clean median; layers are enlarged to the image and
    averaged, so that 1 is ordinary everywhere.

    Args:
        layers: names of the layers.
        means: (D,) for each layer.
        whitenings: (D, D) for each.
        medians: clean median distance of each.
    """

    def __init__(
        self,
        layers: Sequence[str],
        means: Sequence[Tensor],
        whitenings: Sequence[Tensor],
        medians: Sequence[float],
    ) -> None:
        super().__init__()
        self.layers = tuple(layers)
        for k, (mean, whitening) in enumerate(zip(means, whitenings, strict=True)):
            self.register_buffer(f"mean{k}", mean)
            self.register_buffer(f"whitening{k}", whitening)
        self.register_buffer("medians", torch.tensor(list(medians), dtype=torch.float32))

    def distances(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """For each layer (N, D, h, w) -> (N, h, w)."""
        with torch.autocast(maps[0].device.type, enabled=False):
            return self._distances(maps)

    def _distances(self, maps: Sequence[Tensor]) -> list[Tensor]:
        distances = []
        for k, cells in enumerate(maps):
            mean, whitening = self.get_buffer(f"mean{k}"), self.get_buffer(f"whitening{k}")
            if cells.shape[1] != len(mean):
                raise ModelError(
                    f"layer {self.layers[k]!r} has {cells.shape[1]} channels, the shield was "
                    f"fitted to {len(mean)}; fit it to this model"
                )
            # as a convolution, which needs no copy of the cells in another layout
            white = F.conv2d(cells.to(mean), whitening.T[:, :, None, None], -(mean @ whitening))
            distances.append(white.square().sum(dim=1).add(1e-12).sqrt())
        return distances

    def forward(self, maps: Sequence[Tensor], height: int, width: int) -> Tensor:
        """One (N, D, h, w) for each layer -> (N, 1, height, width), 1 where nothing is foreign."""
        medians = self.get_buffer("medians")
        enlarged = [
            F.interpolate(
                (distance / median)[:, None],
                size=(height, width),
                mode="bilinear",
                align_corners=False,
            )
            for distance, median in zip(self.distances(maps), medians, strict=True)
        ]
        combined = torch.stack(enlarged).mean(dim=0)
        side = min(height, width) // BLUR | 1
        padded = F.pad(combined, (side // 2,) * 4, mode="replicate")
        return F.avg_pool2d(padded, side, stride=1)


def fitted(taps: Taps, moments: Sequence[Moments], held_out: Sequence[Tensor]) -> Foreignness:
    """Statistics of the clean cells, with medians from images that did not make them."""
    whitenings = [m.whitening() for m in moments]
    foreignness = Foreignness(
        taps.layers,
        [mean for mean, _ in whitenings],
        [whitening for _, whitening in whitenings],
        [1.0] * len(whitenings),
    ).to(held_out[0].device)
    distances: list[list[Tensor]] = [[] for _ in whitenings]
    for x in held_out:
        for kept, distance in zip(distances, foreignness.distances(taps(x)[1]), strict=True):
            kept.append(distance.flatten())
    medians = torch.stack([torch.cat(kept).median() for kept in distances])
    if not medians.isfinite().all():
        raise ModelError("activations are not finite on the clean images; check the model")
    foreignness.register_buffer("medians", medians)
    return foreignness
