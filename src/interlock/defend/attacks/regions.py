"""Where a patch lies: its shape, its size and its place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interlock.errors import OptionError
from interlock.names import Shape

SHAPES: tuple[Shape, ...] = ("square", "rectangle", "disc")


@dataclass(frozen=True)
class Place:
    """One patch in one image, in pixels from the top left corner."""

    top: int
    """Of its first row."""
    left: int
    """Of its first column."""
    height: int
    """Rows."""
    width: int
    """Columns."""


def footprint(shape: Shape, area: float, height: int, width: int) -> Tensor:
    """The outline of a patch that covers a share of an image.

    Args:
        shape: square, a rectangle twice as wide as it is high, or a disc.
        area: share of the image in (0, 1).
        height: of the image in pixels.
        width: likewise.

    Returns:
        (h, w) bool, at least one pixel.

    Raises:
        OptionError: an unknown shape, or a patch that does not fit into the image.
    """
    if shape not in SHAPES:
        raise OptionError(f"shape {shape!r} is unknown; use one of {', '.join(SHAPES)}")
    if not 0 < area < 1:
        raise OptionError(f"area {area} is not a share of the image; use a value in (0, 1)")
    pixels = area * height * width
    if shape == "rectangle":
        side = math.sqrt(pixels / 2)
        h, w = max(1, round(side)), max(1, round(2 * side))
    else:
        side = math.sqrt(pixels * (4 / math.pi if shape == "disc" else 1))
        h = w = max(1, round(side))
    if h > height or w > width:
        raise OptionError(
            f"a {shape} patch of {area:.0%} is {h}x{w} pixels, larger than the {height}x{width} "
            "image; use a smaller area"
        )
    if shape != "disc":
        return torch.ones(h, w, dtype=torch.bool)
    y, x = torch.meshgrid(*(torch.arange(n) - (n - 1) / 2 for n in (h, w)), indexing="ij")
    return y.square() + x.square() <= (side / 2) ** 2


def fixed_place(outline: Tensor, height: int, width: int, corner: tuple[int, int]) -> Place:
    """The place of a patch whose top left corner is given.

    Raises:
        OptionError: it leaves the image.
    """
    (h, w), (top, left) = outline.shape, corner
    if not (0 <= top <= height - h and 0 <= left <= width - w):
        raise OptionError(f"a {h}x{w} patch at {corner} leaves the {height}x{width} image")
    return Place(top, left, h, w)


def random_places(
    outline: Tensor, height: int, width: int, count: int, rng: np.random.Generator
) -> list[Place]:
    """Places of ``count`` patches that do not overlap, uniform over the image.

    Raises:
        OptionError: they do not fit beside each other.
    """
    h, w = outline.shape
    for _ in range(1000):
        tops = rng.integers(0, height - h + 1, count)
        lefts = rng.integers(0, width - w + 1, count)
        apart = all(
            abs(int(tops[a] - tops[b])) >= h or abs(int(lefts[a] - lefts[b])) >= w
            for a in range(count)
            for b in range(a)
        )
        if apart:
            return [Place(int(t), int(left), h, w) for t, left in zip(tops, lefts, strict=True)]
    raise OptionError(
        f"{count} patches of {h}x{w} pixels do not fit beside each other in {height}x{width}; "
        "use fewer or smaller patches"
    )


def cover(outline: Tensor, places: Sequence[Sequence[Place]], height: int, width: int) -> Tensor:
    """(N, 1, H, W) bool: the pixels under each image's patches."""
    masks = torch.zeros(len(places), 1, height, width, dtype=torch.bool)
    for mask, image_places in zip(masks, places, strict=True):
        for place in image_places:
            rows = slice(place.top, place.top + place.height)
            mask[0, rows, place.left : place.left + place.width] |= outline
    return masks
