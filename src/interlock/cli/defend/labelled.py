"""Labelled photos: a folder of class folders, or a table, in which photos of one scene are tied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock._files import file_digest
from interlock.data import LabelledFolder
from interlock.data.rows import read_rows
from interlock.errors import DataError, OptionError

TABLES = (".csv", ".tsv")


@dataclass(frozen=True)
class Labelled:
    """One photo with the name of its class."""

    path: Path
    label: str
    group: str | None = None
    """Photos of one group say little more than one of them: one scene, one camera, one day."""


def read_labelled(given: Path, groups: str | None = None) -> list[Labelled]:
    """The photos of ``given/CLASS/*``, or those that a CSV file's columns name.

    Args:
        given: a folder, or a table with the columns ``file`` (relative to the table) and ``label``.
        groups: name of a third column of the table.

    Raises:
        DataError: the folder or table is missing or wrong, or a cell is empty (its line is named).
        OptionError: groups of a folder, or a column that is not there.
    """
    if given.suffix.lower() in TABLES and not given.is_dir():
        return _listed(given, groups)
    if groups is not None:
        raise OptionError(
            f"groups={groups}: {given} is a folder and has no columns; list the photos in a CSV "
            f"file with the columns file, label and {groups}"
        )
    scanned = LabelledFolder.scan(given)
    return [
        Labelled(path, scanned.classes[number])
        for path, number in zip(scanned.files, scanned.labels, strict=True)
    ]


def one_of_each(photos: Sequence[Labelled]) -> list[Labelled]:
    """Of each group the photo whose file has the smallest SHA-256, at the place of its first.

    Which one it is depends on nothing that is measured, so the shares that are found are of groups,
    and exact bounds hold whatever ties the photos of one. Photos without a group stay.
    """
    drawn: dict[str, Labelled] = {}
    for photo in photos:
        key = f"photo {photo.path}" if photo.group is None else f"group {photo.group}"
        if key not in drawn or file_digest(photo.path) < file_digest(drawn[key].path):
            drawn[key] = photo
    return list(drawn.values())


def _listed(table: Path, groups: str | None) -> list[Labelled]:
    photos: dict[Path, Labelled] = {}
    for row, where in read_rows(table):
        for column in ("file", "label", *([groups] if groups is not None else ())):
            if column not in row:
                raise (OptionError if column == groups else DataError)(
                    f"{table}: has no column {column!r}; it has {', '.join(row)}"
                )
            if row[column] is None:
                raise DataError(f"{where}: the cell under {column!r} is empty")
        path = table.parent / str(row["file"])
        if path in photos:
            raise DataError(f"{where}: {row['file']} a second time; name each file once")
        if not path.is_file():
            raise DataError(f"{where}: {row['file']}: no such file beside the table")
        group = None if groups is None else str(row[groups])
        photos[path] = Labelled(path, str(row["label"]), group)
    if not photos:
        raise DataError(f"{table}: holds no rows")
    return list(photos.values())
