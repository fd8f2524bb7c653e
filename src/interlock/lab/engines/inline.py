"""This process, one job after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from interlock.lab.items import Done, Job
from interlock.lab.task import Worker


class InlineEngine:
    """No processes and no second copy of a model; what a worker does not catch, nobody does."""

    name = "inline"

    @property
    def threads(self) -> int:
        """As many as this process has."""
        import torch

        return torch.get_num_threads()

    def run(
        self, factory: Callable[[], Worker], jobs: Iterable[Job], stop: Callable[[], bool]
    ) -> Iterator[tuple[Job, Done]]:
        """See :class:`~interlock.lab.engines.engine.Engine`; asks before each job."""
        worker, waiting = factory(), iter(jobs)
        while not stop() and (job := next(waiting, None)) is not None:
            yield job, worker(job)
