"""Rows of a text file: JSON lines, a JSON array, one JSON object, or CSV with a header."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from interlock._files import read_text
from interlock.errors import DataError

HALF = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair: JSON can write it, UTF-8 cannot, so that nobody can be asked it."""

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
    return rows_of(read_text(path), path.name)


def rows_of(text: str, name: str, bare: str | None = None) -> Located:
    """The same from the text of a file.

    Args:
        text: of the file.
        name: of the file.
        bare: the key of a bare text in a JSON array; by default it is no row.

    Raises:
        DataError: a row is none (it is named).
    """
    begins = text.lstrip()[:1]
    if begins == "[":
        return _array(text, name, bare)
    if begins != "{" and name.lower().endswith((".csv", ".tsv")):
        return table(io.StringIO(text, newline=""), name)[1]
    return _objects(text, name)


def parse_row(line: str, where: str) -> dict[str, Any]:
    """One line's object.

    Raises:
        DataError: it is none.
    """
    try:
        return _object(json.loads(line), where)
    except (ValueError, RecursionError):  # a ValueError too: a number of thousands of digits
        raise DataError(f"{where}: not JSON; write one object a line") from None


def lacks(row: Mapping[str, Any], key: str) -> str:
    """What to say of a row that should have a value: it is not there, but these are."""
    return f"no {key!r}; the row has {', '.join(map(repr, row)) or 'nothing'}"


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object")
    return row


def _objects(text: str, name: str) -> Located:
    """One object over any number of lines, or one a line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict):
        yield whole, f"{name}, line 1"
        return
    for number, line in enumerate(re.split(r"\r\n?|\n", text), 1):
        if line.strip():
            yield parse_row(line, f"{name}, line {number}"), f"{name}, line {number}"


def _array(text: str, name: str, bare: str | None) -> Located:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{name}, line {error.lineno}: not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else "a number is too long"
        raise DataError(f"{name}: not JSON that can be read ({why})") from None
    for number, row in enumerate(rows, 1):
        if bare is not None and isinstance(row, str):
            row = {bare: row}
        yield _object(row, f"{name}, row {number}"), f"{name}, row {number}"


def table(lines: Iterable[str], name: str) -> tuple[list[str], Located]:
    """The columns of a table, and its rows; blank ones and those without a cell are no rows.

    Args:
        lines: with their ends. The first has the names of the columns.
        name: what errors call the file.

    Raises:
        DataError: two columns have one name. While iterating: a row has more cells than there are
            columns, or a quote is never closed.
    """
    lines = iter(lines)
    head = next(lines, "")
    tabs = name.lower().endswith(".tsv")  # where there is one column, and nothing to count
    delimiter = max("\t,;" if tabs else ",;\t", key=head.count)
    # As the header, so the rows: in "goal, prompt" the blank belongs to neither name nor cell.
    cells = csv.reader(
        chain([head], lines),
        delimiter=delimiter,
        strict=True,
        skipinitialspace=f"{delimiter} " in head,
    )
    columns = [cell.strip() for cell in _line(cells, name) or []]
    if twice := [column for column in columns if column and columns.count(column) > 1]:
        raise DataError(f"{name}: two columns are named {twice[0]!r}; rename one")
    return columns, _rows(cells, columns, name)


def _rows(cells: Any, columns: list[str], name: str) -> Located:
    start = cells.line_num + 1
    while (row := _line(cells, name)) is not None:
        where, start = f"{name}, line {start}", cells.line_num + 1
        if any(row[len(columns) :]):
            raise DataError(
                f"{where}: {len(row)} cells under {len(columns)} columns; quote a cell with a "
                "comma in it"
            )
        if any(row):
            # A short row lacks its last cells: they are empty.
            yield (
                {key: cell or None for key, cell in zip_longest(columns, row[: len(columns)])},
                where,
            )


def _line(cells: Any, name: str) -> list[str] | None:
    try:
        return next(cells, None)
    except csv.Error as error:
        raise DataError(f"{name}, line {cells.line_num}: not CSV ({error})") from None
