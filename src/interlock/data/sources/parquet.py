"""Parquet files with one encoded image a row."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from interlock.data.sources.labels import checked, class_names
from interlock.data.sources.parquet_cells import ParquetCell, forget, opened
from interlock.data.sources.paths import base, find
from interlock.data.sources.sample import Label, Sample, check_index
from interlock.errors import DataError

if TYPE_CHECKING:
    pass

_LABELS_AT_ONCE = 4096


class ParquetSource:
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

    kind = "parquet"

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
        self._label = label
        counts = []
        self._image = image
        for file in self._files:
            schema, rows = opened(self._fs, file).outline()
            self._image = _image_column(schema, self._image, self._named(file))
            if label and label not in schema.names:
                raise _missing(label, schema, self._named(file))
            if not rows:
                raise DataError(f"{self._named(file)}: holds no rows")
            counts.append(rows)
        self._starts = [0, *accumulate(counts)]
        """First row of each file, and the count."""
        names = class_names(classes, storage)
        given = _hugging_face_names(schema, label) if names is None else None
        self._none = -1 if given else None
        self.classes: tuple[str, ...] | None = names or given

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Sample]:
        for number, file in enumerate(self._files):
            rows = self._starts[number + 1] - self._starts[number]
            labels: Iterator[object] = iter([None] * rows)
            if self._label:
                labels = opened(self._fs, file).column(self._label, _LABELS_AT_ONCE)
            for row, value in enumerate(labels):
                yield self._sample(number, row, value)

    def sample(self, index: int) -> Sample:
        """The image of a row, counted over all files."""
        check_index(index, len(self))
        number = bisect_right(self._starts, index) - 1
        row = index - self._starts[number]
        value = None
        if self._label:
            value = opened(self._fs, self._files[number]).cell(self._label, row)
        return self._sample(number, row, value)

    def describe(self) -> dict[str, object]:
        """Kind, path, count, files, and the columns."""
        found: dict[str, object] = {"kind": self.kind, "path": self.path, "count": len(self)}
        return found | {"files": len(self._files), "image": self._image, "label": self._label}

    def _sample(self, number: int, row: int, value: object) -> Sample:
        file = self._files[number]
        many = len(self._files) > 1
        name = f"{base(file)}:{row}" if many else str(row)
        label: Label = None
        if value != self._none:
            label = checked(value, self.classes, f"{self._named(file)}: row {row}")
        return Sample(name, label, self.path, ParquetCell(self._fs, file, self._image, row))

    def _named(self, file: str) -> str:
        return self.path if base(file) == base(self.path) else f"{self.path}: {base(file)}"


def _image_column(schema: Any, wanted: str, where: str) -> str:
    import pyarrow.types as kinds

    def holds_bytes(kind: Any) -> bool:
        if kinds.is_struct(kind):
            index = kind.get_field_index("bytes")
            return index >= 0 and holds_bytes(kind.field(index).type)
        return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind))

    able = [field.name for field in schema if holds_bytes(field.type)]
    if wanted:
        if wanted not in schema.names:
            raise _missing(wanted, schema, where)
        if wanted not in able:
            kind = schema.field(wanted).type
            raise DataError(
                f"{where}: column {wanted!r} holds {kind}, not the bytes of image files"
            )
        return wanted
    if len(able) != 1:
        found = f"columns {', '.join(able)} hold bytes" if able else "no column holds bytes"
        raise DataError(f"{where}: {found}; name the column of the images (image = ...)")
    return str(able[0])


def _missing(column: str, schema: Any, where: str) -> DataError:
    return DataError(
        f"{where}: has no column {column!r}; its columns are {', '.join(schema.names)}"
    )


def _hugging_face_names(schema: Any, label: str) -> tuple[str, ...] | None:
    """Names of a ClassLabel column, from the metadata that ``datasets`` writes."""
    try:
        stored = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(map(str, stored["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return None
