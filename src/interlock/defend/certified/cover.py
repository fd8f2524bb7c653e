"""The masks, one of which hides any patch of a size, wherever it lies."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from interlock.errors import OptionError

ROUNDING = 1e-9
"""Share by which a side in pixels may exceed a whole number and still be it."""


def check_area(area: float, aspect: float = 1.0, allowance: int = 0) -> None:
    """Refuse a patch that is none.

    Raises:
        OptionError: a value out of range.
    """
    if not 0 < area < 1:
        raise OptionError(f"area={area} is not a share of the image; use a value in (0, 1)")
    if not (1 <= aspect < math.inf):
        raise OptionError(f"aspect={aspect}; use 1 for squares, or the longest side over the other")
    if allowance < 0:
        raise OptionError(f"allowance={allowance}; use 0 or more pixels")


def patch_boxes(
    area: float, height: int, width: int, aspect: float = 1.0, allowance: int = 0
) -> list[tuple[int, int]]:
    """Boxes in pixels, into one of which any patch fits that is assumed.

    A square of the area has sides of ``sqrt(area * height * width)`` pixels, rounded up. Rectangles
    of the area from ``1 / aspect`` to ``aspect`` are sorted by height into bands, at most a factor
    of 2 wide; a band's box is as high as its highest and as wide as its widest.

    Args:
        area: share of the image in (0, 1).
        height: of the image in pixels.
        width: likewise.
        aspect: the longer side of a patch over the shorter, at most.
        allowance: pixels that are added to both sides of each box.

    Raises:
        OptionError: a value out of range.
    """
    check_area(area, aspect, allowance)
    pixels = area * height * width
    bands = max(1, math.ceil(math.log2(aspect**2) - ROUNDING))
    edges = math.sqrt(pixels) * np.geomspace(1 / math.sqrt(aspect), math.sqrt(aspect), bands + 1)
    return [
        (_whole(high) + allowance, _whole(pixels / low) + allowance)
        for low, high in pairwise(edges.tolist())
    ]


def cover_masks(boxes: list[tuple[int, int]], height: int, width: int, count: int) -> Tensor:
    """(M, 1, H, W) bool, True where hidden: ``count ** 2`` masks for each box.

    The places of a box's first pixel on an axis are cut into ``count`` runs, whose lengths differ
    by one at most, and a mask hides all boxes that begin in its run. So any box lies in just one
    mask of its set, and no mask is wider than PatchCleanser's.

    Raises:
        OptionError: a box does not fit into the image, or has fewer places than masks.
    """
    if count < 2:
        raise OptionError(f"masks={count}; use at least 2, for a single one would hide all")
    masks = []
    for box in boxes:
        rows, columns = (
            _intervals(length, side, count, box)
            for length, side in zip((height, width), box, strict=True)
        )
        masks += [row[:, None] & column for row in rows for column in columns]
    return torch.stack(masks)[:, None]


def _intervals(length: int, side: int, count: int, box: tuple[int, int]) -> list[Tensor]:
    """(length,) bool each: one of them holds any ``side`` pixels that follow each other."""
    places = length - side + 1
    size = "x".join(map(str, box))
    if places < 2:
        raise OptionError(
            f"a patch of {size} pixels leaves nothing of an image side of {length}; "
            "use a smaller area"
        )
    if places < count:
        raise OptionError(
            f"masks={count}: a patch of {size} pixels has {places} places on an image side of "
            f"{length}; use at most that many"
        )
    here = torch.arange(length)
    runs = np.array_split(np.arange(places), count)
    return [(here >= int(run[0])) & (here < int(run[-1]) + side) for run in runs]


def _whole(pixels: float) -> int:
    return max(1, math.ceil(pixels * (1 - ROUNDING)))
