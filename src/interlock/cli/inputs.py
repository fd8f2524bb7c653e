"""The images that a command was given, each with a name of its own for its results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock.errors import DataError, InterlockError


@dataclass(frozen=True)
class Source:
    """One image file and the stem of the files written for it."""

    path: Path
    name: str


@dataclass(frozen=True)
class Failure:
    """An input that could not be used, and why."""

    source: str
    error: str


def gather(inputs: Sequence[Path], *, nested: bool = False) -> tuple[list[Source], list[Failure]]:
    """Files as they are, folders as the images in them; a file named twice counts once.

    Whether a file can be read is found out when it is read.

    Args:
        inputs: files and folders.
        nested: a folder without images of its own stands for those in its sub-folders.
    """
    from interlock.data import list_images

    paths: list[Path] = []
    failures = []
    for given in inputs:
        try:
            if nested:
                paths.extend(_below(given))
            else:
                paths.extend(list_images(given) if given.is_dir() else [given])
        except InterlockError as error:
            failures.append(Failure(str(given), str(error)))
        except OSError as error:
            failures.append(Failure(str(given), f"{given}: {error.strerror}"))
    return _named(paths), failures


def _below(given: Path) -> Sequence[Path]:
    from interlock.data import LabelledFolder, list_images

    if not given.is_dir():
        return [given]
    try:
        return list_images(given)
    except DataError as nothing:
        try:
            return LabelledFolder.scan(given).files
        except DataError:
            raise nothing from None


def _named(paths: Iterable[Path]) -> list[Source]:
    """Stems, made unique by a number: cat, cat-2. Letter case does not make a name unique."""
    seen: set[Path] = set()
    taken: set[str] = set()
    sources = []
    for path in paths:
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        name, number = path.stem, 2
        while name.casefold() in taken:
            name = f"{path.stem}-{number}"
            number += 1
        taken.add(name.casefold())
        sources.append(Source(path, name))
    return sources
