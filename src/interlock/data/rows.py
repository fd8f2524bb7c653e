"""Rows of a text file: JSON lines, a JSON array, one JSON object, or CSV with a header."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interlock._files import read_text
from interlock.errors import DataError

Located = Iterator[tuple[dict[str, Any], str]]
"""Rows, each with where it stands: ``name, line 3``, or in a JSON array ``name, row 3``."""


def read_rows(path: Path) -> Located:
    """The rows of a file, UTF-8 with or without a byte order mark.

    Text that begins with ``[`` or ``{`` is JSON, whatever the file's name; else a name that ends
    in ``.csv`` or ``.tsv`` is a table. Its columns may be parted by commas, semicolons or tabs; an
    empty cell is None.

    Raises:
        DataError: the file is not readable UTF-8, or a row is none (it is named).
    """
    text = read_text(path)
    begins = text.lstrip()[:1]
    if begins == "[":
        return _array(text, path.name)
    if begins != "{" and path.suffix.lower() in (".csv", ".tsv"):
        return _table(text, path.name)
    return _objects(text, path.name)


def parse_row(line: str, where: str) -> dict[str, Any]:
    """One line's object.

    Raises:
        DataError: it is none.
    """
    try:
        return _object(json.loads(line), where)
    except (json.JSONDecodeError, RecursionError):
        raise DataError(f"{where}: not JSON; write one object a line") from None


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object")
    return row


def _objects(text: str, name: str) -> Located:
    """One object over any number of lines, or one a line."""
    try:
        whole = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        whole = None
    if isinstance(whole, dict):
        yield whole, f"{name}, line 1"
        return
    for number, line in enumerate(re.split(r"\r\n?|\n", text), 1):
        if line.strip():
            yield parse_row(line, f"{name}, line {number}"), f"{name}, line {number}"


def _array(text: str, name: str) -> Located:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{name}, line {error.lineno}: not JSON ({error.msg})") from None
    except RecursionError:
        raise DataError(f"{name}: not JSON that can be read (nested too deep)") from None
    for number, row in enumerate(rows, 1):
        yield _object(row, f"{name}, row {number}"), f"{name}, row {number}"


def _table(text: str, name: str) -> Located:
    head = text.partition("\n")[0]
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True
    )
    names: list[str] = []
    start = 1
    try:
        for cells in rows:
            where, start = f"{name}, line {start}", rows.line_num + 1
            if not names:
                names = [cell.strip() for cell in cells]
            elif len(cells) > len(names):
                raise DataError(f"{where}: {len(cells)} cells under {len(names)} columns")
            elif any(cells):
                yield {key: cell or None for key, cell in zip(names, cells, strict=False)}, where
    except csv.Error as error:
        raise DataError(f"{name}, line {rows.line_num}: not CSV ({error})") from None
