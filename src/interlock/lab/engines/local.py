"""Processes of this machine, each with models of its own."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any

from interlock._allocation import keep_freed_memory
from interlock.errors import ModelError, OptionError

if TYPE_CHECKING:
    from interlock.lab.items import Done, Job
    from interlock.lab.task import Worker

AHEAD = 2
"""Jobs drawn for each worker: one under way, one that waits."""
_ASK = 0.2  # seconds between questions whether to stop

_worker: Worker | None = None


class LocalEngine:
    """As many processes as fit the cores.

    Args:
        workers: processes; as many as there are cores for when None.
        threads: of each. The same number gives the same bits, on one process or many.

    Raises:
        OptionError: fewer than one.
    """

    name = "local"

    def __init__(self, workers: int | None = None, *, threads: int = 1) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers={workers}: give at least 1")
        if threads < 1:
            raise OptionError(f"threads={threads}: give at least 1")
        self.workers = workers or max(1, cores() // threads)
        self.threads = threads

    def run(
        self, factory: Callable[[], Worker], jobs: Iterable[Job], stop: Callable[[], bool]
    ) -> Iterator[tuple[Job, Done]]:
        """See :class:`~interlock.lab.engines.engine.Engine`.

        When a process dies, all that was under way is done again job by job: the one that kills
        its process a second time, when it is alone, is the one to blame.

        Raises:
            ModelError: no process can be started.
        """
        blob, waiting = pickle.dumps(factory), iter(jobs)
        while not stop():
            with _pool(blob, self.workers, self.threads) as pool:
                suspects = yield from self._until_broken(pool, waiting, stop)
            if not suspects:
                return
            yield from self._one_by_one(blob, suspects, stop)

    def _until_broken(
        self, pool: ProcessPoolExecutor, waiting: Iterator[Job], stop: Callable[[], bool]
    ) -> Generator[tuple[Job, Done], None, list[Job]]:
        """Returns the jobs that were under way when a process died; none at the end."""
        pending: dict[Future[Done], Job] = {}
        suspects: list[Job] = []
        while not stop():
            while not suspects and len(pending) < AHEAD * self.workers:
                job = next(waiting, None)
                if job is None:
                    break
                try:
                    pending[pool.submit(_do, job)] = job
                except BrokenProcessPool:
                    suspects.append(job)
            if not pending:
                return suspects
            done, _ = wait(pending, timeout=_ASK, return_when=FIRST_COMPLETED)
            if stop():
                break
            for future in done:
                job = pending.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(job)
                    continue
                yield job, result
        return []

    def _one_by_one(
        self, blob: bytes, jobs: Sequence[Job], stop: Callable[[], bool]
    ) -> Iterator[tuple[Job, Done]]:
        """Each alone in a process; the next one starts where the process has died."""
        from interlock.lab.items import failed

        waiting = iter(jobs)
        job = next(waiting, None)
        while job is not None and not stop():
            with _pool(blob, 1, self.threads) as pool:
                died = False
                while job is not None and not died and not stop():
                    future = pool.submit(_do, job)
                    while not future.done() and not stop():
                        wait([future], timeout=_ASK)
                    if not future.done():
                        return
                    try:
                        result = future.result()
                    except BrokenProcessPool:
                        died = True
                        why = "its worker process died twice; is there enough memory?"
                        result = failed(job, why)
                    yield job, result
                    job = next(waiting, None)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _pool(blob: bytes, workers: int, threads: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are gone when the block ends, whatever they were at."""
    own = _OwnProcesses()
    pool = ProcessPoolExecutor(
        workers,
        own,
        initializer=_start,
        initargs=(blob, threads),
    )
    try:
        _greet(pool)
        yield pool
    finally:
        # Before the pool is told to end: once told without waiting, it can no longer be joined,
        # and its thread is woken over a closed pipe when Python ends.
        for process in own.started:
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)


class _OwnProcesses(SpawnContext):
    """Starts processes and remembers them: the caller may have others.

    Spawned: a forked PyTorch can hang in its thread pool.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **options: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """A process that is not started yet."""
        process = SpawnProcess(*args, **options)
        self.started.append(process)
        return process


def _greet(pool: ProcessPoolExecutor) -> None:
    """See that a process comes up at all, so that none of its jobs is blamed.

    Raises:
        ModelError: it does not.
    """
    try:
        pool.submit(os.getpid).result()
    except (BrokenProcessPool, RuntimeError):
        raise ModelError(
            "no worker process could be started; its own lines say why. A script that runs a "
            "study does so under if __name__ == '__main__'"
        ) from None


def _start(blob: bytes, threads: int) -> None:
    """In the new process: the parent answers to signals, and nobody outlives it."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    from interlock.lab.engines.bootstrap import make_worker

    _worker = make_worker(blob, threads)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Job) -> Done:
    assert _worker is not None
    return _worker(job)
