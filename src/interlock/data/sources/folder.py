"""Folders of images: flat, or one sub-folder per class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from interlock.data.sources.paths import WholeFile, base, locate, reading
from interlock.data.sources.sample import Sample, Source, check_index
from interlock.errors import DataError, OptionError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm",
    ".pgm", ".pbm", ".pnm", ".tga", ".jp2", ".avif", ".heic", ".heif", ".jxl",
)  # fmt: skip
"""Of pictures. What Pillow cannot read of them here is named when it is read, not passed over."""


class FolderSource(Source):
    """Image files, sorted by name.

    The images of a flat folder have no label. Otherwise each sub-folder is a class, and the label
    is its name. Hidden files and folders are passed over. The names are held in memory.

    Args:
        path: the folder, on any file system.
        layout: ``"flat"``, ``"classes"``, or ``""`` to take it from what is there.
        storage: options of the file system.

    Raises:
        DataError: the folder is missing, it or one of its classes holds no images, it holds
            images as well as folders and no layout is given, or a class has images in a folder of
            its own, where they would be left out.
        OptionError: an unknown layout.
    """

    def __init__(
        self, path: str, *, layout: str = "", storage: Mapping[str, Any] | None = None
    ) -> None:
        if layout not in ("", "flat", "classes"):
            raise OptionError(f"layout={layout!r}: choose flat or classes, or leave it out")
        self.path = path
        self._fs, self._root = locate(path, storage)
        files, folders = _listing(self._fs, self._root, path)
        if files and folders and not layout:
            raise DataError(
                f"{path}: holds images ({files[0]}) and folders ({folders[0]}); say which are"
                " meant: layout = 'flat' or 'classes'"
            )
        self._files: list[tuple[str, str | None]]
        """(path below the folder, label)."""
        if layout == "classes" or (folders and not layout):
            if not folders:
                raise DataError(f"{path}: no class folders; expected {path}/CLASS/photo.jpg")
            self._classes = tuple(folders)
            self._files = [
                (f"{name}/{file}", name)
                for name in folders
                for file in _of_class(
                    self._fs, f"{self._root.rstrip('/')}/{name}", f"{path.rstrip('/')}/{name}"
                )
            ]
        elif files:
            self._files = [(file, None) for file in files]
        else:
            raise DataError(
                f"{path}: no image files; expected photo.jpg, or CLASS/photo.jpg for each class"
            )

    def __len__(self) -> int:
        return len(self._files)

    def sample(self, index: int) -> Sample:
        """The image at a position of the sorted names."""
        check_index(index, len(self))
        name, label = self._files[index]
        whole = f"{self._root.rstrip('/')}/{name}"
        return Sample(name, label, self.path, WholeFile(self._fs, whole))


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
    return _some(files, name)


def _of_class(fs: AbstractFileSystem, inside: str, name: str) -> list[str]:
    """``images_in``, of a folder in which no others hold images."""
    files, folders = _listing(fs, inside, name)
    for folder in folders:
        with reading(name):
            below = fs.find(f"{inside}/{folder}")
        if any(base(file).lower().endswith(SUFFIXES) for file in below):
            raise DataError(
                f"{name}/{folder}: images in a folder inside a class would be left out; move them "
                f"up into {name}"
            )
    return _some(files, name)


def _some(files: list[str], name: str) -> list[str]:
    if not files:
        raise DataError(f"{name}: no image files; expected names like photo.jpg or photo.png")
    return files


def _listing(fs: AbstractFileSystem, inside: str, name: str) -> tuple[list[str], list[str]]:
    with reading(name):
        if not fs.isdir(inside):
            raise DataError(f"{name}: no such folder")
        entries = fs.ls(inside, detail=True)
    files, folders = [], []
    for entry in entries:
        entry_name = base(entry["name"])
        if entry_name.startswith("."):
            continue
        kind = entry["type"]
        if kind == "other" and fs.isdir(entry["name"]):  # a link, which fsspec does not follow
            kind = "directory"
        if kind == "directory":
            folders.append(entry_name)
        elif entry_name.lower().endswith(SUFFIXES):
            files.append(entry_name)
    return sorted(files), sorted(folders)
