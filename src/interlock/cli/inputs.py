"""The photos that a command was given, each with a name of its own for its results."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from interlock.cli.terminal import one_line
from interlock.data import LabelledFolder, list_images
from interlock.errors import DataError, InterlockError
from interlock.report import Problem


@dataclass(frozen=True)
class Photo:
    """One image file and the stem of the files written for it."""

    path: Path
    name: str

    @property
    def anchor(self) -> str:
        """Its place on the page of a report."""
        return f"image-{sha256(os.fsencode(self.name)).hexdigest()[:12]}"


def problem(source: Path, error: object) -> Problem:
    """What an error says of an input that could not be used."""
    name = one_line(source)
    return Problem(name, one_line(error).removeprefix(f"{name}: "))


def gather(inputs: Sequence[Path], *, nested: bool = False) -> tuple[list[Photo], list[Problem]]:
    """Files as they are, folders as the images in them; a file named twice counts once.

    Whether a file can be read is found out when it is read.

    Args:
        inputs: files and folders.
        nested: a folder without images of its own stands for those in its sub-folders.
    """
    paths: list[Path] = []
    problems = []
    for given in inputs:
        try:
            if nested:
                paths.extend(_below(given))
            else:
                paths.extend(list_images(given) if given.is_dir() else [given])
        except InterlockError as error:
            problems.append(problem(given, error))
        except OSError as error:
            problems.append(problem(given, error.strerror))
    return _named(paths), problems


def _below(given: Path) -> Sequence[Path]:
    if not given.is_dir():
        return [given]
    try:
        return list_images(given)
    except DataError as nothing:
        try:
            return LabelledFolder.scan(given).files
        except DataError:
            raise nothing from None


def _named(paths: Iterable[Path]) -> list[Photo]:
    """Stems, made unique by a number: cat, cat-2. Letter case does not make a name unique."""
    seen: set[str] = set()
    taken: set[str] = set()
    photos = []
    for path in paths:
        place = os.path.realpath(path)  # not path.resolve(), which raises where links go in circles
        if place in seen:
            continue
        seen.add(place)
        name, number = path.stem, 2
        while name.casefold() in taken:
            name = f"{path.stem}-{number}"
            number += 1
        taken.add(name.casefold())
        photos.append(Photo(path, name))
    return photos
