"""Photos: of an upload, which is never written to disk, or of those that come along."""

from __future__ import annotations

import io
import unicodedata
import warnings

from PIL import Image, UnidentifiedImageError

from interlock.data import Sample, decode_image
from interlock.data.sources.package_photos import PackagePhotos
from interlock.errors import ImageError, OptionError
from interlock.report.page import thumbnail
from interlock.studio.board import Part
from interlock.studio.scene import Photo

BYTES = 32 * 2**20
"""Of an upload, at most."""
PIXELS = 50_000_000
"""Likewise; a file of a few kilobytes may claim more."""
LETTERS = 80
"""Of a name that is shown."""


def uploaded(stored: bytes, name: str) -> Photo:
    """A photo from the bytes of an image file, upright.

    Args:
        stored: the whole file.
        name: what the browser calls it; shown, and never used as a path.

    Raises:
        ImageError: it is no image, damaged, or too large; one line.
    """
    shown, most = shown_name(name), f"{PIXELS / 1e6:.0f} million"
    try:
        with warnings.catch_warnings():
            # Pillow warns of many pixels; the limit here is checked just after.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(stored)) as image:  # the head alone
                pixels = image.width * image.height
    except UnidentifiedImageError:
        pixels = 0  # the line is that of decoding
    except Image.DecompressionBombError:
        raise ImageError(f"{shown}: too many pixels; resize it below {most}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{shown}: cannot be decoded ({error}); save it again") from None
    if pixels > PIXELS:
        raise ImageError(f"{shown}: {pixels / 1e6:.0f} million pixels; resize it below {most}")
    return Photo(shown, decode_image(stored, shown))


def sample_photo(name: str) -> Photo:
    """One of the photos that come along.

    Raises:
        OptionError: there is none of that name.
    """
    for sample in _packaged():
        if sample.id == name:
            return Photo(name.replace("_", " "), sample.read())
    raise OptionError(f"sample={name!r}: there is no such photo")


def samples() -> list[Part]:
    """Their names, with small pictures."""
    return [
        {
            "id": sample.id,
            "name": sample.id.replace("_", " "),
            "picture": thumbnail(sample.read()),
        }
        for sample in _packaged()
    ]


def _packaged() -> list[Sample]:
    """Those that look unlike each other."""
    return [sample for sample in PackagePhotos("subjects") if sample.id != "motorcycle_right"]


def shown_name(name: str) -> str:
    """The last part of a name, without what no reader sees, and short."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    return (plain if len(plain) <= LETTERS else f"{plain[: LETTERS - 1]}…") or "photo"
