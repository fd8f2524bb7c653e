"""Work items, and the names that what determines them gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple


def name_of(**parts: Any) -> str:
    """SHA-256 of canonical JSON: another name as soon as any part differs."""
    return sha256(canonical(parts).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON of plain values with sorted keys and no blanks: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Wanted(NamedTuple):
    """One value that is measured on an item."""

    metric: str
    """Its name in the results."""
    row: str
    """Names the value: what determines the item, and the metric with its options and code."""

    @classmethod
    def of(cls, item: str, metric: str, **determines: Any) -> Wanted:
        """The row's name: 32 hexadecimal digits."""
        return cls(metric, name_of(item=item, metric=metric, **determines)[:32])


class Item(NamedTuple):
    """One method on one data item, with all that decides what comes out."""

    id: str
    """What ``name_of`` gives for all that determines it, but for the metrics."""
    model: str
    """The model's name in the study."""
    data: str
    """The data item: its source's name in the study, and its id there."""
    method: str
    """The method's name in the study."""
    condition: str
    """What the data item went through first, such as an attack; empty where nothing."""
    options: str
    """JSON of the options of method and condition."""
    seed: int
    code: str
    """Digest of the code of the method."""
    wanted: tuple[Wanted, ...]
    """What is measured on it."""


@dataclass(frozen=True, eq=False)
class Job:
    """Items that are computed together, and what they share."""

    items: tuple[Item, ...]
    work: Any
    """What the task's worker needs to know; small, and picklable."""
    made: str = ""
    """Names what the items share, such as attacked pictures; empty where nothing is kept."""
    given: bytes | None = None
    """That thing, where an earlier run kept it."""


class Measured(NamedTuple):
    """One value that was measured, or why it was not."""

    row: str
    value: float | None
    """None where it failed, or where the study leaves the item out: then without an error."""
    seconds: float | None
    """Of the method on this item: its share where several are computed together. None where the
    method's result was taken from an earlier run."""
    metric_seconds: float | None
    """Of the measurement itself."""
    error: str | None = None
    """One line."""
    artefact: str = ""
    """Name of a file that shows more, among those of the same ``Done``; empty where none."""


@dataclass(frozen=True, eq=False)
class Done:
    """What came of a job."""

    rows: Sequence[Measured]
    files: Mapping[str, bytes]
    """Artefacts by name: ``artefact_name`` of their content."""
    made: str = ""
    """Artefact that holds what the items shared."""


def artefact_name(content: bytes, suffix: str) -> str:
    """The hash of the content, and what kind of file it is."""
    return f"{sha256(content).hexdigest()}.{suffix}"


def failed(job: Job, error: str) -> Done:
    """Every value of a job, recorded as failed."""
    rows = [Measured(w.row, None, None, None, error) for item in job.items for w in item.wanted]
    return Done(rows, {})
