"""Folders of images: flat, or one sub-folder per class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from interlock.data.sources.paths import WholeFile, base, locate, reading
from interlock.data.sources.sample import Sample, check_index
from interlock.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")


class FolderSource:
    """Image files, sorted by name.

    A folder that holds images itself is flat: its samples have no label and its sub-folders are
    not looked at. Otherwise each sub-folder is a class, and the label is its name. Hidden files
    and folders are passed over. The names are held in memory.

    Args:
        path: the folder, on any file system.
        storage: options of the file system.

    Raises:
        DataError: the folder is missing, or it or one of its classes holds no images.
    """

    kind = "folder"

    def __init__(self, path: str, *, storage: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self._fs, self._root = locate(path, storage)
        files, folders = _listing(self._fs, self._root, path)
        self.classes: tuple[str, ...] | None = None
        self._files: list[tuple[str, str | None]] = [(f, None) for f in files]
        """(path below the folder, label)."""
        if not files:
            if not folders:
                raise DataError(
                    f"{path}: no image files; expected photo.jpg, or CLASS/photo.jpg for each class"
                )
            self.classes = tuple(folders)
            for name in folders:
                inside = images_in(self._fs, f"{self._root.rstrip('/')}/{name}", f"{path}/{name}")
                self._files.extend((f"{name}/{f}", name) for f in inside)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Sample]:
        return (self.sample(k) for k in range(len(self)))

    def sample(self, index: int) -> Sample:
        """The image at a position of the sorted names."""
        check_index(index, len(self))
        name, label = self._files[index]
        whole = f"{self._root.rstrip('/')}/{name}"
        return Sample(name, label, self.path, WholeFile(self._fs, whole))

    def describe(self) -> dict[str, object]:
        """Kind, path, count."""
        return {"kind": self.kind, "path": self.path, "count": len(self)}


def images_in(fs: AbstractFileSystem, inside: str, name: str) -> list[str]:
    """Names of the image files directly inside a folder, sorted.

    Args:
        fs: the file system.
        inside: the folder's path in it.
        name: what errors call the folder.

    Raises:
        DataError: the folder is missing or holds no file with an image suffix.
    """
    files, _ = _listing(fs, inside, name)
    if not files:
        raise DataError(f"{name}: no image files; expected names like photo.jpg or photo.png")
    return files


def folders_in(fs: AbstractFileSystem, inside: str, name: str) -> list[str]:
    """Names of the folders directly inside a folder, sorted.

    Raises:
        DataError: the folder is missing.
    """
    return _listing(fs, inside, name)[1]


def _listing(fs: AbstractFileSystem, inside: str, name: str) -> tuple[list[str], list[str]]:
    with reading(name):
        if not fs.isdir(inside):
            raise DataError(f"{name}: no such folder")
        entries = fs.ls(inside, detail=True)
    files, folders = [], []
    for entry in entries:
        found = base(entry["name"])
        if found.startswith("."):
            continue
        if entry["type"] == "directory":
            folders.append(found)
        elif found.lower().endswith(SUFFIXES):
            files.append(found)
    return sorted(files), sorted(folders)
