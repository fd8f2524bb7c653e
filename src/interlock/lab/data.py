"""The data of a study: its sources opened, its items digested, in one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from interlock.data.sources import Sample, Source, open_source
from interlock.errors import DataError, InterlockError
from interlock.lab.study import DataPart, StudyError, label

Tell = Callable[[int, int], None]
"""Told how much of a step is done, and of how much."""

READERS = 8
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Items:
    """All data items of a study, in the order of its sources."""

    sources: tuple[tuple[str, Source], ...]
    """(name in the study, source)."""
    digests: tuple[str, ...]
    """Of each item's bytes."""

    def __len__(self) -> int:
        return len(self.digests)

    def name(self, index: int) -> str:
        """As results name it: the source's name in the study, and the id there."""
        source, sample = self._at(index)
        return f"{source}/{sample.id}"

    def sample(self, index: int) -> Sample:
        """The item itself, not read."""
        return self._at(index)[1]

    def _at(self, index: int) -> tuple[str, Sample]:
        for name, source in self.sources:
            if index < len(source):
                return name, _sample(source, index)
            index -= len(source)
        raise IndexError(index)


def open_items(
    parts: Sequence[DataPart], base: Path, file: str, *, key: str = "data", tell: Tell | None = None
) -> Items:
    """Open the sources that a study names, and digest what they hold.

    Args:
        parts: of the study.
        base: folder that relative paths start from.
        file: what errors call the study's file.
        key: where the parts stand in it.
        tell: told items that were digested.

    Raises:
        StudyError: a source cannot be opened, or is empty.
    """
    opened, problems = [], []
    for number, part in enumerate(parts):
        try:
            source = _open(part, base)
            if not len(source):
                problems.append(f"{file}: {key}[{number}]: {part.path}: holds no items")
            opened.append((label(part), source))
        except InterlockError as error:
            problems.append(f"{file}: {key}[{number}]: {error}")
    if problems:
        raise StudyError(problems)
    return Items(tuple(opened), tuple(_digests(opened, tell)))


def find_sample(parts: Sequence[DataPart], base: Path, name: str) -> Sample:
    """The data item of a study that results call by a name.

    Raises:
        DataError: it is not there any more.
    """
    for part in parts:
        if name.startswith(f"{label(part)}/"):
            source = _open(part, base)
            for k in range(len(source)):
                sample = _sample(source, k)
                if name == f"{label(part)}/{sample.id}":
                    return sample
    raise DataError(f"{name}: not among the data of the study any more")


def _open(part: DataPart, base: Path) -> Source:
    path = part.path
    if part.kind != "skimage" and "://" not in path:
        path = str(base / path)
    return open_source(
        part.kind,
        path,
        limit=part.limit,
        offset=part.offset,
        shuffle=part.shuffle,
        step=part.step,
        **part.options,
    )


def _digests(opened: Sequence[tuple[str, Source]], tell: Tell | None) -> list[str]:
    total = sum(len(source) for _, source in opened)
    digests: list[str] = []
    with ThreadPoolExecutor(READERS) as pool:
        for _, source in opened:
            for start in range(0, len(source), _CHUNK):
                stop = min(start + _CHUNK, len(source))
                digests += pool.map(_digest, (_sample(source, k) for k in range(start, stop)))
                if tell is not None:
                    tell(len(digests), total)
    return digests


@dataclass(frozen=True)
class _Nowhere:
    """The place of an item that the source itself could not make out."""

    reason: str

    def fetch(self) -> bytes:
        raise DataError(self.reason)


def _sample(source: Source, index: int) -> Sample:
    try:
        return source.sample(index)
    except InterlockError as error:  # a bad line of a table: its neighbours are not affected
        return Sample(f"number {index}", None, "", _Nowhere(str(error)))


def _digest(sample: Sample) -> str:
    """Of the bytes; whose bytes cannot be read fails when it is its turn, with the reason."""
    try:
        return sample.digest()
    except InterlockError:
        return f"unreadable: {sample.id}"
