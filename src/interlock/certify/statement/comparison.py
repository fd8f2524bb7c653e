"""Two runs side by side, attack by attack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from interlock._files import read_text
from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.groups import check_groups, group_means
from interlock.errors import DataError


@dataclass(frozen=True)
class Compared:
    """What two runs did against the attacks of one family that both certified on."""

    family: str
    """Its name."""
    attacks: int
    """In both runs."""
    groups: int
    """Of these: what is paired, since attacks that are alike are one draw."""
    this: float
    """Mean over groups of the share of votes that refuse, in this run."""
    other: float
    """In the other."""
    difference: float
    """``this`` minus ``other``, in [-1, 1]."""
    low: float
    """Lower end of its two-sided interval, valid for any number of groups (betting)."""
    high: float
    """Upper end."""
    better: int
    """Groups of which this run refuses more."""
    worse: int
    """Of which the other does."""
    p: float
    """The sign test's chance (exact, two-sided) of so uneven a count if neither is better."""


Families = Sequence[Mapping[str, Any]]
"""``families`` of results, each with a row for each attack."""


def read_run(folder: str | PathLike[str]) -> Mapping[str, Any]:
    """``results.json`` of a finished run.

    Raises:
        DataError: there is none, or it does not say what each attack did.
    """
    with _told(Path(folder) / "results.json", "") as path:
        record = dict(json.loads(read_text(path)))
        _check(record["families"])
    return record


def read_defences(folder: str | PathLike[str]) -> Mapping[str, Families]:
    """Each defence of a finished run of defences, and what it did, from ``defences.json``.

    Raises:
        DataError: there is none, or it does not say what each attack did.
    """
    with _told(Path(folder) / "defences.json", " --defence") as path:
        rows = json.loads(read_text(path))["defences"]
        run = {str(row["defence"]): list(row["families"]) for row in rows}
        for families in run.values():
            _check(families)
    return run


@contextmanager
def _told(path: Path, option: str) -> Iterator[Path]:
    try:
        yield path
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DataError(
            f"{path}: does not say what each attack did; give the folder of a run of 'certify "
            f"report{option}', made by this version"
        ) from None


def _check(families: Iterable[Mapping[str, Any]]) -> None:
    for family in families:
        for row in family["by_attack"]:
            float(row["dsp"]), str(row["attack"]), str(family["family"]), str(row["group"])


def compare_defences(
    this: Mapping[str, Families], other: Mapping[str, Families], confidence: float = 0.95
) -> list[Compared]:
    """Each defence that two runs share, over the families and attacks that both voted on.

    A defence alone in its run is compared with one that is alone in the other, whatever it is.
    ``Compared.family`` names defence and family.

    Args:
        this, other: name -> ``families`` of its results.
        confidence: of each interval, in (0, 1).
    """
    rows = []
    for name, families in this.items():
        theirs = next(iter(other)) if len(this) == len(other) == 1 else name
        title = name if theirs == name else f"{name} (there {theirs})"
        rows += [
            replace(one, family=f"{title}, {one.family}")
            for one in compare_runs(families, other.get(theirs, ()), confidence)
        ]
    return rows


def compare_runs(
    this: Iterable[Mapping[str, Any]], other: Iterable[Mapping[str, Any]], confidence: float = 0.95
) -> list[Compared]:
    """Each family that two runs share, over the attacks whose votes both counted.

    Args:
        this, other: the ``families`` of their results.
        confidence: of each interval, in (0, 1).
    """
    theirs = {family["family"]: family for family in other}
    rows = []
    for family in this:
        others = {
            row["attack"]: row for row in theirs.get(family["family"], {}).get("by_attack", ())
        }
        pairs = [
            (row, others[row["attack"]]) for row in family["by_attack"] if row["attack"] in others
        ]
        if not pairs:
            continue
        groups = check_groups([row["group"] for row, _ in pairs], len(pairs))
        values = [
            group_means([row["dsp"] for row in run], groups) for run in zip(*pairs, strict=True)
        ]
        difference = values[0] - values[1]
        low, high = (2 * end - 1 for end in mean_interval((difference + 1) / 2, confidence))
        better, worse = int(np.sum(difference > 1e-12)), int(np.sum(difference < -1e-12))
        uneven = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
        rows.append(
            Compared(
                family["family"], len(pairs), len(difference),
                float(values[0].mean()), float(values[1].mean()), float(difference.mean()),
                low, high, better, worse, float(uneven),
            )
        )  # fmt: skip
    return rows
