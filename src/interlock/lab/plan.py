"""What a study consists of, and what of it is known."""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from interlock._files import write_atomically
from interlock.errors import OutputError
from interlock.lab.data import Tell
from interlock.lab.items import Done, Job
from interlock.lab.sealed import read, sealed, writer
from interlock.lab.store import SCHEMA as RESULTS
from interlock.lab.store import Store
from interlock.lab.task import Task

PLAN = "plan.parquet"
_COLUMNS = (
    "row", "item", "model", "data", "method", "condition", "options", "seed", "metric"
)  # fmt: skip
SCHEMA = pa.schema([RESULTS.field(name) for name in _COLUMNS])
"""What of a row is known before it is computed."""
_CHUNK = 20_000


@dataclass(frozen=True)
class Totals:
    """What a run did."""

    items: int
    """In the study."""
    computed: int
    """Finished by this run."""
    reused: int
    """Finished before, or the same as another item of the study: the same bytes, say."""
    failed: int
    """With a value that could not be had, now or earlier."""
    interrupted: bool = False
    """Whether it was told to stop; ``items`` are then more than the three others."""
    left_out: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Data that are no items, by the reason."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "items": self.items,
            "computed": self.computed,
            "reused": self.reused,
            "failed": self.failed,
            "interrupted": self.interrupted,
            **self.left_out,
        }


_GOOD, _BAD, _FRESH, _DRAWN = 1, 2, 4, 8


class StudyPlan:
    """The rows of a study, and which of them have a value or failed.

    A study may have millions of rows: each is a name and a byte.

    Args:
        good: rows with a value.
        bad: rows that failed.
    """

    def __init__(self, good: Collection[str], bad: Collection[str]) -> None:
        self._before = good, bad
        self._number: dict[str, int] = {}
        """Of each row's name."""
        self._state = bytearray()
        """By the row's number."""
        self._item_rows = array("Q")
        """Numbers of the rows of all items, one item after the other."""
        self._item_sizes = array("H")
        self._chunk: list[tuple[Any, ...]] = []
        self._file = io.BytesIO()
        self._writer = writer(self._file, SCHEMA)
        self.preparations: list[int] = []
        """Numbers of those with something missing."""
        self.missing = array("Q")
        """Numbers of the jobs with something missing."""
        self.complete = True
        """Whether all of the study was looked at."""

    def count(self, job: Job, number: int) -> None:
        """Take a job into the plan."""
        for item in job.items:
            self._item_sizes.append(len(item.wanted))
            for wanted in item.wanted:
                self._item_rows.append(self._numbered(wanted.row))
                self._chunk.append(
                    (wanted.row, item.id, item.model, item.data, item.method, item.condition,
                     item.options, item.seed, wanted.metric)
                )  # fmt: skip
        if len(self._chunk) >= _CHUNK:
            self._pack()
        if self._open(job):
            self.missing.append(number)

    def count_preparation(self, job: Job, number: int) -> None:
        """Note whether it is there."""
        if self._open(job):
            self.preparations.append(number)

    def draw(self, job: Job) -> Job | None:
        """A job without what is there or was drawn before; None where nothing is left of it."""
        items = []
        for item in job.items:
            wanted = tuple(w for w in item.wanted if not self._of(w.row))
            if wanted:
                for one in wanted:
                    self._mark(one.row, _DRAWN)
                items.append(item._replace(wanted=wanted))
        return replace(job, items=tuple(items)) if items else None

    def begun(self, job: Job) -> bool:
        """Whether an earlier run may have kept what the items of a job share."""
        return bool(job.made) and any(self._of(w.row) & _GOOD for i in job.items for w in i.wanted)

    def take(self, done: Done) -> None:
        """A job is done."""
        for one in done.rows:
            self._mark(one.row, _FRESH | (_GOOD if one.error is None else _BAD))

    def totals(self, *, stopped: bool = False) -> Totals:
        """As far as the run has come."""
        computed = reused = failed = 0
        counted, start = bytearray(len(self._state)), 0
        for size in self._item_sizes:
            rows = self._item_rows[start : start + size]
            start += size
            states = [self._state[row] for row in rows]
            if not all(state & (_GOOD | _BAD) for state in states):
                continue
            if any(state & _BAD for state in states):
                failed += 1
            elif any(state & _FRESH for state in states) and not all(counted[r] for r in rows):
                computed += 1
                for row in rows:
                    counted[row] = 1
            else:
                reused += 1
        left = len(self._item_sizes) - computed - reused - failed
        stopped = stopped and (left > 0 or not self.complete)
        return Totals(len(self._item_sizes), computed, reused, failed, stopped)

    def write(self, folder: Path) -> None:
        """Keep the plan beside the results, which mean nothing without it. Ends the counting.

        Raises:
            OutputError: it cannot be written.
        """
        self._pack()
        self._writer.close()
        write_atomically(folder / PLAN, sealed(self._file.getvalue()))
        self._file = io.BytesIO()
        self._before = (), ()

    def _pack(self) -> None:
        columns = zip(*self._chunk, strict=True) if self._chunk else [()] * len(SCHEMA)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._chunk = []

    def _open(self, job: Job) -> bool:
        return not all(self._of(w.row) for item in job.items for w in item.wanted)

    def _of(self, row: str) -> int:
        return self._state[self._numbered(row)]

    def _mark(self, row: str, state: int) -> None:
        self._state[self._numbered(row)] |= state

    def _numbered(self, row: str) -> int:
        number = self._number.setdefault(row, len(self._state))
        if number == len(self._state):
            good, bad = self._before
            self._state.append(_GOOD if row in good else _BAD if row in bad else 0)
        return number


def make_plan(
    task: Task,
    store: Store,
    *,
    retry_failed: bool = False,
    force: bool = False,
    tell: Tell | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> StudyPlan:
    """Go through a study once, and see what is missing.

    Args:
        task: the study, expanded.
        store: what is known.
        retry_failed: take the study's failed values out of the store first.
        force: take all of the study's values out of it first.
        tell: told jobs that were looked at.
        stop: asked now and then; the plan is then incomplete.
    """
    good, bad = store.finished()
    again = _rows(*_without_artefact(task.preparations, store)) & good
    unwanted = good | bad if force else bad if retry_failed else set[str]()
    if unwanted:
        jobs = task.jobs
        again |= unwanted & _rows(*task.preparations, *(jobs[k] for k in range(len(jobs))))
    if again:
        store.forget(again)
        good, bad = good - again, bad - again
    plan = StudyPlan(good, bad)
    for number, job in enumerate(task.preparations):
        plan.count_preparation(job, number)
    jobs = task.jobs
    for number in range(len(jobs)):
        plan.count(jobs[number], number)
        if number % 1000 == 0:
            if stop():
                plan.complete = False
                break
            if tell is not None:
                tell(number, len(jobs))
    return plan


def _rows(*jobs: Job) -> set[str]:
    return {w.row for job in jobs for item in job.items for w in item.wanted}


def _without_artefact(jobs: Sequence[Job], store: Store) -> list[Job]:
    """Preparations whose product somebody took away."""
    kept = store.made([job.made for job in jobs]) if jobs else {}
    return [job for job in jobs if job.made not in kept]


def read_plan(folder: Path) -> pa.Table:
    """The rows that make up the study of a folder.

    Raises:
        OutputError: there is no study, or its plan is damaged.
    """
    path = folder / PLAN
    try:
        return read(path, SCHEMA)
    except FileNotFoundError:
        raise OutputError(f"{folder}: holds no study; interlock lab run makes one") from None
    except (OSError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise OutputError(f"{path}: cannot be read ({first}); run the study again") from None


def results(folder: Path) -> pa.Table:
    """Every row of a folder's study with what is known of it; nothing of earlier studies.

    Names of models, data and methods are those of the study as it was run last. Rows that are not
    finished have no ``utc``.

    Raises:
        OutputError: there is no study, or a file is damaged.
    """
    plan = read_plan(folder)
    rows = Store(folder).table()
    known = rows.drop_columns([name for name in SCHEMA.names if name != "row"])
    numbered = plan.append_column("place", pa.array(range(len(plan)), pa.int64()))
    return numbered.join(known, "row").sort_by("place").drop_columns(["place"])
