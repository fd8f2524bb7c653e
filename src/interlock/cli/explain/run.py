"""The run behind ``interlock explain``: many photos, one model or two, one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interlock._files import make_folder
from interlock.cli.bench import Bench, Outcome, Setup, find_photos, forecast
from interlock.cli.explain.explainer import Explained, Explainer, Request
from interlock.cli.inputs import Photo
from interlock.cli.terminal import Terminal, one_line
from interlock.explain.drawing.relations import is_measured, percent
from interlock.report import Chapter, class_chapter, pair_chapter

OTHER = "other"
"""Folder for the files of the model that is compared with."""


@dataclass(frozen=True)
class Story:
    """Chapters of another method for the same report, and what ``--json`` says of them."""

    chapters: Sequence[Chapter]
    facts: Mapping[str, Any]
    title: str = "which were planted"
    """What it adds to the report's title."""


def explain(
    setup: Setup,
    request: Request,
    inputs: Sequence[Path],
    terminal: Terminal,
    more: Sequence[Callable[[], Story]] = (),
    *,
    compare: str | None = None,
    dry_run: bool = False,
) -> None:
    """Explain every photo that can be read, write the report of what is finished, and say so.

    Args:
        setup: the model, and how it is used.
        request: what is asked of it.
        inputs: files and folders.
        terminal: to talk to.
        more: each is called after the photos, for chapters that follow theirs.
        compare: a second model, which explains the same photos.
        dry_run: only say how many photos are left to do, and how long they take.

    Raises:
        InterlockError: nothing can be done at all: no model, no such class, no output folder.
    """
    outcome = Outcome(values={"report": None, "images": []})
    photos = find_photos(inputs, outcome, terminal, nested=False)
    if not photos:
        outcome.end(terminal)
        return
    if dry_run:
        _forecast(setup, request, photos, terminal, outcome, compare)
        outcome.end(terminal)
        return
    make_folder(request.out)  # find out before the work whether results can be written
    bench = Bench(setup, terminal, outcome)
    half = 1 if compare is None else 2
    work = Explainer(bench, request, setup.force, told=lambda share: terminal.part(share / half))
    other = None
    if compare is not None:
        other = _Other(replace(setup, model=compare), request, terminal, outcome)
    explained: list[Explained] = []
    chapters: list[Chapter] = []
    stories: list[Story] = []
    try:
        for photo in bench.track(photos):
            finished = work.finished(photo)
            with bench.attempt(photo):
                one = work.explain(photo, finished)
                chapter = one.chapter
                if other is not None:
                    second = other.explain(photo)
                    one.record["other"] = second.record
                    names = (one_line(bench.name), one_line(other.bench.name))
                    chapter = pair_chapter(
                        one.chapter.title,
                        f"{photo.anchor}-pair",
                        names,
                        (one.chapter, second.chapter),
                        (one.explanation, second.explanation),
                    )
                explained.append(one)
                chapters.append(chapter)
                outcome.values["images"].append(one.record)
                terminal.say(_said(one.record))
        for tell in more:
            stories.append(tell())
            outcome.values |= stories[-1].facts
    except KeyboardInterrupt:
        outcome.interrupted = True
    if chapters:
        summaries = class_chapters(explained, chapters)
        outcome.values["classes"] = [chapter.title for chapter in summaries]
        page = _page(bench, request.out, summaries, chapters, stories)
        outcome.values["report"] = str(page)
        terminal.say(f"report: {page}")
    outcome.end(
        terminal,
        f"interrupted: {len(chapters)} of {len(photos)} images are finished in {request.out}; the "
        "same command goes on from there",
    )


class _Other:
    """The model that is compared with; its files lie in a folder of their own."""

    def __init__(
        self, setup: Setup, request: Request, terminal: Terminal, outcome: Outcome
    ) -> None:
        folder = request.out / OTHER
        make_folder(folder)
        self.bench = Bench(setup, terminal, outcome)
        self._work = Explainer(
            self.bench,
            replace(request, out=folder),
            setup.force,
            OTHER,
            told=lambda share: terminal.part((1 + share) / 2),
        )

    def explain(self, photo: Any) -> Explained:
        return self._work.explain(photo, self._work.finished(photo))


def _forecast(
    setup: Setup,
    request: Request,
    photos: Sequence[Photo],
    terminal: Terminal,
    outcome: Outcome,
    compare: str | None,
) -> None:
    """What a run would do, by one photo for each model."""
    asked = [(setup, request)]
    if compare is not None:
        asked.append((replace(setup, model=compare), replace(request, out=request.out / OTHER)))
    left, seconds = 0, 0.0
    for one, of in asked:
        bench = Bench(one, terminal, outcome)
        work = Explainer(bench, of, one.force)
        waiting = [photo for photo in photos if work.finished(photo) is None]
        left += len(waiting)
        seconds += len(waiting) * bench.seconds_each(waiting, work.rehearse)
    forecast(outcome, terminal, len(photos), left, seconds)


def _said(record: Mapping[str, Any]) -> str:
    """One photo's line."""
    state = ", finished before" if record["reused"] else ""
    line = (
        f"{record['source']}: {record['label']} {percent(record['probability'])}"
        f"{_instead(record)}, {record['sets']} sets{state} -> {record['files']['png']}"
    )
    if "other" in record:
        second = record["other"]
        line += f"; the other model: {second['label']} {percent(second['probability'])}"
    return line


def _instead(record: Mapping[str, Any]) -> str:
    """Says so where the explained class is not what the model answers."""
    if record["answer"] == record["label"]:
        return ""
    return f" (the model's own answer is {record['answer']})"


def class_chapters(explained: Sequence[Explained], chapters: Sequence[Chapter]) -> list[Chapter]:
    """A chapter for each class of at least two photos, the most frequent first."""
    classes: dict[str, list[int]] = {}
    for number, one in enumerate(explained):
        if is_measured(one.explanation):
            classes.setdefault(one.record["label"], []).append(number)
    gathered = sorted(classes.items(), key=lambda entry: -len(entry[1]))
    return [
        class_chapter(
            label,
            [explained[k].explanation for k in numbers],
            [(chapters[k].title, chapters[k].anchor) for k in numbers],
        )
        for label, numbers in gathered
        if len(numbers) > 1
    ]


def _page(
    bench: Bench,
    out: Path,
    summaries: Sequence[Chapter],
    explained: Sequence[Chapter],
    stories: Sequence[Story],
) -> Path:
    shown = [story for story in stories if story.chapters]
    parts = ["Which pixels act together", *(story.title for story in shown)]
    title = " and ".join([", ".join(parts[:-1]) + ",", parts[-1]] if shown else parts)
    more = [chapter for story in shown for chapter in story.chapters]
    return bench.page(title, [*summaries, *explained, *more], out, {"images": str(len(explained))})
