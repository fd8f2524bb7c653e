"""How far a study is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from interlock.lab.plan import results

MOST = 20


@dataclass(frozen=True)
class Cause:
    """One thing that went wrong, as often as it did."""

    error: str
    count: int
    """Items."""
    example: str
    """A data item."""


@dataclass(frozen=True)
class Status:
    """How far a study is."""

    items: int
    finished: int
    """With all values."""
    failed: int
    """With a value that could not be had."""
    failures: Sequence[Cause]
    """The most frequent first."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "items": self.items,
            "finished": self.finished,
            "failed": self.failed,
            "left": self.items - self.finished - self.failed,
            "failures": [asdict(failure) for failure in self.failures],
        }


def study_status(folder: Path) -> Status:
    """Read how far a study is; it may be running.

    Raises:
        OutputError: there is no study in that folder, or a file is damaged.
    """
    table = results(folder).select(["item", "data", "error", "utc"])
    # An item can stand in a plan twice, under two names; it is told by both.
    marked = table.append_column("bad", pc.is_valid(table["error"])).append_column(
        "there", pc.is_valid(table["utc"])
    )
    items = marked.group_by(["item", "data"]).aggregate([("bad", "max"), ("there", "min")])
    bad = items["bad_max"]
    good = pc.and_(items["there_min"], pc.invert(bad))
    failures = (
        marked.filter(marked["bad"])
        .group_by(["error"])
        .aggregate([("item", "count_distinct"), ("data", "min")])
        .sort_by([("item_count_distinct", "descending"), ("error", "ascending")])
    )
    return Status(
        items=len(items),
        finished=int(pc.sum(good).as_py() or 0),
        failed=int(pc.sum(bad).as_py() or 0),
        failures=[
            Cause(row["error"], row["item_count_distinct"], row["data_min"])
            for row in failures.slice(0, MOST).to_pylist()
        ],
    )
