"""A folder of images with a CSV file that names and labels them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from posixpath import normpath
from sys import intern
from typing import TYPE_CHECKING, Any

from interlock.data.rows import table
from interlock.data.sources.labels import cell_label, checked
from interlock.data.sources.paths import WholeFile, base, find, locate, open_binary, reading
from interlock.data.sources.row_source import RowSource, see_columns
from interlock.data.sources.sample import Label, Origin, Sample
from interlock.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class CsvSource(RowSource):
    """One sample for each row of a CSV file with a header, in its order.

    Files are named relative to the CSV file's folder. They are looked for when they are read. The
    two columns are held in memory.

    Args:
        path: the CSV file, its columns parted by commas, semicolons or tabs, or a folder that holds
            exactly one.
        file: name of the column with the file names.
        label: name of the column with labels; ``""`` for none. A whole number is a class index.
        classes: class names, or the file that lists them.
        storage: options of the file system.

    Raises:
        DataError: the file is missing, empty, not UTF-8, lacks a column, names a file twice, or
            holds a label outside the classes.
    """

    def __init__(
        self,
        path: str,
        *,
        file: str = "file",
        label: str = "label",
        classes: Sequence[str] | str | None = None,
        storage: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(path, label, classes, None, storage)
        self._file = file
        self._fs, self._table = _table_file(path, storage)
        self._storage = storage
        self._folder = self._table.rpartition("/")[0]
        with reading(path):
            self._rows = list(self._read())
        if not self._rows:
            raise DataError(f"{path}: {base(self._table)} holds no rows")

    def __len__(self) -> int:
        return len(self._rows)

    def _values(self) -> Iterator[Label]:
        return (label for _, label in self._rows)

    def _value(self, row: int) -> Label:
        return self._rows[row][1]

    def _origin(self, row: int) -> tuple[str, str, Origin]:
        name, _ = self._rows[row]
        outside = "://" in name or name.startswith("/")
        at = locate(name, self._storage) if outside else (self._fs, f"{self._folder}/{name}")
        return name, name, WholeFile(*at)

    def _sample(self, row: int, value: object) -> Sample:
        name, _, origin = self._origin(row)
        return Sample(name, self._rows[row][1], self.path, origin)  # checked when it was read

    def _read(self) -> Iterator[tuple[str, Label]]:
        file, label = self._file, self._label
        named = f"{self.path}: {base(self._table)}"
        seen: set[str] = set()
        try:
            with (
                open_binary(self._fs, self._table) as raw,
                io.TextIOWrapper(raw, "utf-8-sig", newline="") as text,
            ):
                columns, rows = table(text, named)
                see_columns((file, label), columns, named)
                for row, where in rows:
                    name = (row.get(file) or "").strip()
                    if not name:
                        raise DataError(f"{where}: names no file")
                    if normpath(name) in seen:
                        raise DataError(f"{where}: {name} a second time; name each file once")
                    seen.add(normpath(name))
                    value = cell_label(row.get(label) or "") if label else None
                    if isinstance(value, str):
                        value = intern(value)
                    yield name, checked(value, self._classes, where)
        except UnicodeDecodeError:
            raise DataError(f"{named} is not UTF-8; save it as such") from None


def _table_file(path: str, storage: Mapping[str, Any] | None) -> tuple[AbstractFileSystem, str]:
    fs, tables = find(path, (".csv", ".tsv"), storage)
    if len(tables) > 1:
        names = ", ".join(base(f) for f in tables[:4])
        raise DataError(f"{path}: {len(tables)} tables ({names}); name one of them")
    return fs, tables[0]
