"""What a run of a study would take, by one job for each method."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock.lab.data import Tell
from interlock.lab.items import Job
from interlock.lab.open_task import open_task
from interlock.lab.store import Store
from interlock.lab.task import Setting, Task, Worker


@dataclass(frozen=True)
class Forecast:
    """What there is to do; nothing of it is kept."""

    items: int
    """In the study."""
    left: int
    """Without a value, or with one that failed."""
    preparations: int
    """To be made first, such as fits of shields."""
    seconds: float | None
    """Of one process, for what is left; None where it cannot be told before the preparations."""


def forecast(setting: Setting, out: str | Path, *, tell: Tell) -> Forecast:
    """Count what is missing of a study in a folder, and time one job for each method.

    Args:
        setting: the study and where it runs.
        out: the folder, which need not be there.
        tell: told how far the data are read.

    Raises:
        StudyError: the study does not fit its models, methods or data.
    """
    task = open_task(setting, tell)
    known = Store(Path(out)).table(["row", "error"]).to_pylist()
    good = {row["row"] for row in known if row["error"] is None}

    def missing(job: Job) -> list[str]:
        """Methods of the items that lack a value."""
        return [i.method for i in job.items if any(w.row not in good for w in i.wanted)]

    jobs = task.jobs
    left = {number: lacking for number in range(len(jobs)) if (lacking := missing(jobs[number]))}
    preparations = sum(bool(missing(job)) for job in task.preparations)
    return Forecast(
        items=sum(len(jobs[number].items) for number in range(len(jobs))),
        left=sum(map(len, left.values())),
        preparations=preparations,
        seconds=None if len(task.preparations) else _seconds(task, left),
    )


def _seconds(task: Task, left: dict[int, list[str]]) -> float:
    """Of one process: a job's time, by the methods that it has items of."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for number, methods in left.items():
        alike.setdefault(tuple(sorted(set(methods))), []).append(number)
    if not alike:
        return 0.0
    worker = task.worker({})()
    return sum(len(numbers) * _timed(worker, task.jobs, numbers) for numbers in alike.values())


def _timed(worker: Worker, jobs: Sequence[Job], numbers: Sequence[int]) -> float:
    """Of the last job, the first having loaded what is loaded once; a sole one has no other."""
    seconds = 0.0
    for number in dict.fromkeys((numbers[0], numbers[-1])):
        begun = time.monotonic()
        worker(jobs[number])
        seconds = time.monotonic() - begun
    return seconds
