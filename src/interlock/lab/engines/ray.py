"""A Ray cluster: an existing one by its address, or one on this machine for the run.

Ray places the workers, restarts them and repeats what a lost one was at. Here a bounded number of
jobs is handed out, two to each worker, and what comes back is passed on.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from interlock.errors import ModelError, OptionError
from interlock.lab.engines.bootstrap import make_worker, thread_variables
from interlock.lab.engines.local import AHEAD, cores

if TYPE_CHECKING:
    from interlock.lab.items import Done, Job
    from interlock.lab.task import Worker

RETRIES = 2
"""Times that Ray repeats a job whose worker died."""
LOSSES = 2
"""Times that a job is handed to another worker after that."""
REST = 5.0
"""Seconds that a worker is given nothing after a loss: Ray notices a lost node that late."""
PATIENCE = 30.0
"""Seconds that a worker may wait for a place in the cluster while others have one."""
SILENCE = 5.0
"""Seconds without an answer after which others are given work first."""
_BESIDE = "beside"
_ASK = 0.5  # seconds between questions whether to stop


class RayEngine:
    """Workers of a Ray cluster, with their models loaded once each.

    Args:
        workers: how many; as many as the cluster has room for when None.
        threads: cores that each takes, and threads that it computes with.
        address: of a cluster, as ``ray.init`` takes it; None starts one on this machine, unless
            this process is already connected to one.
        gpus: that each takes; may be a fraction.

    Raises:
        OptionError: a number out of range, or Ray is not installed.
    """

    name = "ray"

    def __init__(
        self,
        workers: int | None = None,
        *,
        threads: int = 1,
        address: str | None = None,
        gpus: float = 0.0,
    ) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers={workers}: give at least 1")
        if threads < 1 or gpus < 0:
            raise OptionError(f"threads={threads}, gpus={gpus}: out of range")
        try:
            import ray  # noqa: F401
        except ImportError:
            raise OptionError("Ray is not installed; pip install 'interlock[ray]'") from None
        self.workers, self.threads, self.address, self.gpus = workers, threads, address, gpus

    def run(
        self, factory: Callable[[], Worker], jobs: Iterable[Job], stop: Callable[[], bool]
    ) -> Iterator[tuple[Job, Done]]:
        """See :class:`~interlock.lab.engines.engine.Engine`.

        Raises:
            ModelError: the cluster cannot be reached, or every worker died.
        """
        with self._cluster() as ray:
            crew = _Crew(ray, self._hire(ray, pickle.dumps(factory)), stop)
            try:
                yield from crew.work(iter(jobs))
            finally:
                crew.dismiss()

    def _hire(self, ray: Any, blob: bytes) -> list[Any]:
        worker = ray.remote(concurrency_groups={_BESIDE: 1})(_Remote).options(
            num_cpus=self.threads,
            num_gpus=self.gpus,
            max_restarts=-1,
            max_task_retries=RETRIES,
            runtime_env={"env_vars": thread_variables(self.threads)},
        )
        return [worker.remote(blob, self.threads) for _ in range(self._room(ray))]

    def _room(self, ray: Any) -> int:
        """Workers to start: those asked for, or as many as fit."""
        if self.workers is not None:
            return self.workers
        has = ray.cluster_resources()
        room = has.get("CPU", 0) // self.threads
        if self.gpus:
            room = min(room, has.get("GPU", 0) // self.gpus)
        if room < 1:
            raise ModelError(
                f"the Ray cluster has {has.get('CPU', 0):g} CPUs and {has.get('GPU', 0):g} GPUs, "
                f"too few for one worker with {self.threads} and {self.gpus:g}"
            )
        return int(room)

    @contextmanager
    def _cluster(self) -> Iterator[Any]:
        """Ray, connected; let go of at the end, if it was not connected before."""
        import ray

        if ray.is_initialized():
            yield ray
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # reports to nobody
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # and warns of nothing
        quiet = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            with _own_signals():
                if self.address is None:
                    room = (self.workers or max(1, cores() // self.threads)) * self.threads
                    ray.init(num_cpus=room, include_dashboard=False, **quiet)
                else:
                    ray.init(address=self.address, **quiet)
        except Exception as error:  # Ray raises many kinds
            where = self.address or "this machine"
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"no Ray cluster at {where} ({first})") from None
        try:
            yield ray
        finally:
            ray.shutdown()


class _Remote:
    """A worker on the other side."""

    def __init__(self, factory: bytes, threads: int) -> None:
        self._worker = make_worker(factory, threads)

    def do(self, job: Job) -> Done:
        """One job."""
        return self._worker(job)

    def here(self) -> None:
        """Answers beside a job, as soon as the worker has a place and its model."""


class _Crew:
    """Workers, and the jobs that each has."""

    def __init__(self, ray: Any, workers: Iterable[Any], stop: Callable[[], bool]) -> None:
        self._ray, self._stop = ray, stop
        self._jobs: dict[Any, dict[Any, Job]] = {worker: {} for worker in workers}
        self._again: list[Job] = []
        """Jobs whose workers were lost, and Ray's repetitions with them."""
        self._lost: dict[int, int] = {}
        """How often that happened to a job."""
        self._asked: dict[Any, tuple[Any, float]] = {}
        """Whether a worker is there: the question under way to each, and since when."""
        self._resting: dict[Any, float] = {}
        """Until when a worker is given nothing, because jobs were just lost there."""
        self._reason = ""

    def work(self, jobs: Iterator[Job]) -> Iterator[tuple[Job, Done]]:
        """Hand out and collect until all is done."""
        while not self._stop():
            left = self._hand_out(jobs)
            owners = {future: w for w, under_way in self._jobs.items() for future in under_way}
            if not owners and not left:
                return
            if not owners:
                time.sleep(_ASK)  # all of them rest
                continue
            ready, _ = self._ray.wait(list(owners), timeout=_ASK)
            for future in ready:
                job = self._jobs.get(owners[future], {}).pop(future, None)
                result = None if job is None else self._collected(owners[future], future, job)
                if job is not None and result is not None:
                    self._lost.pop(id(job), None)
                    yield job, result
            self._look_after()

    def dismiss(self) -> None:
        """End all workers, whatever they are at."""
        for worker in self._jobs:
            self._ray.kill(worker)

    def _hand_out(self, jobs: Iterator[Job]) -> bool:
        """Give work to who has room for it; whether there is more to give."""
        while self._jobs:
            now = time.monotonic()
            free = [
                worker
                for worker, under_way in self._jobs.items()
                if len(under_way) < AHEAD and self._resting.get(worker, 0.0) < now
            ]
            if not free:
                return True
            job = self._again.pop() if self._again else next(jobs, None)
            if job is None:
                return False
            worker = min(free, key=lambda w: (self._silent(w) > SILENCE, len(self._jobs[w])))
            self._jobs[worker][worker.do.remote(job)] = job
        raise ModelError(f"every Ray worker died; the last: {self._reason}")

    def _collected(self, worker: Any, future: Any, job: Job) -> Done | None:
        """What came of a job; None if it is to be done again."""
        from interlock.lab.items import failed

        try:
            result: Done = self._ray.get(future)
        except self._ray.exceptions.RayError as error:
            self._reason = _last_line(error)
            if isinstance(error, self._ray.exceptions.ActorDiedError):  # for good
                self._again += self._jobs.pop(worker, {}).values()
            self._resting[worker] = time.monotonic() + REST
            # A node that is lost takes all of Ray's repetitions with it before it is missed.
            self._lost[id(job)] = self._lost.get(id(job), 0) + 1
            if self._lost[id(job)] > LOSSES:
                del self._lost[id(job)]
                return failed(job, f"its worker died again and again ({self._reason})")
            self._again.append(job)
            return None
        return result

    def _look_after(self) -> None:
        """Give up a worker that has no place for long while others have one.

        After the loss of a node Ray starts its workers anew where there is room; where there is
        none, their jobs would wait for a node that may never come.
        """
        self._asked = {w: self._asked.get(w) or self._question(w) for w in self._jobs}
        questions = {future: worker for worker, (future, _) in self._asked.items()}
        ready, _ = self._ray.wait(list(questions), num_returns=len(questions), timeout=0)
        for future in ready:
            worker = questions[future]
            _, since = self._asked.pop(worker)
            try:
                self._ray.get(future)
            except self._ray.exceptions.RayError:  # it was lost: the silence goes on
                self._asked[worker] = self._question(worker)[0], since
        silent = [worker for worker in self._jobs if self._silent(worker) > SILENCE]
        for worker in silent if len(silent) < len(self._jobs) else ():
            if self._silent(worker) > PATIENCE:
                self._again += self._jobs.pop(worker).values()
                del self._asked[worker]
                self._ray.kill(worker)

    def _question(self, worker: Any) -> tuple[Any, float]:
        ask = worker.here.options(concurrency_group=_BESIDE, max_task_retries=0)
        return ask.remote(), time.monotonic()

    def _silent(self, worker: Any) -> float:
        """Seconds that a worker has not answered for."""
        return time.monotonic() - self._asked[worker][1] if worker in self._asked else 0.0


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's handlers: ``ray.init`` puts one of its own on SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _last_line(error: Exception) -> str:
    """The end of a remote traceback says what it was about."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
