"""From foreign places to masks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def foreign_masks(foreign: Tensor, trigger: float, edge: float, share: float) -> Tensor:
    """Connected foreign places that hold a peak above the trigger.

    Args:
        foreign: (N, 1, H, W).
        trigger: an image below it everywhere is not masked.
        edge: least foreignness inside a mask.
        share: least foreignness inside a mask, as a share of the image's peak.

    Returns:
        (N, 1, H, W) bool.
    """
    from skimage.measure import label

    masks = torch.zeros(foreign.shape, dtype=torch.bool)
    for mask, plane in zip(masks[:, 0], foreign[:, 0].cpu(), strict=True):
        peak = float(plane.max())
        if peak <= trigger:
            continue
        parts = label((plane >= min(trigger, max(edge, share * peak))).numpy(), connectivity=2)
        kept = np.unique(parts[(plane > trigger).numpy()])
        mask |= torch.from_numpy(np.isin(parts, kept[kept > 0]))
    return masks.to(foreign.device)


def grown(masks: Tensor, reach: float) -> Tensor:
    """(N, 1, H, W) bool, wider on all sides by a share of the height, at least by a pixel."""
    pixels = max(1, round(reach * masks.shape[-2]))
    tall = F.max_pool2d(masks.float(), (2 * pixels + 1, 1), stride=1, padding=(pixels, 0))
    return F.max_pool2d(tall, (1, 2 * pixels + 1), stride=1, padding=(0, pixels)) > 0


def windows(foreign: Tensor, share: float) -> Tensor:
    """The square with the most that is foreign in it: (N, 1, H, W) -> (N, 1, H, W) bool."""
    height, width = foreign.shape[-2:]
    side = max(1, round(share * min(height, width)))
    excess = (foreign.detach().cpu().double() - 1).clamp_min(0).square()
    area = F.pad(excess.cumsum(dim=-1).cumsum(dim=-2), (1, 0, 1, 0))  # summed-area table
    low, high = slice(None, -side), slice(side, None)
    sums = area[..., high, high] - area[..., low, high] - area[..., high, low] + area[..., low, low]
    best = sums.flatten(1).argmax(dim=1)
    tops, lefts = best // sums.shape[-1], best % sums.shape[-1]
    y = torch.arange(height)[None, :] - tops[:, None]
    x = torch.arange(width)[None, :] - lefts[:, None]
    rows, columns = (y >= 0) & (y < side), (x >= 0) & (x < side)
    return (rows[:, :, None] & columns[:, None, :])[:, None].to(foreign.device)
