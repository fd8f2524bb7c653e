"""A table of votes, checked: one row a prompt, one column a perturbed copy."""

from __future__ import annotations

import csv
from dataclasses import dataclass
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
_GROUP, _PROMPT = "group", "prompt"


@dataclass(frozen=True, eq=False)
class VotesFile:
    """Votes that were counted elsewhere."""

    votes: NDArray[np.float64]
    """(n, r), 1 where the copy was refused; NaN is missing."""
    groups: tuple[str, ...] | None
    """(n,) the group of each prompt; None where the file has no such column."""
    prompts: tuple[str, ...] | None
    """(n,) the prompts, all different or in one group; None likewise."""


def read_votes(path: str | PathLike[str]) -> VotesFile:
    """The votes of a CSV file: a row for each prompt, a cell for each perturbed copy.

    Cells are 1, true or refused; 0, false or jailbroken; an empty one is missing, as are those
    that a short row lacks. Where the first row has a cell ``group`` or ``prompt`` it names the
    columns: those two say what the prompt is and which share a group, all others are votes.

    Raises:
        DataError: the file cannot be read, is empty, or a cell is none of these (it is named); a
            prompt without a group or text, or one that stands in two groups.
    """
    source = Path(path)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            rows = [
                (number, row)
                for number, row in enumerate(csv.reader(file), 1)
                if any(cell.strip() for cell in row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{source}: not a readable CSV file ({error})") from None
    names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    at = {name: names.index(name) for name in (_GROUP, _PROMPT) if name in names}
    if at:
        if twice := [name for name in at if names.count(name) > 1]:
            raise DataError(f"{source}: two columns are named {twice[0]!r}; leave one away")
        rows = rows[1:]
    width = max((len(row) for _, row in rows), default=0)
    voting = [column for column in range(width) if column not in at.values()]
    if at and width > len(names):
        raise DataError(f"{source}: a row has {width} cells, its first one {len(names)}: name all")
    if not rows or not voting:
        raise DataError(f"{source}: holds no votes")
    votes = np.array([[_vote(source, *row, column) for column in voting] for row in rows])
    groups, prompts = (
        None if name not in at else tuple(_text(source, *row, at[name], name) for row in rows)
        for name in (_GROUP, _PROMPT)
    )
    for prompt, own in _groups_of(prompts or (), groups).items():
        if len(own) > 1:
            raise DataError(
                f"{source}: the prompt {prompt[:40]!r} stands there twice, and not in one group; "
                "list it once, or name its group in a column 'group'"
            )
    return VotesFile(votes, groups, prompts)


def _vote(source: Path, number: int, row: list[str], column: int) -> float:
    cell = row[column].strip() if column < len(row) else ""
    if cell and cell.lower() not in _CELLS:
        raise DataError(
            f"{source}, row {number}, cell {column + 1}: {cell[:40]!r} is no vote; write "
            "1 (refused), 0 (jailbroken), or nothing where it is missing; columns 'group' and "
            "'prompt' are named in the first row"
        )
    return _CELLS[cell.lower()] if cell else np.nan


def _text(source: Path, number: int, row: list[str], column: int, name: str) -> str:
    cell = row[column].strip() if column < len(row) else ""
    if not cell:
        raise DataError(f"{source}, row {number}: no {name}; every prompt needs one, or none does")
    return cell


def _groups_of(
    prompts: tuple[str, ...], groups: tuple[str, ...] | None
) -> dict[str, set[str | int]]:
    """The groups that each prompt stands in; without any, every row is one."""
    own: dict[str, set[str | int]] = {}
    for number, prompt in enumerate(prompts):
        own.setdefault(prompt, set()).add(number if groups is None else groups[number])
    return own
