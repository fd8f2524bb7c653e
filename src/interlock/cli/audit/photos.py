"""The photos of an audit: labelled or not, each once; some are measured, some learnt from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interlock._files import file_digest, write_atomically
from interlock.cli.bench import Bench, Outcome, find_photos, note_problems, without_copies
from interlock.cli.defend.certify import class_of
from interlock.cli.defend.labelled import TABLES, one_of_each, read_labelled
from interlock.cli.inputs import Photo, problem
from interlock.cli.terminal import Terminal
from interlock.data import list_images, read_image
from interlock.data.sources import open_source
from interlock.data.sources.selection import shuffled
from interlock.defend.shield.clean_pass import FEWEST
from interlock.errors import DataError, ImageError
from interlock.lab.study import DataPart

if TYPE_CHECKING:
    from PIL.Image import Image

CROPS, LEARNT = 160, 100
"""Crops of the package's photos that a shield is fitted to, and own photos at most: from so many on
its rates are known."""
MEASURED, CLEAN = "photos", "clean"
"""What the study calls its data."""


@dataclass(frozen=True)
class Photos:
    """What an audit measures, and what its shield is fitted to; no photo is in both."""

    measured: tuple[Photo, ...]
    """In an order drawn by the seed: as many of the first as the budget allows."""
    labels: tuple[str, ...]
    """Of each, as folder or table name it; empty where there are none."""
    clean: tuple[Photo, ...]
    """None where too few are left for a fit, or where the package's are taken."""
    packaged: bool
    """Fit to the package's photos: the embedded classifier comes with no others."""
    given: int
    """Photos that were named."""
    copies: int
    """Of these, such as are the same as another."""
    seed: int
    """Of the order, and of the package's crops."""
    unlabelled: str
    """Why the model's own answers are the reference; empty where labels are."""

    @property
    def fitted(self) -> int:
        """Photos that a shield is fitted to; none where there is none."""
        return CROPS if self.packaged else len(self.clean)

    def parts(self, folder: Path, limit: int) -> tuple[DataPart, DataPart | None]:
        """The data of a study of the first photos, listed in tables that are written into a folder.

        Raises:
            OutputError: they cannot be.
        """
        none = {} if self.labels else {"label": ""}
        table = write_atomically(folder / "photos.csv", _table(self.measured, self.labels))
        photos = DataPart(
            name=MEASURED, kind="csv", path=str(table.resolve()), limit=limit, options=none
        )
        if self.packaged:
            options = {"crops": CROPS, "seed": self.seed}
            return photos, DataPart(name=CLEAN, kind="skimage", path="clean", options=options)
        if not self.clean:
            return photos, None
        table = write_atomically(folder / "clean.csv", _table(self.clean, ()))
        path = str(table.resolve())
        return photos, DataPart(name=CLEAN, kind="csv", path=path, options={"label": ""})

    def learnt_from(self, most: int) -> Iterator[Image]:
        """So many of the photos that the shield is fitted to, as far as they can be read."""
        if self.packaged:
            source = open_source("skimage", "clean", limit=most, crops=CROPS, seed=self.seed)
            yield from (sample.read() for sample in source)
        for photo in self.clean[:most]:
            with suppress(ImageError):
                yield read_image(photo.path)

    def explained(self, most: int) -> list[Photo]:
        """So many photos, class by class in turn, for what the model looks at."""
        classes: dict[str, list[Photo]] = {}
        for photo, label in zip(
            self.measured, self.labels or [""] * len(self.measured), strict=True
        ):
            classes.setdefault(label, []).append(photo)
        turns = max(map(len, classes.values()))
        order = [one[turn] for turn in range(turns) for one in classes.values() if turn < len(one)]
        return order[:most]


def gather_photos(
    bench: Bench,
    given: Path,
    clean: Path | None,
    seed: int,
    outcome: Outcome,
    terminal: Terminal,
    *,
    groups: str | None = None,
    packaged: bool = False,
) -> Photos:
    """Find the photos, see which are labelled, and draw those to be measured.

    Args:
        bench: with the classifier, whose classes the labels name.
        given: a photo, a folder of photos, one with a folder for each class, or a table.
        clean: a folder of photos for the fit; half of those given where there is none.
        seed: of the order.
        outcome: is told what cannot be used.
        terminal: likewise.
        groups: column of the table that ties photos; one of each counts.
        packaged: fit to the package's photos.

    Raises:
        DataError: there are no photos, or some labels name no class of the model and others do.
    """
    paths, labels, unlabelled = _labelled(bench, given, groups, terminal)
    named = find_photos(paths, outcome, terminal, nested=False)
    distinct = without_copies(named, outcome, terminal)
    photos = [photo for photo in distinct if _can_be_listed(photo, outcome, terminal)]
    if not photos:
        raise DataError(f"{given}: no photo that can be used; give a folder of photos")
    photos = [photos[k] for k in shuffled(len(photos), seed)]
    rest: list[Photo] = []
    if clean is not None:
        seen = {file_digest(photo.path) for photo in photos}
        others = find_photos([clean], outcome, terminal)
        rest = [photo for photo in others if file_digest(photo.path) not in seen]
        if len(rest) < FEWEST:
            raise DataError(
                f"{clean}: {len(rest)} photos that are not measured too; give at least {FEWEST}"
            )
    elif not packaged:
        half = (len(photos) + 1) // 2
        if len(photos) - half >= FEWEST:
            photos, rest = photos[:half], photos[half:]
    return Photos(
        measured=tuple(photos),
        labels=tuple(labels[photo.path] for photo in photos) if labels else (),
        clean=tuple(rest[:LEARNT]),
        packaged=packaged and clean is None,
        given=len(named),
        copies=outcome.values["copies"],
        seed=seed,
        unlabelled=unlabelled,
    )


def _labelled(
    bench: Bench, given: Path, groups: str | None, terminal: Terminal
) -> tuple[list[Path], dict[Path, str], str]:
    """Where the photos are, the label of each; or none, and why."""
    if not given.exists():
        raise DataError(f"{given}: no such folder or file")
    if given.is_dir():
        try:
            list_images(given)
        except DataError:
            open_source("folder", str(given))  # tells a folder without any photos
        else:
            return [given], {}, "the photos lie in no folders of classes"
    elif given.suffix.lower() not in TABLES:
        return [given], {}, "no labels were given"
    rows = read_labelled(given, groups)
    if groups is not None:
        rows, everyone = one_of_each(rows), rows
        terminal.note(f"{len(everyone)} photos in {len(rows)} groups of {groups!r}; one of each")
    unknown: dict[str, DataError] = {}
    labels = dict.fromkeys(row.label for row in rows)
    for label in labels:
        try:
            class_of(bench, given, label)
        except DataError as error:
            unknown[label] = error
    if len(unknown) == len(labels):
        terminal.note(
            f"{given}: {', '.join(list(labels)[:3])} name no classes of the model, so its own "
            "answers are the reference"
        )
        return [row.path for row in rows], {}, "their labels are no classes of the model"
    if unknown:
        raise next(iter(unknown.values()))
    return [row.path for row in rows], {row.path: row.label for row in rows}, ""


def _can_be_listed(photo: Photo, outcome: Outcome, terminal: Terminal) -> bool:
    """Whether a table can name it."""
    name = str(photo.path)
    try:
        name.encode()
    except UnicodeEncodeError:
        name = ""
    if name != name.strip() or not name:
        error = "its name is not UTF-8 or ends in a blank; rename it"
        note_problems([problem(photo.path, error)], outcome, terminal)
        return False
    return True


def _table(photos: Sequence[Photo], labels: Sequence[str]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("file", "label") if labels else ("file",))
    for number, photo in enumerate(photos):
        path = str(photo.path.resolve())
        rows.writerow((path, labels[number]) if labels else (path,))
    return text.getvalue()
