"""Prompts: a text file with one a line, or JSON lines."""

from __future__ import annotations

from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interlock.data.rows import parse_row
from interlock.data.sources.labels import checked
from interlock.data.sources.paths import FilePart, locate, open_binary, reading
from interlock.data.sources.sample import Label, Sample, Source, check_index
from interlock.errors import DataError, ImageError

if TYPE_CHECKING:
    from PIL.Image import Image


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


class PromptSource(Source):
    """One sample for each line that is not blank, in order. Ids are line numbers from 1.

    A name that ends in ``.jsonl``, ``.ndjson`` or ``.json`` holds one JSON object a line; any other
    is text. The first need of a count reads the file once and keeps 16 bytes a line.

    Args:
        path: the file, UTF-8; a byte order mark before the first line is passed over.
        field: of JSON lines, the field with the prompt.
        label: of JSON lines, a field with a label, such as a category; ``""`` for none.
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
                raise DataError(f"{path}: no such file")
        as_json = self._file.lower().endswith((".jsonl", ".ndjson", ".json"))
        self._field = field if as_json else None
        self._label = label if as_json else ""
        self._kept_index: tuple[array[int], array[int]] | None = None

    def __len__(self) -> int:
        return len(self._index()[0])

    def __iter__(self) -> Iterator[PromptSample]:
        for number, start, line in self._lines():
            yield self._sample(number, start, line)

    def sample(self, index: int) -> PromptSample:
        """The prompt at a position; blank lines do not count."""
        numbers, starts = self._index()
        check_index(index, len(numbers))
        with reading(self.path), open_binary(self._fs, self._file) as raw:
            raw.seek(starts[index])
            return self._sample(numbers[index], starts[index], raw.readline())

    def _index(self) -> tuple[array[int], array[int]]:
        if self._kept_index is None:
            numbers, starts = array("q"), array("q")
            for number, start, _ in self._lines():
                numbers.append(number)
                starts.append(start)
            self._kept_index = numbers, starts
        return self._kept_index

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
            record = _record(stored.decode("utf-8"), self._field, where)
        except UnicodeDecodeError:
            raise DataError(f"{where}: not UTF-8; save it as such") from None
        label: Label = None
        if self._label:
            label = checked(record.get(self._label), None, where)
        part = FilePart(self._fs, self._file, start, start + len(stored))
        return PromptSample(str(number), label, self.path, part, self._field)


def _record(line: str, field: str | None, where: str) -> dict[str, Any]:
    if field is None:
        return {"prompt": line}
    row = parse_row(line, where)
    if not isinstance(row.get(field), str) or not row[field]:
        raise DataError(f"{where}: expected an object with a text {field!r}")
    return row
