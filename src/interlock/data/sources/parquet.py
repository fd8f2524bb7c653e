"""Parquet files with one encoded image a row."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from interlock.data.sources.parquet_cells import ParquetCell, forget, opened
from interlock.data.sources.paths import base, find
from interlock.data.sources.row_source import RowSource, see_columns
from interlock.data.sources.sample import Origin
from interlock.errors import DataError

_LABELS_AT_ONCE = 4096


class ParquetSource(RowSource):
    """One sample for each row, file after file sorted by name, row after row.

    A row's image is a file's bytes (PNG, JPEG), in a binary column or in a struct with a field
    ``bytes``, as Hugging Face writes them. Footers say how many rows there are. Ids are row
    numbers from 0; with several files, ``name.parquet:row``.

    Args:
        path: a file, a folder of ``.parquet`` files, or a pattern.
        image: name of the image column; by default the only one that holds bytes.
        label: name of the label column; ``""`` for none.
        classes: class names, or the file that lists them; by default those that Hugging Face's
            metadata name. There, label -1 means none.
        storage: options of the file system.

    Raises:
        DataError: a file is missing, not whole, without rows, or lacks a column; pyarrow is not
            installed. While iterating: a label outside the classes.
    """

    def __init__(
        self,
        path: str,
        *,
        image: str = "",
        label: str = "label",
        classes: Sequence[str] | str | None = None,
        storage: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        forget()  # a file may have been written anew since it was last opened
        self._fs, self._files = find(path, (".parquet",), storage)
        counts = []
        self._image = image
        for file in self._files:
            schema, rows = opened(self._fs, file).outline()
            where = self._named(file)
            see_columns((self._image, label), schema.names, f"{where}:")
            self._image = _image_column(schema, self._image, where)
            if not rows:
                raise DataError(f"{where}: holds no rows")
            counts.append(rows)
        self._starts = [0, *accumulate(counts)]
        """First row of each file, and the count."""
        super().__init__(path, label, classes, _hugging_face_names(schema, label), storage)

    def __len__(self) -> int:
        return self._starts[-1]

    def _values(self) -> Iterator[object]:
        for file in self._files:
            yield from opened(self._fs, file).column(self._label, _LABELS_AT_ONCE)

    def _value(self, row: int) -> object:
        file, inside = self._inside(row)
        return opened(self._fs, file).cell(self._label, inside)

    def _origin(self, row: int) -> tuple[str, str, Origin]:
        file, inside = self._inside(row)
        name = f"{base(file)}:{inside}" if len(self._files) > 1 else str(inside)
        where = f"{self._named(file)}: row {inside}"
        return name, where, ParquetCell(self._fs, file, self._image, inside)

    def _inside(self, row: int) -> tuple[str, int]:
        """The file that holds a row, and which of its rows it is."""
        number = bisect_right(self._starts, row) - 1
        return self._files[number], row - self._starts[number]

    def _named(self, file: str) -> str:
        return self.path if base(file) == base(self.path) else f"{self.path}: {base(file)}"


def _image_column(schema: Any, wanted: str, where: str) -> str:
    import pyarrow.types as kinds

    binary = (kinds.is_binary, kinds.is_large_binary, kinds.is_binary_view,
              kinds.is_fixed_size_binary)  # fmt: skip

    def holds_bytes(kind: Any) -> bool:
        if kinds.is_struct(kind):
            index = kind.get_field_index("bytes")
            return index >= 0 and holds_bytes(kind.field(index).type)
        if kinds.is_dictionary(kind):
            return holds_bytes(kind.value_type)
        return any(holds(kind) for holds in binary)

    able = [field.name for field in schema if holds_bytes(field.type)]
    if wanted:
        if wanted not in able:
            kind = schema.field(wanted).type
            raise DataError(
                f"{where}: column {wanted!r} holds {kind}, not the bytes of image files"
            )
        return wanted
    if len(able) != 1:
        columns = f"columns {', '.join(able)} hold bytes" if able else "no column holds bytes"
        raise DataError(f"{where}: {columns}; name the column of the images (image = ...)")
    return str(able[0])


def _hugging_face_names(schema: Any, label: str) -> tuple[str, ...] | None:
    """Names of a ClassLabel column, from the metadata that ``datasets`` writes."""
    try:
        stored = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(map(str, stored["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return None
