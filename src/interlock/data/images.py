"""Reading one image, from a file or from bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from interlock.errors import ImageError

MAX_PIXELS = 200_000_000
NO_DATA = 1e30
"""Floats from here on are no brightness: files without a value somewhere have 3.4e38 there."""


def read_image(path: str | Path) -> Image.Image:
    """Read the first frame of an image file as 8-bit RGB, upright.

    EXIF orientation is applied. Transparent pixels are laid on white. Grey, palette, 16-bit,
    float and RGBA files are converted, each from its own full scale.

    Raises:
        ImageError: the path is missing, a folder, empty, truncated, not an image, CMYK, or
            larger than 200 million pixels.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise ImageError(f"{path}: is a folder; name an image file")
        if not path.exists():
            raise ImageError(f"{path}: no such file")
    except OSError as error:  # a name that no file can have
        raise ImageError(f"{path}: {error.strerror}; name an image file") from None
    return _decoded(path, str(path), empty=lambda: path.stat().st_size == 0)


def decode_image(stored: bytes, name: str) -> Image.Image:
    """The same from the bytes of an image file.

    Args:
        stored: the whole file.
        name: what errors call it.

    Raises:
        ImageError: as ``read_image``.
    """
    return _decoded(io.BytesIO(stored), name, empty=lambda: not stored)


def _decoded(file: Path | io.BytesIO, name: str, *, empty: Callable[[], bool]) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Pillow warns well below our own limit, which is checked just after, and of damaged
            # notes beside the pixels, which take nothing from them.
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageError(
                        f"{name}: {image.width}x{image.height} pixels; resize it below 200 million"
                    )
                if image.mode == "CMYK":
                    raise ImageError(f"{name}: CMYK, 4 channels; convert it to RGB first")
                image.load()
                return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        reason = "the file is empty" if empty() else "not an image that Pillow can read"
        raise ImageError(f"{name}: {reason}; use a PNG or JPEG file") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{name}: too many pixels; resize it below 200 million") from None
    except ImageError:
        raise
    except Exception as error:  # decoders of damaged files raise many kinds
        raise ImageError(f"{name}: cannot be decoded ({error}); save it again") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8bit(image)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        canvas = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(canvas, layered).convert("RGB")
    return image.convert("RGB")


def _to_8bit(image: Image.Image) -> NDArray[np.uint8]:
    """Full scale is 65535 for 16-bit files, 1 for floats up to about 1, else the largest value.

    Resampling leaves floats a little above 1, which are white. What is infinite, or as far off as
    the no-data values of maps, is black or white; NaN is black.

    Raises:
        ValueError: no value is finite.
    """
    with np.errstate(invalid="ignore"):
        values = np.asarray(image).astype(np.float64)
    finite = values[np.abs(values) < NO_DATA]
    if not finite.size:
        raise ValueError("no pixel is a finite number")
    largest = float(finite.max())
    full = 65535.0 if image.mode.startswith("I;16") else max(largest, 255.0)
    if image.mode == "F" and largest < 2.0:
        full = 1.0
    scaled = np.nan_to_num(values * (255.0 / full), nan=0.0)
    return np.clip(scaled, 0, 255).astype(np.uint8)
