"""A table of votes, checked: one row a prompt, one column a perturbed copy."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.errors import DataError, OptionError

Missing = Literal["error", "jailbreak"]


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
