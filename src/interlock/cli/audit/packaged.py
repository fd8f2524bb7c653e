"""Photos for the embedded classifier, out of the installed scikit-image package."""

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


def cut_photos(folder: Path) -> Path:
    """Cut the subjects that are shown out of their photos, into a folder for each class."""
    for file, box, label in map(SUBJECTS.__getitem__, SHOWN):
        with Image.open(BytesIO(files("skimage.data").joinpath(file).read_bytes())) as photo:
            make_folder(folder / label)
            save_picture(folder / label / file, photo.convert("RGB").crop(box))
    return folder
