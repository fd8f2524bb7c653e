"""Folders of images, flat or one sub-folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from interlock.data.images import read_image
from interlock.errors import DataError

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
)


def list_images(folder: str | Path) -> list[Path]:
    """The image files directly inside a folder, sorted by name.

    Raises:
        DataError: the folder is missing or holds no file with an image suffix.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file())
    if not files:
        raise DataError(f"{folder}: no image files; expected names like photo.jpg or photo.png")
    return files


@dataclass(frozen=True)
class LabelledFolder:
    """Images in one sub-folder per class; classes are the sorted sub-folder names."""

    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    @classmethod
    def scan(cls, root: str | Path) -> LabelledFolder:
        """List ``root/CLASS/*.jpg``.

        Raises:
            DataError: the root is missing, or a class has no images.
        """
        root = Path(root)
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        folders = sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
        if not folders:
            raise DataError(f"{root}: no class folders; expected {root}/CLASS/photo.jpg")
        found = [(f, k) for k, folder in enumerate(folders) for f in list_images(folder)]
        return cls(
            classes=tuple(f.name for f in folders),
            files=tuple(f for f, _ in found),
            labels=tuple(k for _, k in found),
        )

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        """Yield (RGB image, class index), one file at a time."""
        for file, label in zip(self.files, self.labels, strict=True):
            yield read_image(file), label
