"""Photos inside the scikit-image package: a few real pictures on every machine, without a network.

Too few for any statement about a method; enough to try a study.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from interlock.data.sources.sample import Sample, Source, check_index
from interlock.errors import DataError, OptionError

SUBJECTS = {
    "motorcycle_left": ("motorcycle_left.png", (0, 0, 741, 500), "motorbikes"),
    "coffee": ("coffee.png", (130, 40, 470, 330), "cup"),
    "astronaut": ("astronaut.png", (100, 0, 360, 220), "faces"),
    "motorcycle_right": ("motorcycle_right.png", (0, 0, 741, 500), "motorbikes"),
}
"""Name -> file, the box where its subject fills the picture, and what that is in the words of the
embedded classifier."""

CLEAN = (
    "camera.png",
    "chelsea.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "retina.jpg",
    "rocket.jpg",
)
"""Photos that show none of the subjects."""


class PackagePhotos(Source):
    """Crops of the package's photos.

    Args:
        path: ``"subjects"``, with labels of the embedded classifier, or ``"clean"``, without.
        crops: how many, taken in turn from each photo; None for one whole subject each.
        seed: of the crops.

    Raises:
        DataError: another path.
        OptionError: fewer than one crop, or none of the clean photos, which have no subject.
    """

    def __init__(self, path: str, *, crops: int | None = None, seed: int = 0) -> None:
        if path not in ("subjects", "clean"):
            raise DataError(f"skimage: {path!r} is unknown; use 'subjects' or 'clean'")
        if crops is not None and crops < 1:
            raise OptionError(f"crops={crops}: give at least 1")
        if crops is None and path == "clean":
            raise OptionError("crops is missing; the clean photos have no subject to show whole")
        self.path, self._crops, self._seed = path, crops, seed

    def __len__(self) -> int:
        return len(SUBJECTS) if self._crops is None else self._crops

    def sample(self, index: int) -> Sample:
        """One crop; a subject stays in the middle of it."""
        check_index(index, len(self))
        names = list(SUBJECTS) if self.path == "subjects" else list(CLEAN)
        name = names[index % len(names)]
        rng = np.random.default_rng((self._seed, index))
        if self.path == "clean":
            crop = _Crop(name, None, tuple(rng.random(4).tolist()))
            return Sample(f"{name.partition('.')[0]}-{index}", None, "skimage", crop)
        file, box, label = SUBJECTS[name]
        if self._crops is None:
            return Sample(name, label, "skimage", _Crop(file, box, None))
        crop = _Crop(file, box, tuple(rng.random(4).tolist()))
        return Sample(f"{name}-{index}", label, "skimage", crop)


@dataclass(frozen=True)
class _Crop:
    """A part of one photo, as the bytes of a PPM file: no compression that another build of a
    library would do in another way."""

    file: str
    box: tuple[int, int, int, int] | None
    """Where the subject is; None for a square anywhere."""
    drawn: tuple[float, ...] | None
    """Size, place and flip, each in [0, 1); None for the whole box."""

    def fetch(self) -> bytes:
        """Cut it out."""
        from PIL import Image

        with Image.open(io.BytesIO(files("skimage.data").joinpath(self.file).read_bytes())) as file:
            photo = file.convert("RGB")
        cut = photo.crop(self._cut(*photo.size))
        if self.drawn is not None and self.drawn[3] < 0.5:
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        buffer = io.BytesIO()
        cut.save(buffer, "PPM")
        return buffer.getvalue()

    def _cut(self, width: int, height: int) -> tuple[int, int, int, int]:
        if self.drawn is None:
            assert self.box is not None
            return self.box
        size, across, down, _ = self.drawn
        if self.box is None:
            side = int((0.4 + 0.6 * size) * min(width, height))
            left, top = int(across * (width - side + 1)), int(down * (height - side + 1))
            return left, top, left + side, top + side
        left, top, right, bottom = self.box
        share = 0.85 + 0.15 * size
        w, h = int(share * (right - left)), int(share * (bottom - top))
        left += int(across * (right - left - w + 1))
        top += int(down * (bottom - top - h + 1))
        return left, top, left + w, top + h
