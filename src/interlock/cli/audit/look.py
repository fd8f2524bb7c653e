"""What a classifier looks at: explanations of some photos, and what they have in common."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock._files import make_folder
from interlock.cli.bench import Bench
from interlock.cli.explain.explainer import Explained, Explainer, Request
from interlock.cli.explain.run import class_chapters
from interlock.cli.inputs import Photo
from interlock.cli.terminal import Terminal
from interlock.explain.drawing.relations import is_measured, percent
from interlock.explain.several import summarise_class
from interlock.report import (
    Advice,
    Chapter,
    Finding,
    Grid,
    Number,
    Picture,
    Sentence,
    grids_chapter,
    region_picture,
)
from interlock.report.page import data_uri

TABLE = "looks"
"""Anchor of the table, photo by photo."""
PICTURES, SIDE = 6, 208
CLASSES = 6
"""Classes of which a sentence is said."""


@dataclass(frozen=True, eq=False)
class Look:
    """What came out."""

    finding: Finding
    chapters: list[Chapter]
    """The table, the classes that several photos share, then each photo."""


class Looker:
    """Explains photos of an audit; takes up what is finished.

    Args:
        bench: with the classifier.
        seed: of the explanations.
        folder: for the results.
        terminal: shows the progress.
    """

    def __init__(self, bench: Bench, seed: int, folder: Path, terminal: Terminal) -> None:
        make_folder(folder)
        self._bench, self._terminal = bench, terminal
        request = Request(folder, options={"seed": seed})
        self._work = Explainer(bench, request, False, folder.name, terminal.part)

    def explain(self, photos: Sequence[Photo]) -> list[Explained]:
        """Those that can be read; complains about the others."""
        explained = []
        for photo in self._bench.track(photos):
            finished = self._work.finished(photo)
            with self._bench.attempt(photo):
                explained.append(self._work.explain(photo, finished))
        return explained


def look(explained: Sequence[Explained], model: str) -> Look:
    """What they say, in a sentence, a table and pictures."""
    chapters = [one.chapter for one in explained]
    classes = class_chapters(explained, chapters)
    shown = [_table(explained), *classes, *chapters]
    measured = [one for one in explained if is_measured(one.explanation)]
    command = f"interlock explain PHOTOS --model {shlex.quote(model)} --out report"
    advice = [Advice("See it for photos of your choice, one by one:", command)]
    if not measured:
        finding = Finding(
            "What does it look at?",
            "look",
            ("No region of the photos could be told from the others; the maps below show where "
             "the evidence lies.",),
            advice=advice,
        )  # fmt: skip
        return Look(finding, shown)
    summary = summarise_class([one.explanation for one in measured])
    verdict = (
        "In ",
        _count("carried", summary.carried, summary.photos),
        " photos one region carries the decision: without it, the answer keeps less than half of "
        "its probability.",
    )
    sentences = [*_of_classes(measured, {one.title: f"#{one.anchor}" for one in classes})]
    if summary.at_the_edge:
        edge = len(summary.at_the_edge)
        sentences.append(
            (
                "In ",
                _count("edge", edge, summary.photos),
                " the region that costs most lies at the photo's edge, where a border, a caption "
                "or the background is, and not what the photo is of.",
            )
        )
        advice.insert(
            0,
            Advice(
                "Look at the photos whose region lies at the edge (the table names them). If the "
                "background decides, train with other backgrounds, or crop."
            ),
        )
    pictures = []
    for lead in summary.leads[:PICTURES]:
        one = measured[lead.photo]
        picture = region_picture(one.explanation, lead.rank, SIDE)
        before, after = (
            Number(f"look.{one.chapter.anchor}.{name}", percent(value), value, f"#{TABLE}",
                   f"explanation in looks/, {one.chapter.title}")
            for name, value in (("with", lead.before), ("without", lead.after))
        )  # fmt: skip
        pictures.append(
            Picture(
                data_uri(picture, "jpeg", quality=85),
                one.record["label"],
                f"#{one.chapter.anchor}",
                (before, " with this region, ", after, " without"),
            )
        )
    finding = Finding(
        "What does it look at?",
        "look",
        verdict,
        sentences=sentences,
        pictures=pictures,
        advice=advice,
    )
    return Look(finding, shown)


def _of_classes(measured: Sequence[Explained], links: dict[str, str]) -> list[Sentence]:
    """A sentence for each class of several photos."""
    classes: dict[str, list[Explained]] = {}
    for one in measured:
        classes.setdefault(one.record["label"], []).append(one)
    said: list[Sentence] = []
    for label, members in sorted(classes.items(), key=lambda entry: -len(entry[1]))[:CLASSES]:
        link = links.get(f"{label} in {len(members)} photos")
        if link is None:
            continue
        summary = summarise_class([one.explanation for one in members])
        number = _count(f"{label}.carried", summary.carried, summary.photos, link)
        said.append((f"{label}: one region carries the decision in ", number, " photos."))
    return said


def _count(name: str, hits: int, of: int, link: str = f"#{TABLE}") -> Number:
    return Number(f"look.{name}", f"{hits} of {of}", hits, link, "explanations in looks/")


def _table(explained: Sequence[Explained]) -> Chapter:
    rows = []
    for one in explained:
        told = one.explanation
        summary = summarise_class([told]) if is_measured(told) else None
        lead = summary.leads[0] if summary is not None and summary.leads else None
        rows.append(
            [
                one.chapter.title,
                one.record["label"],
                percent(told.probability),
                str(len(told)),
                "" if lead is None else percent(lead.after),
                "" if lead is None else ("edge" if lead.at_the_edge else "inside"),
            ]
        )
    header = ("photo", "answer", "with all regions", "regions", "without the dearest", "it lies")
    grid = Grid("What each photo's answer rests on", header, rows)
    note = (
        "The dearest region is the one whose removal costs the answer most; the columns give the "
        "answer's probability with all regions and without that one. It lies at the edge where "
        "three quarters of it or more are in the photo's outer eighth."
    )
    return grids_chapter("What it looks at, photo by photo", TABLE, [grid], note)
