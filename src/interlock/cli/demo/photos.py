"""The photos of ``interlock demo``, out of the installed scikit-image package."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO
from pathlib import Path

from PIL import Image

from interlock._files import make_folder
from interlock.cli.bench import save_picture
from interlock.data.sources.package_photos import SUBJECTS

SHOWN = ("motorcycle_left", "coffee", "astronaut")
"""Of ``SUBJECTS``: the embedded classifier was trained on photos of one object that fills them."""


def packaged_photo(file: str) -> Image.Image:
    """A photo of the package, RGB."""
    with Image.open(BytesIO(files("skimage.data").joinpath(file).read_bytes())) as photo:
        return photo.convert("RGB")


def cut_photos(folder: Path) -> list[Path]:
    """Cut the subjects that are shown out of their photos, into ``folder``."""
    make_folder(folder)
    paths = []
    for file, box, _ in map(SUBJECTS.__getitem__, SHOWN):
        save_picture(folder / file, packaged_photo(file).crop(box))
        paths.append(folder / file)
    return paths
