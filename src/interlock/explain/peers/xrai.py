"""XRAI: regions ranked by the attribution inside them (Kapishnikov et al. 2019).

arXiv 1906.02825, algorithm 1. Integrated Gradients from a dark and a bright baseline are averaged;
overlapping segments of several sizes are added greedily, always the one whose new pixels have the
highest mean attribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interlock.errors import OptionError
from interlock.explain._derivatives import Differentiable
from interlock.explain.hsets import displayed
from interlock.explain.peers._asking import Asking

# The authors' settings, made for 224 x 224 pixels; segments are always found at that size.
SIDE = 224
SCALES = (50, 100, 150, 250, 500, 1200)
SIGMA = 0.8
SMALLEST = 150
DILATION = 5
FEWEST_NEW = 50

Masks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Xrai(Asking):
    """Each pixel shows the mean attribution of what its region added, with its sign."""

    steps: int = 50
    """Points on each of the two paths of Integrated Gradients, >= 1."""
    low: float | None = None
    """The dark baseline as the model takes it; None for the least value of x, as the authors."""
    high: float | None = None
    """The bright one; None for the largest value."""
    _least: ClassVar = {"steps": 1}

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        for name, value in (("low", self.low), ("high", self.high)):
            if value is not None and not (isinstance(value, int | float) and np.isfinite(value)):
                raise OptionError(f"{name}={value!r}: must be a finite number")

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        gained = torch.zeros_like(x)
        for level in (
            x.min() if self.low is None else x.new_tensor(self.low),
            x.max() if self.high is None else x.new_tensor(self.high),
        ):
            start = level.expand_as(x)
            path = model.along_path(x, start, target, self.steps)
            gained += 0.5 * path.mean(dim=0) * (x - start)
        attribution = gained.amax(dim=0).cpu().double().numpy()  # over channels, as the authors
        fewest = max(1, round(FEWEST_NEW * attribution.size / SIDE**2))
        return torch.from_numpy(ranked(attribution, segments(displayed(x)), fewest))


def segments(image: NDArray[np.float64]) -> Masks:
    """(H, W, 3) in [0, 1] -> (n, H, W): Felzenszwalb's segments at six scales, dilated."""
    from skimage.segmentation import felzenszwalb
    from skimage.transform import resize

    scaled = image * 2 - 1
    if image.shape[:2] != (SIDE, SIDE):
        scaled = resize(scaled, (SIDE, SIDE), order=3, anti_aliasing=True)
    radius = max(1, round(DILATION * min(image.shape[:2]) / SIDE))
    masks: list[Masks] = []
    for scale in SCALES:
        labels = felzenszwalb(scaled, scale=scale, sigma=SIGMA, min_size=SMALLEST)
        if labels.shape != image.shape[:2]:
            labels = resize(
                labels, image.shape[:2], order=0, preserve_range=True, anti_aliasing=False
            ).astype(np.int64)
        masks += [_dilated(labels == label, radius) for label in np.unique(labels)]
    return np.stack(masks)


def _dilated(mask: Masks, radius: int) -> Masks:
    from scipy.ndimage import binary_dilation
    from skimage.morphology import disk

    ys, xs = np.nonzero(mask)
    near = (
        slice(max(0, ys.min() - radius), ys.max() + radius + 1),
        slice(max(0, xs.min() - radius), xs.max() + radius + 1),
    )
    grown = mask.copy()
    grown[near] = binary_dilation(mask[near], disk(radius))
    return grown


def ranked(
    attribution: NDArray[np.float64], masks: Masks | Sequence[Masks], fewest: int
) -> NDArray[np.float64]:
    """The greedy part of the algorithm.

    Args:
        attribution: (H, W).
        masks: (n, H, W), possibly overlapping.
        fewest: a mask that would add fewer pixels is dropped.

    Returns:
        (H, W): the mean attribution of the pixels that came with each one; those that never came
        get the mean over themselves.
    """
    flat = attribution.ravel()
    members = np.asarray(masks).reshape(len(masks), -1)
    # Pixels not yet covered and their attribution, mask by mask; each pixel leaves them once.
    areas = members.sum(axis=1).astype(np.float64)
    sums = members @ flat
    free = np.ones(flat.size, dtype=bool)
    saliency = np.zeros(flat.size)
    while True:
        usable = areas >= fewest
        if not usable.any():
            break
        gains = np.where(usable, sums / np.maximum(areas, 1), -np.inf)
        best = int(gains.argmax())
        new = np.flatnonzero(members[best] & free)
        saliency[new] = flat[new].mean()
        free[new] = False
        touched = members[:, new]
        areas -= touched.sum(axis=1)
        sums -= touched @ flat[new]
        areas[best] = 0.0
    if free.any():
        saliency[free] = flat[free].mean()
    return saliency.reshape(attribution.shape)
