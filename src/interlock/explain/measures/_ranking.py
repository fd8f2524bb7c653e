"""Pixels in the order of their saliency."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interlock._seeds import check_seed
from interlock.errors import OptionError


def ranking(
    x: Tensor, saliency: Tensor | NDArray[np.floating], seed: int, *, least_first: bool = False
) -> NDArray[np.intp]:
    """(H * W,) pixel indices, most relevant first, equal ones in an order drawn by the seed.

    Raises:
        OptionError: the saliency is no finite (H, W) map of the image.
    """
    if isinstance(saliency, Tensor):
        saliency = saliency.detach().cpu().numpy()
    values = np.asarray(saliency, dtype=np.float64)
    if values.shape != tuple(x.shape[-2:]):
        raise OptionError(
            f"saliency of shape {tuple(saliency.shape)} for an image of shape {tuple(x.shape)}; "
            "expected (H, W)"
        )
    if not np.isfinite(values).all():
        raise OptionError("the saliency holds values that are not finite (NaN or infinite)")
    values = values.ravel() if least_first else -values.ravel()
    check_seed(seed)
    ties = np.random.default_rng(seed).permutation(len(values))
    return ties[np.argsort(values[ties], kind="stable")]


def cut(x: Tensor, saliency: Tensor, share: float, seed: int) -> Tensor:
    """The map with only its strongest entries, all others zero; equal ones as ``ranking`` says.

    Maps that mark different numbers of pixels are compared at the same number.

    Args:
        share: of the pixels that stay, in (0, 1]. A map with fewer non-zero ones comes back as it
            is, for it has nothing more to show.

    Raises:
        OptionError: no such share, or no finite (H, W) map of the image.
    """
    if not 0 < share <= 1:
        raise OptionError(f"keep={share}: give a share of the pixels, above 0 and at most 1")
    first = ranking(x, saliency, seed)[: round(saliency.numel() * share)]
    best = torch.from_numpy(first).to(saliency.device)
    kept = torch.zeros_like(saliency)
    kept.view(-1)[best] = saliency.flatten()[best]
    return kept
