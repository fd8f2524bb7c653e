"""Data sets that Hugging Face ``datasets`` wrote with ``save_to_disk``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from interlock.data.sources.parquet_cells import image_bytes
from interlock.data.sources.paths import MAGIC, locate, reading, why
from interlock.data.sources.row_source import RowSource, see_columns
from interlock.data.sources.sample import Origin
from interlock.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ROWS_AT_ONCE = 1000
_COPIES: list[TemporaryDirectory[str]] = []
"""Kept for as long as the process lives."""


class DatasetsSource(RowSource):
    """One sample for each row; Arrow files on the local disk are mapped, not read.

    ``datasets`` copies a data set of another file system to a temporary folder, once a process.

    Args:
        path: the folder that ``save_to_disk`` wrote.
        split: name of the split, if the folder holds several.
        image: name of the image column: an ``Image`` feature, or binary.
        label: name of the label column; ``""`` for none. A ``ClassLabel`` gives the class names,
            and -1 means none.
        classes: class names, or the file that lists them, in place of the data set's own.
        storage: options of the file system.

    Raises:
        DataError: the folder is missing or holds something else, lacks the split or a column, or
            has no rows; ``datasets`` is not installed. While iterating: a label outside the
            classes.
    """

    def __init__(
        self,
        path: str,
        *,
        split: str = "",
        image: str = "image",
        label: str = "label",
        classes: Sequence[str] | str | None = None,
        storage: Mapping[str, Any] | None = None,
    ) -> None:
        _loaded.cache_clear()  # the folder may have been written anew
        _column.cache_clear()
        self._image = image
        self._set = SavedSet(path, split, json.dumps(dict(storage or {}), sort_keys=True))
        rows = self._set.load()
        see_columns((image, label), rows.column_names, f"{path}:")
        self._count = len(rows)
        if not self._count:
            raise DataError(f"{path}: holds no rows")
        own = getattr(rows.features.get(label), "names", None)
        super().__init__(path, label, classes, own, storage)

    def __len__(self) -> int:
        return self._count

    def _values(self) -> Iterator[object]:
        for start in range(0, self._count, _ROWS_AT_ONCE):
            rows = range(start, min(start + _ROWS_AT_ONCE, self._count))
            yield from self._set.cells(self._label, rows)

    def _value(self, row: int) -> object:
        return self._set.cells(self._label, range(row, row + 1))[0]

    def _origin(self, row: int) -> tuple[str, str, Origin]:
        return str(row), f"{self.path}: row {row}", SavedCell(self._set, self._image, row)


@dataclass(frozen=True)
class SavedSet:
    """Names a saved data set; each process loads it when it first reads from it."""

    path: str
    split: str
    storage: str = field(repr=False)
    """Options of the file system, as JSON."""

    def load(self) -> Any:
        """The ``datasets.Dataset``.

        Raises:
            DataError: it cannot be loaded.
        """
        return _loaded(os.getpid(), self)

    def cells(self, column: str, rows: range) -> list[Any]:
        """Values as they are stored: images are not decoded.

        Raises:
            DataError: they cannot be read.
        """
        column_of = _column(os.getpid(), self, column)
        try:
            return list(column_of[rows.start : rows.stop].column(0).to_pylist())
        except Exception as error:
            raise DataError(
                f"{self.path}: row {rows.start} cannot be read ({why(error)})"
            ) from None


@dataclass(frozen=True)
class SavedCell:
    """The image of one row."""

    saved: SavedSet
    column: str
    row: int

    def fetch(self) -> bytes:
        """Read it.

        Raises:
            DataError: the row has none, or it cannot be read.
        """
        return image_bytes(self.saved.cells(self.column, range(self.row, self.row + 1))[0])


@lru_cache(maxsize=4)
def _loaded(process: int, saved: SavedSet) -> Any:
    try:
        from datasets import DatasetDict, load_from_disk
    except ImportError:
        raise DataError(
            f"{saved.path}: needs the datasets package; pip install 'interlock[datasets]'"
        ) from None
    storage = json.loads(saved.storage)
    fs, inside = locate(saved.path, storage)
    with reading(saved.path):
        if not fs.isdir(inside):
            raise DataError(f"{saved.path}: no such folder")
        remote = "://" in saved.path and MAGIC.search(inside) is not None
        path = _copied(fs, inside) if remote else saved.path
    try:
        saved_set = load_from_disk(path, storage_options=None if remote else storage or None)
    except FileNotFoundError:
        raise DataError(
            f"{saved.path}: not a data set that save_to_disk wrote, or a file of it is missing"
        ) from None
    except Exception as error:  # pyarrow, JSON, the file system: all mean that it cannot be read
        raise DataError(f"{saved.path}: the data set cannot be read ({why(error)})") from None
    if isinstance(saved_set, DatasetDict):
        if saved.split not in saved_set:
            names = ", ".join(saved_set)
            wanted = f"no split {saved.split!r}" if saved.split else "several splits"
            raise DataError(f"{saved.path}: {wanted}; name one of {names} (split = ...)")
        return saved_set[saved.split]
    if saved.split:
        raise DataError(f"{saved.path}: one data set without splits; leave out split")
    return saved_set


def _copied(fs: AbstractFileSystem, inside: str) -> str:
    """A copy of a folder, until this process ends: ``datasets`` takes its name for a pattern."""
    copy = TemporaryDirectory(prefix="interlock-")
    _COPIES.append(copy)
    for file in fs.find(inside):
        target = Path(copy.name, str(file).removeprefix(inside).lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        fs.get_file(file, str(target))
    return copy.name


@lru_cache(maxsize=8)
def _column(process: int, saved: SavedSet, column: str) -> Any:
    return saved.load().select_columns([column]).with_format("arrow")
