"""Prompts: a text file with one a line, JSON lines, a JSON array, or a table."""

from __future__ import annotations

import json
from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from interlock._files import decoded
from interlock.data.rows import HALF, lacks, parse_row, rows_of
from interlock.data.sources.labels import checked
from interlock.data.sources.paths import FilePart, locate, open_binary, reading
from interlock.data.sources.sample import Label, Origin, Sample, Source, check_index
from interlock.errors import DataError, ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

_JSON, _TABLE = (".jsonl", ".ndjson", ".json"), (".csv", ".tsv")


@dataclass(frozen=True)
class PromptSample(Sample):
    """A prompt; its stored bytes are its line."""

    field: str | None = None
    """Of the line's object that holds the prompt; None: the line is the prompt."""

    def record(self) -> dict[str, Any]:
        """The line's object; of a text file, ``{"prompt": line}``.

        Raises:
            DataError: the line cannot be read, or is not an object with a prompt.
        """
        try:
            line = self.origin.fetch().decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{self.name}: not UTF-8; save it as such") from None
        except DataError as error:
            raise DataError(f"{self.name}: cannot be read ({error})") from None
        return _record(line, self.field, self.name)

    @property
    def prompt(self) -> str:
        """The prompt's text.

        Raises:
            DataError: as ``record``.
        """
        return str(self.record()[self.field or "prompt"])

    def read(self) -> Image:
        """Always raises: a prompt is no image.

        Raises:
            ImageError: always.
        """
        raise ImageError(f"{self.name}: a prompt, not an image; use it with certify")


@dataclass(frozen=True)
class _Row:
    """A row of a table or an array: no range of bytes of its file, so that it holds the values."""

    values: dict[str, Any]

    def fetch(self) -> bytes:
        return json.dumps(self.values, ensure_ascii=False).encode()


class PromptSource(Source):
    """One sample for each line that is not blank, in order. Ids are line numbers from 1.

    A name that ends in ``.jsonl``, ``.ndjson`` or ``.json`` holds one JSON object a line, or an
    array of objects or texts, whose ids are their numbers from 1; one that ends in ``.csv`` or
    ``.tsv`` is a table with a header. Any other is JSON lines if its first line is an object with
    the field, else text. The first need of a count reads the file once and keeps 16 bytes a line;
    tables and arrays are held.

    Args:
        path: the file, UTF-8; a byte order mark before the first line is passed over.
        field: of JSON and tables, the field with the prompt.
        label: likewise, a field with a label, such as a category; ``""`` for none.
        storage: options of the file system.

    Raises:
        DataError: the file is missing or holds no prompts. While iterating: a line is not UTF-8,
            or is not an object with a prompt.
    """

    def __init__(
        self,
        path: str,
        *,
        field: str = "prompt",
        label: str = "",
        storage: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self._fs, self._file = locate(path, storage)
        with reading(path):
            if not self._fs.isfile(self._file):
                why = "a folder; name a file" if self._fs.isdir(self._file) else "no such file"
                raise DataError(f"{path}: {why}")
        self._asked, self._label = field, label

    def __len__(self) -> int:
        return len(self._held) if self._held else len(self._index[0])

    def __iter__(self) -> Iterator[PromptSample]:
        if self._held:
            yield from self._held
            return
        for number, start, line in self._lines():
            yield self._sample(number, start, line)

    def sample(self, index: int) -> PromptSample:
        """The prompt at a position; blank lines do not count."""
        check_index(index, len(self))
        if self._held:
            return self._held[index]
        numbers, starts = self._index
        with reading(self.path), open_binary(self._fs, self._file) as raw:
            raw.seek(starts[index])
            return self._sample(numbers[index], starts[index], raw.readline())

    @cached_property
    def _field(self) -> str | None:
        if self._file.lower().endswith((*_JSON, *_TABLE)):
            return self._asked
        try:
            row = json.loads(next(self._lines())[2])
        except (ValueError, RecursionError):
            return None
        return self._asked if isinstance(row, dict) and self._asked in row else None

    @cached_property
    def _held(self) -> tuple[PromptSample, ...]:
        """The rows of a table or of an array; empty for what is read line by line."""
        name = self._file.lower()
        array = name.endswith(_JSON) and next(self._lines())[2].lstrip()[:1] == b"["
        if not array and not name.endswith(_TABLE):
            return ()
        with reading(self.path), open_binary(self._fs, self._file) as raw:
            rows = rows_of(decoded(raw.read(), self.path), self.path, bare=self._asked)
        made = tuple(
            self._made(where.rpartition(" ")[2], _seen(row, self._asked, where), where, _Row(row))
            for row, where in rows
        )
        if not made:
            raise DataError(f"{self.path}: holds no prompts")
        return made

    @cached_property
    def _index(self) -> tuple[array[int], array[int]]:
        numbers, starts = array("q"), array("q")
        for number, start, _ in self._lines():
            numbers.append(number)
            starts.append(start)
        return numbers, starts

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """(line number, first byte, line with its end) of lines that are not blank."""
        start, empty = 0, True
        with reading(self.path), open_binary(self._fs, self._file) as raw:
            for number, line in enumerate(raw, 1):
                if number == 1 and line.startswith(BOM_UTF8):
                    start, line = len(BOM_UTF8), line.removeprefix(BOM_UTF8)
                if line.strip():
                    empty = False
                    yield number, start, line
                start += len(line)
        if empty:
            raise DataError(f"{self.path}: holds no prompts")

    def _sample(self, number: int, start: int, line: bytes) -> PromptSample:
        stored = line.rstrip(b"\r\n")
        where = f"{self.path}: line {number}"
        try:
            text = stored.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{where}: not UTF-8; save it as such") from None
        part = FilePart(self._fs, self._file, start, start + len(stored))
        return self._made(str(number), _record(text, self._field, where), where, part)

    def _made(self, id: str, record: dict[str, Any], where: str, origin: Origin) -> PromptSample:
        label: Label = None
        if self._field and self._label:
            label = checked(record.get(self._label), None, where)
        return PromptSample(id, label, self.path, origin, self._field)


def _record(line: str, field: str | None, where: str) -> dict[str, Any]:
    row = {"prompt": line} if field is None else parse_row(line, where)
    return _seen(row, field or "prompt", where)


def _seen(row: dict[str, Any], field: str, where: str) -> dict[str, Any]:
    if field not in row:
        raise DataError(f"{where}: {lacks(row, field)}")
    text = row[field]
    if not isinstance(text, str) or not text:
        raise DataError(f"{where}: expected an object with a text {field!r}")
    if HALF.search(text):
        raise DataError(f"{where}: {field!r} holds half a surrogate pair; write it as UTF-8")
    return row
