"""From foreign places to masks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.defend.concepts.features import doubled


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

    masks = torch.zeros(foreign.shape, dtype=torch.bool, device=foreign.device)
    hit = (foreign.flatten(1).amax(dim=1) > trigger).nonzero()[:, 0]
    if not len(hit):
        return masks
    planes = []
    for plane in foreign[hit, 0].cpu():
        level = min(trigger, max(edge, share * float(plane.max())))
        parts = label((plane >= level).numpy(), connectivity=2)
        kept = np.zeros(parts.max() + 1, dtype=bool)
        kept[parts[(plane > trigger).numpy()]] = True
        planes.append(torch.from_numpy(kept[parts]))
    masks[hit, 0] = torch.stack(planes).to(masks.device)
    return masks


def grown(masks: Tensor, reach: float) -> Tensor:
    """(N, 1, H, W) bool, wider on all sides by a share of the height, at least by a pixel."""
    pixels = max(1, round(reach * masks.shape[-2]))
    return _spread(_spread(masks, pixels, -2), pixels, -1)


def _spread(masks: Tensor, pixels: int, dim: int) -> Tensor:
    """Along one dimension; by running counts, whose cost does not depend on how far."""
    length = masks.shape[dim]
    counts = masks.int().cumsum(dim=dim)
    counts = torch.cat([torch.zeros_like(counts.narrow(dim, 0, 1)), counts], dim=dim)
    here = torch.arange(length, device=masks.device)
    until = counts.index_select(dim, (here + pixels + 1).clamp(max=length))
    return until > counts.index_select(dim, (here - pixels).clamp(min=0))


def windows(foreign: Tensor, share: float) -> Tensor:
    """The square with the most that is foreign in it: (N, 1, H, W) -> (N, 1, H, W) bool."""
    return _best_window(_excess(foreign), share)[0].to(foreign.device)


def two_windows(foreign: Tensor, share: float, apart: float) -> tuple[Tensor, Tensor, Tensor]:
    """The most foreign square, and the next one beside it.

    Args:
        foreign: (N, 1, H, W).
        share: side of the squares, as a share of the image's.
        apart: what the second leaves out around the first, as a share of the height.

    Returns:
        (N, 1, H, W) bool, twice, and (N,): how much is foreign in the second over the first.
    """
    excess = _excess(foreign)
    first, most = _best_window(excess, share)
    second, next_most = _best_window(excess.masked_fill(grown(first, apart), 0), share)
    ratio = (next_most / most.clamp_min(1e-12)).to(foreign.device)
    return first.to(foreign.device), second.to(foreign.device), ratio


def _excess(foreign: Tensor) -> Tensor:
    plane = foreign.detach()
    if torch.are_deterministic_algorithms_enabled():
        plane = plane.cpu()  # running sums on a GPU may differ in their last bits from call to call
    return (doubled(plane) - 1).clamp_min_(0).square_()


def _best_window(excess: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """(N, 1, H, W) -> the square with the largest sum, as a mask, and (N,) that sum."""
    height, width = excess.shape[-2:]
    side = max(1, round(share * min(height, width)))
    area = F.pad(excess.cumsum(dim=-1).cumsum(dim=-2), (1, 0, 1, 0))  # summed-area table
    low, high = slice(None, -side), slice(side, None)
    sums = area[..., high, high] - area[..., low, high] - area[..., high, low] + area[..., low, low]
    most, best = sums.flatten(1).max(dim=1)
    tops, lefts = best // sums.shape[-1], best % sums.shape[-1]
    y = torch.arange(height, device=tops.device)[None, :] - tops[:, None]
    x = torch.arange(width, device=tops.device)[None, :] - lefts[:, None]
    rows, columns = (y >= 0) & (y < side), (x >= 0) & (x < side)
    return (rows[:, :, None] & columns[:, None, :])[:, None], most
