"""Black and white as a model takes them."""

from __future__ import annotations

import torch
from torch import Tensor

from interlock.errors import OptionError

Bounds = tuple[Tensor | float, Tensor | float]
"""Values of black and of white as the model takes them: numbers, or one per channel (C,)."""
Ends = tuple[Tensor, Tensor]
"""Black and white, each (1, C or 1, 1, 1)."""


def value_range(images: Tensor, bounds: Bounds | None) -> Ends:
    """Black and white, as ``PatchAttack`` documents.

    Raises:
        OptionError: no images, black is not below white, or another number of channels.
    """
    if not len(images):
        raise OptionError("no images; give at least one")
    if bounds is not None:
        low, high = (torch.as_tensor(b, dtype=images.dtype).view(1, -1, 1, 1) for b in bounds)
        if not {low.shape[1], high.shape[1]} <= {1, images.shape[1]}:
            raise OptionError(
                f"bounds of {low.shape[1]} and {high.shape[1]} values for images of "
                f"{images.shape[1]} channels; give a number, or one per channel"
            )
        if not bool((low < high).all()):
            raise OptionError("bounds: black is not below white")
        return low.to(images.device), high.to(images.device)
    least, most = images.amin(dim=(0, 2, 3)), images.amax(dim=(0, 2, 3))
    if most.max() <= 1 and least.min() >= -1:
        floor = 0.0 if least.min() >= 0 else -1.0
        least, most = torch.full_like(least, floor), torch.ones_like(most)
    return least.view(1, -1, 1, 1), most.view(1, -1, 1, 1)


def check_batch(images: Tensor, labels: Tensor) -> None:
    """Refuse what is not a batch of images with one class each."""
    for name, given in (("images", images), ("labels", labels)):
        if not isinstance(given, Tensor):
            raise OptionError(f"{name}: a {type(given).__name__}; give a tensor")
    if images.ndim != 4 or not images.is_floating_point():
        raise OptionError(
            f"images of shape {tuple(images.shape)} and type {images.dtype}; "
            "expected (N, C, H, W) floats"
        )
    if labels.shape != (len(images),):
        raise OptionError(f"{len(images)} images but labels of shape {tuple(labels.shape)}")
    if labels.dtype != torch.long or bool((labels < 0).any()):
        raise OptionError(f"labels {labels.tolist()[:3]} of {labels.dtype}; use int64 from 0")
