"""An image without some of its regions, as the drops of an explanation are measured."""

from __future__ import annotations

import torch
from torch import Tensor

from interlock.errors import ImageError
from interlock.explain._removal import heavy_blur


def take_away(x: Tensor, region: Tensor) -> Tensor:
    """Put a heavy blur of the image in the place of a region.

    What a model answers to the result is what ``Explanation.drops`` and ``without`` are of, for
    each of the ``regions``; several are taken away together by their union.

    Args:
        x: (C, H, W), finite.
        region: (H, W) bool.

    Returns:
        (C, H, W); x itself outside of the region.

    Raises:
        ImageError: they are of unlike sizes.
    """
    if x.ndim != 3 or region.shape != x.shape[1:] or region.dtype != torch.bool:
        raise ImageError(
            f"image of shape {tuple(x.shape)} and region of {tuple(region.shape)}, {region.dtype}; "
            "give (C, H, W), and (H, W) bool"
        )
    return torch.where(region.to(x.device), heavy_blur(x), x)
