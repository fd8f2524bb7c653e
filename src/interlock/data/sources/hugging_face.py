"""Data sets that Hugging Face ``datasets`` wrote with ``save_to_disk``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from interlock.data.sources.labels import checked, class_names
from interlock.data.sources.parquet_cells import image_bytes
from interlock.data.sources.paths import locate, reading, why
from interlock.data.sources.sample import Label, Sample, check_index
from interlock.errors import DataError

_ROWS_AT_ONCE = 1000


class DatasetsSource:
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

    kind = "datasets"

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
        self.path = path
        self._columns = (image, label)
        _loaded.cache_clear()  # the folder may have been written anew
        _column.cache_clear()
        self._set = SavedSet(path, split, json.dumps(dict(storage or {}), sort_keys=True))
        rows = self._set.load()
        for wanted in (image, label):
            if wanted and wanted not in rows.column_names:
                names = ", ".join(rows.column_names)
                raise DataError(f"{path}: has no column {wanted!r}; its columns are {names}")
        self._count = len(rows)
        if not self._count:
            raise DataError(f"{path}: holds no rows")
        own = getattr(rows.features.get(label), "names", None)
        self._none = -1 if own else None
        self.classes: tuple[str, ...] | None = class_names(classes, storage)
        if self.classes is None and own:
            self.classes = tuple(own)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sample]:
        _, label = self._columns
        for start in range(0, self._count, _ROWS_AT_ONCE):
            rows = range(start, min(start + _ROWS_AT_ONCE, self._count))
            values = self._set.cells(label, rows) if label else [None] * len(rows)
            for row, value in zip(rows, values, strict=True):
                yield self._sample(row, value)

    def sample(self, index: int) -> Sample:
        """The sample of a row."""
        check_index(index, self._count)
        _, label = self._columns
        value = self._set.cells(label, range(index, index + 1))[0] if label else None
        return self._sample(index, value)

    def describe(self) -> dict[str, object]:
        """Kind, path, count, split, and the columns."""
        image, label = self._columns
        found: dict[str, object] = {"kind": self.kind, "path": self.path, "count": len(self)}
        return found | {"split": self._set.split, "image": image, "label": label}

    def _sample(self, row: int, value: object) -> Sample:
        label: Label = None
        if value != self._none:
            label = checked(value, self.classes, f"{self.path}: row {row}")
        return Sample(str(row), label, self.path, SavedCell(self._set, self._columns[0], row))


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
    try:
        found = load_from_disk(saved.path, storage_options=storage or None)
    except FileNotFoundError:
        raise DataError(
            f"{saved.path}: not a data set that save_to_disk wrote, or a file of it is missing"
        ) from None
    except Exception as error:  # pyarrow, JSON, the file system: all mean that it cannot be read
        raise DataError(f"{saved.path}: the data set cannot be read ({why(error)})") from None
    if isinstance(found, DatasetDict):
        if saved.split not in found:
            names = ", ".join(found)
            wanted = f"no split {saved.split!r}" if saved.split else "several splits"
            raise DataError(f"{saved.path}: {wanted}; name one of {names} (split = ...)")
        return found[saved.split]
    if saved.split:
        raise DataError(f"{saved.path}: one data set without splits; leave out split")
    return found


@lru_cache(maxsize=8)
def _column(process: int, saved: SavedSet, column: str) -> Any:
    return saved.load().select_columns([column]).with_format("arrow")
