"""What a study's task is to the lab: jobs by number, and a worker that does one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, overload

from interlock.errors import InterlockError
from interlock.lab.items import Done, Job
from interlock.lab.study import Study, StudyError

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """A study and where it runs; travels to the workers."""

    study: Study
    """As the file has it, checked."""
    file: str
    """What errors call the study's file."""
    base: Path
    """Folder that the study's relative paths start from."""
    device: str = "cpu"
    """Where models are put: ``"cpu"``, ``"cuda"``, ``"cuda:1"``."""

    def refuse(self, problems: Iterable[str]) -> None:
        """Name the file in each problem.

        Raises:
            StudyError: there is one.
        """
        lines = [f"{self.file}: {line}" for line in problems]
        if lines:
            raise StudyError(lines)


Worker = Callable[[Job], Done]
"""Does one job. It holds models, and raises nothing that concerns one item alone."""


class Task(Protocol):
    """A study, expanded."""

    @property
    def notes(self) -> Sequence[str]:
        """What of the study's data was left out, and why: a line each."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """How much of it, by the reason."""

    @property
    def preparations(self) -> Sequence[Job]:
        """What must be there before the jobs, such as a fitted shield; usually none."""

    @property
    def jobs(self) -> Sequence[Job]:
        """All the work; each job is made when it is asked for."""

    def worker(self, prepared: Mapping[str, bytes]) -> Callable[[], Worker]:
        """What makes a worker in its own process: small, and picklable.

        Args:
            prepared: what the preparations made, by the names in their ``made``.
        """


class Numbered(Sequence[T]):
    """A sequence whose members are made when they are asked for."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self._make(k) for k in range(self._count)[index]]
        return self._make(range(self._count)[index])


def one_line(error: BaseException) -> str:
    """What went wrong, for a row: errors raised on purpose speak for themselves."""
    text = " ".join(str(error).split())
    if isinstance(error, InterlockError):
        return text
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
