"""Clean images in batches, and the crops that concepts are found in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.errors import DataError, OptionError


def as_batches(images: Tensor | Iterable[Tensor]) -> Iterable[Tensor]:
    """Batches of at most 32 images, whatever was given.

    Raises:
        DataError: a batch is not (N, C, H, W), or not finite.
    """
    for batch in (images,) if isinstance(images, Tensor) else images:
        if not isinstance(batch, Tensor) or batch.ndim != 4:
            shape = tuple(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
            raise DataError(f"images: got {shape}; expected batches of shape (N, C, H, W)")
        if not bool(batch.isfinite().all()):
            raise DataError("images: some values are not finite; check what they were made from")
        yield from parts_of(batch, 32)


def parts_of(x: Tensor, size: int) -> Iterator[Tensor]:
    """Slices of at most ``size`` along the first dimension."""
    return (x[start : start + size] for start in range(0, len(x), size))


class Reservoir:
    """A uniform sample of the tensors of a stream."""

    def __init__(self, seed: tuple[int, ...], limit: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._limit, self._seen = limit, 0
        self.kept: list[Tensor] = []

    def add(self, parts: Iterable[Tensor]) -> None:
        """Take in some more; copies are kept, as a view would keep its whole batch."""
        for part in parts:
            self._seen += 1
            if len(self.kept) < self._limit:
                self.kept.append(part.clone())
            elif (place := int(self._rng.integers(self._seen))) < self._limit:
                self.kept[place] = part.clone()


def crops_of(x: Tensor, share: float) -> Tensor:
    """Overlapping crops that cover every pixel, enlarged: (N, C, H, W) -> (N * crops, C, H, W).

    Raises:
        OptionError: a crop that is empty or larger than the image.
    """
    height, width = x.shape[-2:]
    h, w = round(share * height), round(share * width)
    if not (2 <= h <= height and 2 <= w <= width):
        raise OptionError(
            f"crops of {h}x{w} pixels from {height}x{width} images; use a share in (0, 1] that "
            "leaves at least 2 pixels"
        )
    tops, lefts = _starts(height, h), _starts(width, w)
    parts = torch.stack([x[:, :, t : t + h, u : u + w] for t in tops for u in lefts], dim=1)
    flat = parts.flatten(0, 1)
    return F.interpolate(flat, size=(height, width), mode="bilinear", align_corners=False)


def _starts(length: int, crop: int) -> list[int]:
    count = math.ceil((length - crop) / max(1, crop // 2)) + 1
    return [round(start) for start in np.linspace(0, length - crop, count)]
