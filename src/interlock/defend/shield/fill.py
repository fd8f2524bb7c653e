"""What a mask shows in place of what it hides."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def pull_push(x: Tensor, masks: Tensor) -> Tensor:
    """Fill holes smoothly from what surrounds them.

    Each level of a pyramid averages the known pixels of 2x2 blocks; on the way back, unknown
    pixels take the coarser level's values (Gortler et al., The Lumigraph, 1996). A flat fill is
    itself a foreign shape to most classifiers, this is none.

    Args:
        x: (N, C, H, W).
        masks: (N, 1, H, W) bool, True where the image is hidden. An image that is hidden
            altogether becomes zero.

    Returns:
        (N, C, H, W), equal to ``x`` outside the masks, bit for bit.
    """
    known = (~masks).to(x.dtype)
    return torch.where(masks, _spread(x * known, known), x)


def _spread(weighted: Tensor, weights: Tensor) -> Tensor:
    """The values of the next coarser level, enlarged."""
    coarser = _filled(*(F.avg_pool2d(v, 2, ceil_mode=True) for v in (weighted, weights)))
    return F.interpolate(coarser, size=weights.shape[-2:], mode="bilinear", align_corners=False)


def _filled(weighted: Tensor, weights: Tensor) -> Tensor:
    known = weighted / weights.clamp_min(1e-6)
    if max(weights.shape[-2:]) == 1:
        return known
    return torch.where(weights > 1e-3, known, _spread(weighted, weights))
