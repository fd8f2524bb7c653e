"""Text files with one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interlock.errors import DataError


def read_rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a JSON-lines file, each with where it stands: ``name, line 3``.

    Raises:
        DataError: the file is not readable UTF-8, or a line is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable UTF-8 file ({error})") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{path.name}, line {number}"
            yield parse_row(line, where), where


def parse_row(line: str, where: str) -> dict[str, Any]:
    """One line's object.

    Raises:
        DataError: it is none.
    """
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise DataError(f"{where}: not JSON; write one object a line") from None
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object")
    return row
