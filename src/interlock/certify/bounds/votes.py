"""A table of votes, checked: one row a prompt, one column a perturbed copy."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.errors import DataError, OptionError
from interlock.names import Missing


def check_votes(refused: ArrayLike, missing: Missing = "error") -> NDArray[np.bool_]:
    """(n, r) bool from booleans, 0/1, NaN, None or a masked array.

    Raises:
        DataError: another shape or other values, no cells, or missing ones under ``"error"``.
    """
    if missing not in get_args(Missing):
        raise OptionError(f"missing={missing!r}: choose 'error' or 'jailbreak'")
    try:
        if isinstance(refused, np.ma.MaskedArray):
            table = np.ma.asarray(refused, dtype=np.float64).filled(np.nan)
        else:
            table = np.asarray(refused, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"votes: give one row a prompt, all of one length, cells true or false ({error})"
        ) from error
    if table.ndim != 2 or table.size == 0:
        raise DataError(
            f"votes: expected (prompts, copies) with at least one of each; got shape {table.shape}"
        )
    gaps = np.isnan(table)
    if not np.all(gaps | (table == 0) | (table == 1)):
        raise DataError("votes: every cell must be true (refused) or false (jailbroken)")
    if gaps.any() and missing == "error":
        raise DataError(
            f"votes: {int(gaps.sum())} of {gaps.size} cells are missing; measure them again, or "
            "count them as jailbroken with missing='jailbreak'"
        )
    return np.where(gaps, False, table == 1)


_CELLS = {"1": 1.0, "true": 1.0, "refused": 1.0, "0": 0.0, "false": 0.0, "jailbroken": 0.0}


def read_votes(path: str | PathLike[str]) -> NDArray[np.float64]:
    """(n, r) votes of a CSV file: a row for each prompt, a cell for each perturbed copy.

    Cells are 1, true or refused; 0, false or jailbroken; an empty one is missing, NaN, as are
    those that a short row lacks.

    Raises:
        DataError: the file cannot be read, is empty, or a cell is none of these (it is named).
    """
    source = Path(path)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{source}: not a readable CSV file ({error})") from None
    if not rows:
        raise DataError(f"{source}: holds no votes")
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            text = cell.strip().lower()
            if text and text not in _CELLS:
                raise DataError(
                    f"{source}, row {i + 1}, cell {j + 1}: {cell.strip()[:40]!r} is no vote; write "
                    "1 (refused), 0 (jailbroken), or nothing where it is missing"
                )
            if text:
                table[i, j] = _CELLS[text]
    return table
