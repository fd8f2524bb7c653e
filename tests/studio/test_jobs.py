"""Work in threads: it stops between two batches, and one of a kind runs at a time."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from interlock.errors import ModelError
from interlock.serve.wire_error import WireError
from interlock.studio.jobs import Job, Jobs


class Slow(nn.Module):
    """Each pass waits for a word."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.passes = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        self.begun.release()
        self.go.acquire()
        return x


def passes(model: nn.Module, count: int = 100, batch: int = 3) -> object:
    def work(job: Job) -> None:
        with job.watching(model, lambda n: job.tell(n / (count * batch), f"{n}")):
            for _ in range(count):
                try:
                    model(torch.zeros(batch, 1))
                except Exception:  # as libraries do
                    raise AssertionError("a stop was taken for an error") from None

    return work


def test_it_stops_before_the_next_batch_and_leaves_the_model_as_it_was() -> None:
    model, jobs = Slow(), Jobs()
    job = jobs.start("explain", passes(model))
    for _ in range(2):
        model.begun.acquire()
        model.go.release()
    model.begun.acquire()  # the third is under way
    assert (job.share, job.note, job.state) == (pytest.approx(9 / 300), "9", "running")
    jobs.stop("explain")
    assert job.state == "stopping"
    model.go.release()
    job.thread.join(20)
    assert job.state == "stopped"
    assert model.passes == 3
    assert not model._forward_pre_hooks


def test_only_the_thread_of_the_work_is_stopped() -> None:
    model, jobs = Slow(), Jobs()
    job = jobs.start("explain", passes(model))
    model.begun.acquire()
    jobs.stop("explain")
    model.go.release()
    model.go.release()
    assert model(torch.ones(1)).item() == 1  # somebody else's
    job.thread.join(20)
    assert job.state == "stopped"


def test_one_of_a_kind_runs_and_the_next_waits_for_a_stopped_one() -> None:
    model, jobs = Slow(), Jobs()
    first = jobs.start("explain", passes(model))
    model.begun.acquire()
    with pytest.raises(WireError, match="stop it first") as refused:
        jobs.start("explain", lambda job: None)
    assert refused.value.status == 409
    other = jobs.start("attack", lambda job: None)  # of another kind
    other.thread.join(20)
    jobs.stop("explain")
    seen: list[bool] = []
    second = jobs.start("explain", lambda job: seen.append(first.alive))
    assert second.alive
    model.go.release()
    second.thread.join(20)
    assert seen == [False]
    assert (first.state, second.state) == ("stopped", "done")


def test_a_failure_is_one_line_and_the_end_stops_all() -> None:
    def fail(job: Job) -> None:
        raise ModelError("no such weights; load another model")

    def break_down(job: Job) -> None:
        raise RuntimeError("shapes (3, 4)\nand more")

    model, jobs = Slow(), Jobs()
    for kind, work in (("explain", fail), ("attack", break_down)):
        jobs.start(kind, work).thread.join(20)
    shown = jobs.shown
    assert shown["explain"]["error"] == "no such weights; load another model"
    assert shown["attack"]["error"] == "RuntimeError: shapes (3, 4)"
    assert {job["state"] for job in shown.values()} == {"failed"}
    last = jobs.start("certify", passes(model))
    model.begun.acquire()
    threading.Timer(0.05, model.go.release).start()
    jobs.close()
    assert last.state == "stopped"
    with pytest.raises(WireError, match="ending"):
        jobs.start("certify", fail)
