"""What a mask shows in place of what it hides."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.errors import OptionError


def pull_push(x: Tensor, masks: Tensor) -> Tensor:
    """Fill holes smoothly from what surrounds them.

    Each level of a pyramid averages the known pixels of 2x2 blocks; on the way back, unknown
    pixels take the coarser level's values (Gortler et al., The Lumigraph, 1996). A flat fill is
    itself a foreign shape to most classifiers, this is none.

    What is hidden is not read: whatever stands there, infinite values too, the result has the same
    bits. Half precision is computed in single.

    Args:
        x: (N, C, H, W).
        masks: (N, 1, H, W) bool, True where the image is hidden. An image that is hidden
            altogether becomes zero.

    Returns:
        (N, C, H, W), equal to ``x`` outside the masks, bit for bit.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    known = (~masks).to(wide.dtype)
    visible = torch.where(masks, torch.zeros_like(wide), wide)
    return torch.where(masks, _spread(visible, known).to(x.dtype), x)


def _spread(weighted: Tensor, weights: Tensor) -> Tensor:
    """The values of the next coarser level, enlarged."""
    coarser = _filled(*(F.avg_pool2d(v, 2, ceil_mode=True) for v in (weighted, weights)))
    return F.interpolate(coarser, size=weights.shape[-2:], mode="bilinear", align_corners=False)


def _filled(weighted: Tensor, weights: Tensor) -> Tensor:
    known = weighted / weights.clamp_min(1e-6)
    if max(weights.shape[-2:]) == 1:
        return known
    return torch.where(weights > 1e-3, known, _spread(weighted, weights))


Fill = float | Tensor | Literal["pull_push", "drop"]
"""What a mask shows: a number or a colour (C,) in the model's input space, what surrounds it, or
(for vision transformers) nothing at all: the hidden tokens are dropped."""


def check_fill(fill: Fill, names: tuple[str, ...] = ("pull_push",)) -> Fill:
    """Refuse a fill that is none; a number becomes a tensor.

    Raises:
        OptionError: an unknown name.
    """
    if isinstance(fill, str) and fill not in names:
        raise OptionError(f"fill={fill!r} is unknown; use {', '.join(names)}, or a number")
    if isinstance(fill, str):
        return fill
    return torch.as_tensor(fill, dtype=torch.float32).reshape(1, -1, 1, 1)


def filled(images: Tensor, hidden: Tensor, fill: Fill) -> Tensor:
    """(N, C, H, W) with what (N, 1, H, W) masks hide filled, from visible pixels only.

    Raises:
        OptionError: a colour of another number of channels.
    """
    if isinstance(fill, str):
        return pull_push(images, hidden)
    colour = torch.as_tensor(fill, dtype=images.dtype, device=images.device).reshape(1, -1, 1, 1)
    if colour.shape[1] not in (1, images.shape[1]):
        raise OptionError(
            f"fill: {colour.shape[1]} values for images of {images.shape[1]} channels"
        )
    return torch.where(hidden, colour, images)
