"""Local gradients smoothing (Naseer, Khan, Porikli, WACV 2019, arXiv 1807.01216)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.errors import OptionError
from interlock.models.pixel_range import Bounds, value_range
from interlock.models.steady import ask, check_finite

WINDOW, OVERLAP = 15, 5
"""Of the paper, in pixels, for inputs of ImageNet's size."""
FULL_SIDE = 224
"""Shorter side in pixels from which on the paper's sizes hold; smaller images have smaller ones."""
LEAST_WINDOW = 3


class LocalGradientsSmoothing(nn.Module):
    """Darken pixels on steep gradients in blocks that are steep throughout, and classify.

    With pixel values in [0, 1], g is the magnitude of the forward differences of the channels'
    mean, stretched to [0, 1] over the image. Of blocks whose mean of g is at most the threshold, g
    is dropped; a pixel keeps its g if any block that holds it is kept. The model sees
    ``x * (1 - clip(smoothing * g, 0, 1))``.

    The paper's blocks are 15 pixels wide and overlap by 5. On images whose shorter side s is below
    224 pixels, a default block is ``round(15 s / 224)`` wide, 3 at least, and overlaps by a third:
    11 and 4 at 160 pixels, 3 and 1 at 32. The last block of a row or column is moved inside the
    image, so that all pixels are looked at.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, in eval mode.
        smoothing: the paper's lambda.
        threshold: of a block's mean, in [0, 1]; the paper's gamma.
        window: side of a block in pixels; None is the size above.
        overlap: of neighbouring blocks in pixels; None is the size above.
        bounds: black and white as the model takes them, as for ``PatchAttack``.

    Raises:
        OptionError: an option out of range.
        ModelError: when called, logits that are not finite.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        smoothing: float = 2.3,
        threshold: float = 0.1,
        window: int | None = None,
        overlap: int | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        super().__init__()
        if not smoothing >= 0:
            raise OptionError(f"smoothing={smoothing}; use 0 or more")
        if not 0 <= threshold <= 1:
            raise OptionError(f"threshold={threshold}; use a value in [0, 1]")
        if window is not None and window < 1:
            raise OptionError(f"window={window}; use at least 1 pixel")
        if overlap is not None and not 0 <= overlap < (window or OVERLAP + 1):
            raise OptionError(f"overlap={overlap}; use 0 or more and less than the window")
        self.model, self.smoothing, self.threshold = model, smoothing, threshold
        self._window, self._overlap, self._bounds = window, overlap, bounds

    def blocks(self, height: int, width: int) -> tuple[int, int]:
        """Side and overlap of the blocks in pixels, for images of a size."""
        share = min(1.0, min(height, width) / FULL_SIDE)
        side = self._window or max(LEAST_WINDOW, round(WINDOW * share))
        overlap = round(side * OVERLAP / WINDOW) if self._overlap is None else self._overlap
        side = min(side, height, width)
        return side, min(overlap, side - 1)

    def gradients(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 1, H, W) in [0, 1]: g of the blocks that are kept, 0 elsewhere."""
        low, high = value_range(images, self._bounds)
        steep = _stretched(_magnitude(((images - low) / (high - low)).mean(dim=1, keepdim=True)))
        return steep * self._kept(steep)

    def smoothed(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W): what the model is shown."""
        low, _ = value_range(images, self._bounds)
        weights = 1 - (self.smoothing * self.gradients(images)).clamp(0, 1)
        return low + (images - low) * weights

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes) logits of the smoothed images."""
        logits = ask(self.model, self.smoothed(images))
        check_finite(logits)
        return logits

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels."""
        with torch.no_grad():
            labels: Tensor = self(images).argmax(dim=1)
        return labels

    def _kept(self, steep: Tensor) -> Tensor:
        """(N, 1, H, W) of 0 and 1: pixels in a block whose mean is above the threshold."""
        height, width = steep.shape[-2:]
        side, overlap = self.blocks(height, width)
        means = F.avg_pool2d(steep.detach(), side, stride=1)  # (N, 1, H-side+1, W-side+1)
        rows, columns = (_starts(n, side, side - overlap) for n in (height, width))
        chosen = torch.zeros_like(means)
        chosen[..., rows[:, None], columns] = 1.0
        above = ((means > self.threshold) & (chosen > 0)).to(steep.dtype)
        # A pixel lies in the blocks that start up to side - 1 above and left of it.
        return F.max_pool2d(F.pad(above, (side - 1,) * 4), side, stride=1)


def _magnitude(x: Tensor) -> Tensor:
    """(N, 1, H, W): length of the differences to the pixels right and below, 0 at the ends."""
    across = F.pad(x.diff(dim=3), (0, 1, 0, 0))
    down = F.pad(x.diff(dim=2), (0, 0, 0, 1))
    squared = across.square() + down.square()
    # The root has no finite derivative at 0, where an attack through the defence would get NaN.
    return torch.where(squared > 0, squared.clamp_min(1e-24).sqrt(), torch.zeros_like(squared))


def _stretched(x: Tensor) -> Tensor:
    """Each image's least value to 0, its largest to 1; zero where all are equal."""
    least, most = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    return (x - least) / (most - least).clamp_min(1e-12)


def _starts(length: int, side: int, stride: int) -> Tensor:
    """First pixels of blocks that cover a line; the last is moved inside."""
    starts = list(range(0, length - side + 1, stride))
    if starts[-1] != length - side:
        starts.append(length - side)
    return torch.tensor(starts)
