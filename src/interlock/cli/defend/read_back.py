"""Pictures that a model's own preprocessing turns back into the input they were made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from interlock.models import Classifier

LEVELS = 1.5
"""Of 256, by which a pixel that was read back may differ: rounding, once on each way."""
CROPS = (1.0, 0.875, 0.95, 0.9, 0.8)
"""Shares of the canvas's side that a centre crop commonly keeps; all others are tried after."""
LARGEST = 2
"""Times the input's side, up to which a canvas is looked for."""


class Canvas:
    """Where a model's preprocessing takes a picture's middle as it is, without resampling it.

    Args:
        classifier: with its preprocessing.
        height: of the model's input.
        width: likewise.
    """

    def __init__(self, classifier: Classifier, height: int, width: int) -> None:
        self._classifier, self._size = classifier, (height, width)
        self.side: tuple[int, int] | None = next(self._exact(), None)
        """Height and width of a picture whose middle is read as it is; None if none was found."""

    def picture(self, x: Tensor, photo: Image.Image) -> Image.Image:
        """An input as a picture that is read as that input, with the photo around it.

        Args:
            x: (C, H, W), as the model takes it.
            photo: that it was made from, for what a crop leaves out.

        Returns:
            The input itself where no such canvas was found.
        """
        shown = self._classifier.to_pil(x)
        if self.side is None:
            return shown
        height, width = self.side
        canvas = _filling(photo.convert("RGB"), width, height)
        canvas.paste(shown, _corner(self.side, self._size)[::-1])
        return canvas

    def _exact(self) -> Iterator[tuple[int, int]]:
        noise = np.random.default_rng(0)
        height, width = self._size
        longest = LARGEST * max(height, width)
        tried = [
            *(1 / share for share in CROPS),
            *(k / max(height, width) for k in range(max(height, width), longest + 1)),
        ]
        for side in dict.fromkeys((round(height * f), round(width * f)) for f in tried):
            pixels = noise.integers(0, 256, (*side, 3), dtype=np.uint8)
            if self._reads(pixels):
                yield side

    def _reads(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether the middle of a picture comes out as it is."""
        height, width = self._size
        try:
            x = self._classifier.preprocess(Image.fromarray(pixels))
        except Exception:  # the user's preprocessing may refuse a size
            return False
        if x.shape[-2:] != self._size:
            return False
        top, left = _corner(pixels.shape[:2], self._size)
        middle = pixels[top : top + height, left : left + width].astype(np.int64)
        read = np.asarray(self._classifier.to_pil(x)).astype(np.int64)
        return bool((abs(read - middle) <= LEVELS).all())


def same_input(classifier: Classifier, one: Tensor, other: Tensor) -> bool:
    """Whether two inputs (C, H, W) show the same picture, but for rounding."""
    if one.shape != other.shape:
        return False
    low, high = classifier.bounds or (torch.zeros(1), torch.ones(1))
    level = ((high - low) / 255).view(-1, 1, 1).to(one.device)
    return bool(((one - other).abs() <= LEVELS * level).all())


def _corner(side: Sequence[int], inside: Sequence[int]) -> tuple[int, int]:
    """Top and left of a centred rectangle."""
    return (side[0] - inside[0]) // 2, (side[1] - inside[1]) // 2


def _filling(photo: Image.Image, width: int, height: int) -> Image.Image:
    """The photo's middle, resized so that it just covers a canvas."""
    scale = max(width / photo.width, height / photo.height)
    size = (max(width, round(photo.width * scale)), max(height, round(photo.height * scale)))
    resized = photo.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return resized.crop((left, top, left + width, top + height))
