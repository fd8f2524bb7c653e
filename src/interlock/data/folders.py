"""Folders of images on the local disk, as paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from interlock.data.images import read_image
from interlock.errors import DataError


def list_images(folder: str | Path) -> list[Path]:
    """The image files directly inside a folder, sorted by name; hidden ones are left out.

    Raises:
        DataError: the folder is missing or holds no file with an image suffix.
    """
    from fsspec.implementations.local import LocalFileSystem

    from interlock.data.sources.folder import images_in

    folder = Path(folder)
    return [folder / name for name in images_in(LocalFileSystem(), str(folder), str(folder))]


@dataclass(frozen=True)
class LabelledFolder:
    """Images in one sub-folder per class; classes are the sorted sub-folder names.

    The ``folder`` source with paths of the local disk, for those who need the files themselves.
    """

    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    @classmethod
    def scan(cls, root: str | Path) -> LabelledFolder:
        """List ``root/CLASS/*.jpg``.

        Raises:
            DataError: the root is missing, or a class has no images.
        """
        from fsspec.implementations.local import LocalFileSystem

        from interlock.data.sources.folder import folders_in

        root = Path(root)
        folders = folders_in(LocalFileSystem(), str(root), str(root))
        if not folders:
            raise DataError(f"{root}: no class folders; expected {root}/CLASS/photo.jpg")
        found = [(f, k) for k, name in enumerate(folders) for f in list_images(root / name)]
        return cls(
            classes=tuple(folders),
            files=tuple(f for f, _ in found),
            labels=tuple(k for _, k in found),
        )

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        """Yield (RGB image, class index), one file at a time."""
        for file, label in zip(self.files, self.labels, strict=True):
            yield read_image(file), label
