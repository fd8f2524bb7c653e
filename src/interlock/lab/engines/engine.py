"""What the lab asks of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from interlock.lab.items import Done, Job
from interlock.lab.task import Worker


class Engine(Protocol):
    """Does jobs in processes that hold models. It knows nothing of studies, tasks or results."""

    @property
    def name(self) -> str:
        """For provenance."""

    @property
    def threads(self) -> int:
        """Of each worker."""

    def run(
        self,
        factory: Callable[[], Worker],
        jobs: Iterable[Job],
        stop: Callable[[], bool],
    ) -> Iterator[tuple[Job, Done]]:
        """Each job with what came of it, in any order, as they finish.

        A bounded number of jobs is drawn ahead. A job whose worker dies again and again comes back
        as failed.

        Args:
            factory: makes a worker; picklable.
            jobs: drawn one by one.
            stop: asked often; when it says yes, jobs under way are dropped and the iterator ends.
        """
