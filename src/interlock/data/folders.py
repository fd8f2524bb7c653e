"""Folders of images on the local disk, as paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from interlock.data.images import read_image


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
    """Names of the sub-folders, sorted."""
    files: tuple[Path, ...]
    """Paths of the images, class by class."""
    labels: tuple[int, ...]
    """Of each file, its place in ``classes``."""

    @classmethod
    def scan(cls, root: str | Path) -> LabelledFolder:
        """List ``root/CLASS/*.jpg``.

        Raises:
            DataError: the root is missing, or a class has no images.
        """
        from interlock.data.sources.folder import FolderSource

        samples = FolderSource(str(root), layout="classes")
        classes = samples.classes or ()
        return cls(
            classes=classes,
            files=tuple(Path(root) / sample.id for sample in samples),
            labels=tuple(classes.index(str(sample.label)) for sample in samples),
        )

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[Image.Image, int]]:
        """Yield (RGB image, class index), one file at a time."""
        for file, label in zip(self.files, self.labels, strict=True):
            yield read_image(file), label
