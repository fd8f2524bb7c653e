"""How much of a photo a classifier's preprocessing keeps: crops cut off what lies outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from interlock.models.classifier import Classifier

LEAST = 1e-3
"""Of the largest difference that white makes; less is padding, which no pixel reaches."""


def seen_share(classifier: Classifier, width: int, height: int) -> float | None:
    """Share of a photo's area that the model sees.

    By what the preprocessing makes of a black and a white picture and of two ramps: where the
    darkest and the lightest column, and row, come from. Exact to a level of 256 for whatever
    resizes, crops, pads and scales; the part is taken to be a rectangle.

    Args:
        classifier: with its preprocessing.
        width: of the photo, in pixels.
        height: likewise.

    Returns:
        0 to 1; None where preprocessing does otherwise, so that it cannot be told.
    """
    try:
        black, white, across, down = (
            np.asarray(classifier.preprocess(Image.fromarray(picture)).detach().double().cpu())
            for picture in _probes(width, height)
        )
    except Exception:  # preprocessing is the user's code and may raise anything
        return None
    reach = white - black
    if not reach.shape == across.shape == down.shape or reach.ndim != 3 or not reach.any():
        return None
    reached = np.abs(reach) > LEAST * np.abs(reach).max()
    share = 1.0
    for axis, ramp, size in ((2, across, width), (1, down, height)):
        levels = ((ramp - black)[reached] / reach[reached]).clip(0, 1)
        count = int(reached.any(axis=tuple({0, 1, 2} - {axis})).sum())
        # From middle to middle of the outermost pixels, as of the ramp's: half of each lies beyond.
        pixels = float(levels.max() - levels.min()) * (size - 1) * count / max(count - 1, 1)
        share *= min(1.0, pixels / size)
    return share


def _probes(width: int, height: int) -> list[NDArray[np.uint8]]:
    """(H, W, 3): black, white, a ramp from left to right, one from top to bottom."""
    right, bottom = (np.linspace(0, 255, n).round().astype(np.uint8) for n in (width, height))
    planes = [
        np.zeros((height, width), np.uint8),
        np.full((height, width), 255, np.uint8),
        np.broadcast_to(right, (height, width)),
        np.broadcast_to(bottom[:, None], (height, width)),
    ]
    return [np.ascontiguousarray(np.repeat(plane[..., None], 3, axis=2)) for plane in planes]
