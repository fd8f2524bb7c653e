"""Spatial priors: which pixels lie in one region, before the model is asked anything.

A prior takes the image as (H, W, 3) float in [0, 1] and returns (H, W) integer labels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from interlock.errors import OptionError
from interlock.names import PriorName

LabelMap = NDArray[np.int64]
Prior = Callable[[NDArray[np.float64]], NDArray[Any]]
"""A segmentation of your own: (H, W, 3) float in [0, 1] -> (H, W) integer labels."""


SMOOTHED = 1 / 112
"""Of the longer side: by how much photos are smoothed before they are cut finely, 2 px at 224."""


def slic(image: NDArray[np.float64], regions: int = 50, smoothed: float = 0.0) -> NDArray[Any]:
    """About so many compact superpixels (Achanta et al. 2012).

    With ``smoothed``, a share of the longer side, the image is blurred by a Gaussian of that
    standard deviation first: else superpixels follow the noise of single pixels.
    """
    from skimage.segmentation import slic as segment

    labels: NDArray[Any] = segment(
        image,
        n_segments=regions,
        compactness=10,
        sigma=smoothed * max(image.shape[:2]),
        start_label=0,
    )
    return labels


def felzenszwalb(image: NDArray[np.float64]) -> NDArray[Any]:
    """Graph-based regions of uneven size (Felzenszwalb and Huttenlocher 2004)."""
    from skimage.segmentation import felzenszwalb as segment

    smallest = max(20, image.shape[0] * image.shape[1] // 250)
    labels: NDArray[Any] = segment(image, scale=100, sigma=0.8, min_size=smallest)
    return labels


def quickshift(image: NDArray[np.float64]) -> NDArray[Any]:
    """Modes of colour and place (Vedaldi and Soatto 2008)."""
    from skimage.segmentation import quickshift as segment

    labels: NDArray[Any] = segment(image, kernel_size=4, max_dist=20, ratio=0.5, rng=0)
    return labels


def grid(image: NDArray[np.float64], cells: int = 7) -> NDArray[Any]:
    """A grid of ``cells`` x ``cells`` equal rectangles."""
    height, width = image.shape[:2]
    rows = np.arange(height) * cells // height
    columns = np.arange(width) * cells // width
    labels: NDArray[Any] = rows[:, None] * cells + columns[None, :]
    return labels


def none(image: NDArray[np.float64]) -> NDArray[Any]:
    """No prior: every pixel is a region of its own."""
    return np.arange(image.shape[0] * image.shape[1]).reshape(image.shape[:2])


def refined(prior: Prior) -> Prior:
    """The same prior with about 100 regions, where the number is free; others as they are."""
    if prior is slic:
        return partial(slic, regions=100, smoothed=SMOOTHED)
    return partial(grid, cells=10) if prior is grid else prior


def resolve(prior: PriorName | Prior | NDArray[Any] | torch.Tensor) -> Prior:
    """The prior behind a name, a function, or an (H, W) label map.

    Raises:
        OptionError: the name is unknown.
    """
    if isinstance(prior, str):
        if prior == "sam":
            from interlock.explain.sam import SegmentAnything

            return SegmentAnything()
        named: dict[str, Prior] = {f.__name__: f for f in (slic, felzenszwalb, quickshift, none)}
        named["grid"] = grid
        if prior not in named:
            known = ", ".join(get_args(PriorName))
            raise OptionError(f"prior={prior!r} is unknown; use one of {known}, or a label map")
        return named[prior]
    if callable(prior):
        return prior
    return _Fixed(np.asarray(prior))


class _Fixed:
    """The caller's own label map, the same for every image."""

    def __init__(self, labels: NDArray[Any]) -> None:
        self._labels = labels

    def __call__(self, image: NDArray[np.float64]) -> NDArray[Any]:
        return self._labels


def segment(prior: Prior, image: NDArray[np.float64]) -> LabelMap:
    """Apply a prior and check what it gave; labels become 0 .. regions - 1.

    Raises:
        OptionError: the labels are no (H, W) map of whole numbers for this image.
    """
    labels = np.asarray(prior(image))
    if labels.shape != image.shape[:2]:
        raise OptionError(
            f"the prior gave labels of shape {labels.shape} for an image of {image.shape[0]}x"
            f"{image.shape[1]} pixels; give one label per pixel"
        )
    if labels.dtype == bool:
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise OptionError(f"the prior gave labels of type {labels.dtype}; give whole numbers")
    _, compact = np.unique(labels, return_inverse=True)
    return compact.reshape(labels.shape).astype(np.int64)
