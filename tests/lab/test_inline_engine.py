"""The engine of one process: in order, told when to stop, and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from interlock.lab.engines.inline import InlineEngine
from interlock.lab.items import Done, Job
from interlock.lab.run import run_study
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from tests.lab.cheap import PIXELS, write_images, write_study
from tests.lab.running import table

JOBS = [Job((), k) for k in range(4)]


def counting(log: list[int]) -> Callable[[], Callable[[Job], Done]]:
    def work(job: Job) -> Done:
        log.append(job.work)
        if job.work == 3:
            raise ZeroDivisionError
        return Done([], {}, str(job.work))

    return lambda: work


def test_jobs_are_done_in_order_and_drawn_one_by_one() -> None:
    log, drawn = list[int](), list[int]()

    def jobs() -> Iterator[Job]:
        for job in JOBS[:3]:
            drawn.append(job.work)
            yield job

    for number, (job, done) in enumerate(InlineEngine().run(counting(log), jobs(), lambda: False)):
        assert (job.work, done.made) == (number, str(number))
        assert log == drawn == list(range(number + 1))
    assert log == [0, 1, 2]


def test_it_stops_before_the_next_job() -> None:
    log = list[int]()
    done = list(InlineEngine().run(counting(log), JOBS, lambda: len(log) == 2))
    assert (log, len(done)) == ([0, 1], 2)


def test_what_a_worker_does_not_catch_goes_on() -> None:
    log = list[int]()
    with pytest.raises(ZeroDivisionError):
        list(InlineEngine().run(counting(log), JOBS, lambda: False))
    assert log == [0, 1, 2, 3]


def test_the_threads_of_the_process_are_kept_and_told(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 2)
    study = write_study(tmp_path, PIXELS)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        run_study(
            Setting(read_study(study), study.name, tmp_path), tmp_path / "out", InlineEngine()
        )
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    rows = table(tmp_path / "out")
    assert {(row["engine"], row["threads"]) for row in rows} == {("inline", before + 1)}
