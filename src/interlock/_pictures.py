"""Pictures as bytes, and overlays on photos."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

SIDE = 224
"""Shortest side of an overlay in pixels; smaller photos are enlarged."""
MASK_COLOUR = (225, 0, 140)
"""Magenta: rare in photos."""
PATCH_COLOUR = (60, 190, 255)


def png_bytes(figure: Figure) -> bytes:
    """A figure as a PNG file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; no reason to warn.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def heat_overlay(photo: Image.Image, values: Tensor, low: float, high: float) -> Image.Image:
    """Lay a map over a photo in grey: clear at ``low``, yellow at ``high``.

    Args:
        photo: RGB.
        values: (h, w), enlarged to the photo.
        low: value that stays transparent.
        high: value with the strongest colour.
    """
    from matplotlib import colormaps

    photo = enlarged(photo)
    plane = Image.fromarray(values.detach().float().cpu().numpy()).resize(
        photo.size, Image.Resampling.BICUBIC
    )
    share = np.clip((np.asarray(plane) - low) / max(high - low, 1e-12), 0, 1)
    grey = np.asarray(photo.convert("L"), np.float32)[..., None] * 0.75
    colour = colormaps["inferno"](0.25 + 0.7 * share)[..., :3] * 255
    weight = 0.85 * share[..., None] ** 0.7
    return Image.fromarray(((1 - weight) * grey + weight * colour).round().astype(np.uint8))


def mask_overlay(photo: Image.Image, mask: Tensor, patch: Tensor | None = None) -> Image.Image:
    """Tint what a mask hides in magenta; frame the true patch in light blue.

    Args:
        photo: RGB, of the masks' size.
        mask: (H, W) bool.
        patch: (H, W) bool, where the patch truly is.
    """
    shown = enlarged(photo)
    pixels = np.asarray(shown, np.float32).copy()
    hidden = _resized(mask, shown.size)
    pixels[hidden] = 0.45 * pixels[hidden] + 0.55 * np.array(MASK_COLOUR, np.float32)
    pixels[_border(hidden)] = MASK_COLOUR
    if patch is not None:
        pixels[_border(_resized(patch, shown.size), 3)] = PATCH_COLOUR
    return Image.fromarray(pixels.round().astype(np.uint8))


def region_overlay(photo: Image.Image, region: Tensor) -> Image.Image:
    """Leave a region in its colours, framed in white, and grey what is around it.

    Args:
        photo: RGB, of the region's size.
        region: (H, W) bool.
    """
    shown = enlarged(photo)
    inside = _resized(region, shown.size)
    grey = np.asarray(shown.convert("L"), np.float32)[..., None] * 0.5 + 20
    pixels = np.where(inside[..., None], np.asarray(shown, np.float32), grey)
    pixels[_border(inside, 2)] = 255
    return Image.fromarray(pixels.round().astype(np.uint8))


def enlarged(photo: Image.Image) -> Image.Image:
    """RGB, by a whole factor if it is small."""
    factor = -(-SIDE // min(photo.size))
    size = (photo.width * factor, photo.height * factor)
    how = Image.Resampling.NEAREST if factor > 4 else Image.Resampling.BICUBIC
    return photo.convert("RGB").resize(size, how) if factor > 1 else photo.convert("RGB")


def _resized(mask: Tensor, size: tuple[int, int]) -> NDArray[np.bool_]:
    plane = Image.fromarray(mask.cpu().numpy().astype(np.uint8) * 255)
    return np.asarray(plane.resize(size, Image.Resampling.NEAREST)) > 0


def _border(shown: NDArray[np.bool_], width: int = 2) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_erosion

    inside: NDArray[np.bool_] = binary_erosion(shown, iterations=width, border_value=0)
    return shown & ~inside
