"""What every loaded classifier offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from interlock.errors import ModelError
from interlock.models.labels import label_list


@dataclass(frozen=True, eq=False)
class Classifier:
    """An image classifier with what it needs to meet a photo."""

    model: nn.Module
    """(N, C, H, W) normalised float32 -> (N, classes) logits, in eval mode."""
    preprocess: Callable[[Image.Image], Tensor]
    """PIL image -> (C, H, W) float32, ready for the model."""
    labels: list[str]
    """One name per class."""
    name: str = "classifier"
    """What reports and tables call it."""
    mean: tuple[float, ...] | None = None
    """Per channel, subtracted by ``preprocess`` from values in [0, 1]; None if unknown."""
    std: tuple[float, ...] | None = None
    """Per channel, divided by afterwards."""

    def __post_init__(self) -> None:
        """Take names and numbers as people have them: of any type, and one for all channels.

        Raises:
            ModelError: a deviation of 0 or less.
        """
        object.__setattr__(self, "labels", label_list(self.labels))
        for name in ("mean", "std"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, tuple(np.atleast_1d(given).tolist()))
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ModelError(f"std={self.std}: use deviations above 0")

    @property
    def bounds(self) -> tuple[Tensor, Tensor] | None:
        """Black and white as the model takes them, (C,) each; None if unknown."""
        if self.mean is None or self.std is None:
            return None
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return -mean / std, (1 - mean) / std

    def to_pil(self, x: Tensor) -> Image.Image:
        """(C, H, W) as the model takes it -> the image it shows.

        Undoes the normalisation where it is known; otherwise stretches the values to 0..255.
        """
        planes = x.detach().float().cpu()
        if planes.ndim != 3 or len(planes) not in (1, 3):
            raise ModelError(f"tensor of shape {tuple(x.shape)}; expected (1 or 3, H, W)")
        if self.mean is not None and self.std is not None:
            planes = planes * torch.tensor(self.std).view(-1, 1, 1)
            planes = planes + torch.tensor(self.mean).view(-1, 1, 1)
        else:
            low, high = planes.min(), planes.max()
            planes = (planes - low) / (high - low).clamp_min(1e-12)
        pixels = (planes.clamp(0, 1) * 255).round().to(torch.uint8)
        return Image.fromarray(np.asarray(pixels.expand(3, -1, -1).permute(1, 2, 0)))

    def label(self, target: int) -> str:
        """The name of a class, or its number where it has none."""
        return self.labels[target] if 0 <= target < len(self.labels) else f"class {target}"
