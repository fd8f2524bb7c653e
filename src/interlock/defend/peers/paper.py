"""Concept-based masking as arXiv 2510.04245 describes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.concepts.features import Taps
from interlock.models.steady import ask, check_finite

SIGMA = 5.0
KERNEL = 21


@dataclass(frozen=True, eq=False)
class Blurred:
    """What the masking made of N images."""

    logits: Tensor
    """(N, classes), of the blurred images."""
    masks: Tensor
    """(N, 1, H, W) bool: the pixels that are blurred."""
    passes: Tensor
    """(N,) long: that it took. One finds label and concepts, one whether the head is linear, one
    sees the blurred image; where the head is not linear, each evaluation of the layers behind the
    concepts counts as one too."""


class PaperMasking(nn.Module):
    """Blur where the concepts that carry the predicted class live, and classify again.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        bank: its concepts, fitted to clean images.
        top: how many concepts are masked.
        percentile: of each concept's map, above which a cell is masked.

    Raises:
        ModelError: the bank is another model's; when called, logits that are not finite.
    """

    def __init__(
        self, model: nn.Module, bank: ConceptBank, *, top: int = 2, percentile: float = 90.0
    ) -> None:
        super().__init__()
        bank.check(model)
        self.model, self.bank, self.top, self.percentile = model, bank, top, percentile

    def classify(self, images: Tensor) -> Blurred:
        """(N, C, H, W) -> logits of the blurred images, what is blurred, and the passes.

        Raises:
            ModelError: logits are not finite.
        """
        masks, behind = self._looked(images)
        logits = ask(self.model, torch.where(masks, blurred(images), images))
        check_finite(logits)
        return Blurred(logits, masks, 3 + behind)

    def masks(self, images: Tensor) -> Tensor:
        """(N, 1, H, W) bool: the pixels that are blurred."""
        return self._looked(images)[0]

    def _looked(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Masks, and (N,) evaluations of the layers behind the concepts."""
        with torch.no_grad():
            logits, (maps,) = Taps(self.model, [self.bank.layer])(images)
            check_finite(logits)
            looked = [
                self._mask(image, codes, int(label))
                for image, codes, label in zip(
                    images, self.bank.codes(maps), logits.argmax(dim=1), strict=True
                )
            ]
        behind = torch.tensor([count for _, count in looked], device=images.device)
        return torch.stack([mask for mask, _ in looked]), behind

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes) logits of the blurred images."""
        return self.classify(images).logits

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels."""
        with torch.no_grad():
            labels: Tensor = self(images).argmax(dim=1)
        return labels

    def _mask(self, image: Tensor, codes: Tensor, label: int) -> tuple[Tensor, int]:
        """(1, H, W) bool, and the evaluations of the layers behind the concepts that it took."""
        importances = self.bank.importances(self.model, image, label)
        values = importances.values
        chosen = codes[values.topk(min(self.top, len(values))).indices]  # (top, h, w)
        limits = chosen.flatten(1).quantile(self.percentile / 100, dim=1)
        cells = (chosen > limits[:, None, None]).any(dim=0)
        mask = F.interpolate(cells[None, None].float(), size=image.shape[-2:])[0] > 0
        return mask, importances.passes


def blurred(x: Tensor) -> Tensor:
    """(N, C, H, W) under a Gaussian of 5 pixels on a 21 x 21 kernel, cut to small images."""
    reach = min(KERNEL // 2, min(x.shape[-2:]) - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-offsets.square() / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    padded = F.pad(x, (reach,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel[..., None], groups=x.shape[1])
    return F.conv2d(rows, kernel[:, :, None], groups=x.shape[1])
