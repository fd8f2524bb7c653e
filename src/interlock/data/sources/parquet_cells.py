"""Single cells of Parquet files, read through files that each process keeps open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from interlock.data.sources.paths import open_binary, why
from interlock.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

KEPT_BYTES = 64 << 20
"""A column's row groups are kept up to this size in memory for each file; larger ones are read in
passing, with a few of the file's pages in memory."""
_FILES = 4
"""Files that a process keeps open."""
_ROWS_AT_ONCE = 64
_BUFFER = 1 << 20


@dataclass(frozen=True)
class ParquetCell:
    """The bytes in one row of one column."""

    fs: AbstractFileSystem
    path: str
    column: str
    row: int

    def fetch(self) -> bytes:
        """Read them.

        Raises:
            DataError: the cell is empty or cannot be read.
        """
        return image_bytes(opened(self.fs, self.path).cell(self.column, self.row))


def image_bytes(value: object) -> bytes:
    """The bytes of an image cell: themselves, or the field ``bytes`` of a struct.

    Raises:
        DataError: there are none.
    """
    if isinstance(value, dict):
        value = value.get("bytes")
    if not isinstance(value, bytes):
        raise DataError("the row holds no image")
    return value


def opened(fs: AbstractFileSystem, path: str) -> OpenParquet:
    """The file, opened at most once in this process.

    Raises:
        DataError: it is missing or not a whole Parquet file, or pyarrow is not installed.
    """
    return _opened(os.getpid(), fs, path)


def forget() -> None:
    """Close the files that this process keeps open."""
    _opened.cache_clear()


@lru_cache(maxsize=_FILES)
def _opened(process: int, fs: AbstractFileSystem, path: str) -> OpenParquet:
    # The process is part of the key: a child must not share its parent's position in a file.
    return OpenParquet(fs, path)


class OpenParquet:
    """A Parquet file and the row groups last read from it. Threads take turns."""

    def __init__(self, fs: AbstractFileSystem, path: str) -> None:
        from pyarrow.parquet import ParquetFile

        self._path = path
        self._lock = Lock()
        raw = open_binary(fs, path)
        try:
            # Else a column of a row group is read whole before its first row.
            self._file = ParquetFile(raw, buffer_size=_BUFFER, pre_buffer=False)
        except Exception as error:
            raw.close()
            raise DataError(f"{path}: not a whole Parquet file ({why(error)})") from None
        counts = [
            self._file.metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)
        ]
        self._starts = [sum(counts[:g]) for g in range(len(counts) + 1)]
        self._kept: dict[tuple[int, str], Any] = {}
        self._passing: _Passing | None = None

    def outline(self) -> tuple[Any, int]:
        """Its Arrow schema and how many rows it has."""
        return self._file.schema_arrow, self._starts[-1]

    def column(self, name: str, at_once: int) -> Iterator[Any]:
        """The values of a column in order, ``at_once`` in memory.

        Raises:
            DataError: they cannot be read.
        """
        try:
            for batch in self._file.iter_batches(batch_size=at_once, columns=[name]):
                yield from batch.column(0).to_pylist()
        except Exception as error:  # of Arrow or of the file system
            raise DataError(
                f"{self._path}: column {name!r} cannot be read ({why(error)})"
            ) from None

    def cell(self, column: str, row: int) -> Any:
        """One value.

        Raises:
            DataError: it cannot be read.
        """
        from bisect import bisect_right

        if not 0 <= row < self._starts[-1]:
            raise DataError(f"{self._path}: has no row {row}; it has changed")
        group = bisect_right(self._starts, row) - 1
        inside = row - self._starts[group]
        try:
            with self._lock:
                if self._size(group, column) <= KEPT_BYTES:
                    return self._whole(group, column)[inside].as_py()
                return self._in_passing(group, column, inside)
        except Exception as error:  # of Arrow or of the file system
            raise DataError(f"{self._path}: row {row} cannot be read ({why(error)})") from None

    def _size(self, group: int, column: str) -> int:
        """Of a column of a row group in memory; nested columns count all their leaves."""
        meta = self._file.metadata.row_group(group)
        leaves = (meta.column(k) for k in range(meta.num_columns))
        return sum(
            leaf.total_uncompressed_size
            for leaf in leaves
            if leaf.path_in_schema.partition(".")[0] == column
        )

    def _whole(self, group: int, column: str) -> Any:
        key = (group, column)
        if key not in self._kept:
            cells = self._file.read_row_group(group, columns=[column]).column(0)
            # Each column by itself: labels must not drive out images, nor the other way round.
            kept = [k for k in self._kept if k[1] == column]
            used = sum(self._size(*k) for k in kept) + self._size(*key)
            while kept and used > KEPT_BYTES:
                used -= self._size(*kept[0])
                del self._kept[kept.pop(0)]
            self._kept[key] = cells
        return self._kept[key]

    def _in_passing(self, group: int, column: str, inside: int) -> Any:
        """From a large row group: forwards from the last row asked for, else from its start."""
        passing = self._passing
        if passing is None or passing.key != (group, column) or inside < passing.start:
            batches = self._file.iter_batches(
                batch_size=_ROWS_AT_ONCE, row_groups=[group], columns=[column]
            )
            passing = self._passing = _Passing((group, column), batches)
        return passing.value(inside)


class _Passing:
    """A walk through one column of one row group."""

    def __init__(self, key: tuple[int, str], batches: Iterator[Any]) -> None:
        self.key = key
        self.start = 0
        self._batches = batches
        self._values: Any = ()

    def value(self, row: int) -> Any:
        while row >= self.start + len(self._values):
            self.start += len(self._values)
            self._values = ()  # let go of it before the next is read
            batch = next(self._batches, None)
            if batch is None:
                raise DataError("the row group ends early; the file has changed")
            self._values = batch.column(0)
        return self._values[row - self.start].as_py()
