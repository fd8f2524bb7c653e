"""Images whose class is decided by two parts together, with the truth of where they are.

Each image is a crop of a photo from ``skimage.data`` on which glyphs lie: one of the *left* parts
(A, C), one of the *right* parts (B, D), and distractors that say nothing. Three rules give labels:

- ``"xor"``: class 0 for A+B or C+D, class 1 for A+D or C+B. No part alone carries any information,
  so a classifier must let the two act together.
- ``"and"``: one class for each of the four pairs. Neither part alone decides, yet evidence that
  merely adds up suffices.
- ``"or"``: class 1 where A or B is there, or both, class 0 for C+D. Where both are there, each
  stands in for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rule = Literal["xor", "and", "or"]
CLASSES: dict[Rule, int] = {"xor": 2, "and": 4, "or": 2}

SIDE = 64
GLYPH = 9
DISTRACTORS = 3
TRAINING_PHOTOS = ("astronaut", "coffee")
HELD_OUT_PHOTOS = ("chelsea",)


@dataclass(frozen=True)
class Scenes:
    """N images with their truth."""

    images: Tensor
    """(N, 3, SIDE, SIDE) float in [-1, 1]."""
    labels: Tensor
    """(N,) int64."""
    parts: Tensor
    """(N, 2, SIDE, SIDE) bool: where the left and the right part lie."""
    distractors: Tensor
    """(N, SIDE, SIDE) bool."""


def _patterns() -> dict[str, NDArray[np.bool_]]:
    """Ink of each glyph, (GLYPH, GLYPH)."""
    y, x = np.mgrid[:GLYPH, :GLYPH] - GLYPH // 2
    radius, arm = np.hypot(y, x), GLYPH // 6
    return {
        "A": (abs(x) <= arm) | (abs(y) <= arm),  # plus
        "C": (abs(x - y) <= arm) | (abs(x + y) <= arm),  # cross
        "B": (radius > 2) & (radius < 4.5),  # ring
        "D": np.maximum(abs(y), abs(x)) <= 2,  # square
        "stripes": y % 3 == 0,
        "bars": x % 3 == 0,
        "checks": (y // 2 + x // 2) % 2 == 0,
    }


PATTERNS = _patterns()


@cache
def _backgrounds(names: tuple[str, ...]) -> list[NDArray[np.float64]]:
    """Photos shrunk to a third, (h, w, 3) in [-1, 1]."""
    from skimage import data
    from skimage.transform import rescale

    photos = [rescale(getattr(data, name)() / 255.0, 1 / 3, channel_axis=2) for name in names]
    return [np.clip(photo, 0, 1) * 2 - 1 for photo in photos]


def draw(count: int, rule: Rule, *, held_out: bool = False, seed: int = 0) -> Scenes:
    """Scenes drawn at random; held-out ones stand on a photo that training never shows."""
    generator = np.random.default_rng([seed, held_out])
    backgrounds = _backgrounds(HELD_OUT_PHOTOS if held_out else TRAINING_PHOTOS)
    images = np.empty((count, SIDE, SIDE, 3))
    parts = np.zeros((count, 2, SIDE, SIDE), dtype=bool)
    distractors = np.zeros((count, SIDE, SIDE), dtype=bool)
    left, right = generator.integers(0, 2, (2, count))
    for n in range(count):
        images[n] = _crop(backgrounds[generator.integers(len(backgrounds))], generator)
        spots = _spots(2 + DISTRACTORS, generator)
        fillers = generator.choice(["stripes", "bars", "checks"], DISTRACTORS)
        names = ["AC"[left[n]], "BD"[right[n]], *fillers]
        for kind, ((top, start), name) in enumerate(zip(spots, names, strict=True)):
            place = np.s_[n, top : top + GLYPH, start : start + GLYPH]
            _paint(images[place], PATTERNS[name], generator)
            (parts[n, kind] if kind < 2 else distractors[n])[place[1:]] = True
    labels = _labels(rule, left, right)
    return Scenes(
        images=torch.from_numpy(images).permute(0, 3, 1, 2).float().contiguous(),
        labels=torch.from_numpy(labels),
        parts=torch.from_numpy(parts),
        distractors=torch.from_numpy(distractors),
    )


def _labels(rule: Rule, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    if rule == "xor":
        return left ^ right
    return 2 * left + right if rule == "and" else 1 - (left & right)  # 0 is A, and B


def _crop(photo: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    top = generator.integers(photo.shape[0] - SIDE + 1)
    start = generator.integers(photo.shape[1] - SIDE + 1)
    crop = photo[top : top + SIDE, start : start + SIDE]
    return crop[:, :: generator.choice([-1, 1])]


def _spots(count: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Top left corners of ``count`` glyphs that do not touch."""
    spots: list[tuple[int, int]] = []
    while len(spots) < count:
        spot = tuple(generator.integers(1, SIDE - GLYPH, 2).tolist())
        if all(max(abs(spot[0] - y), abs(spot[1] - x)) > GLYPH for y, x in spots):
            spots.append(spot)
    return spots


def _paint(
    patch: NDArray[np.float64], ink: NDArray[np.bool_], generator: np.random.Generator
) -> None:
    """Lay a glyph on a patch: bright ink of a random tint on a dark ground."""
    tint = generator.uniform(0.2, 1.0, 3)
    patch[:] = np.where(ink[..., None], tint, -0.8)
