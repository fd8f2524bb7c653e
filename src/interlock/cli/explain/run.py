"""The run behind ``interlock explain``: many photos, one model, one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interlock._files import file_digest, make_folder, write_atomically
from interlock._pictures import png_bytes
from interlock._version import __version__
from interlock.cli.bench import Bench, Outcome, Setup, find_photos
from interlock.cli.choices import model_at_work
from interlock.cli.inputs import Photo
from interlock.cli.kept import Keeper, input_digest, plain
from interlock.cli.terminal import Terminal, one_line
from interlock.data import read_image
from interlock.explain import Explanation, HSets
from interlock.explain.drawing.figure import draw
from interlock.explain.drawing.relations import percent
from interlock.models.labels import class_index
from interlock.models.probability import probabilities
from interlock.report import Chapter, explanation_chapter

SUFFIXES = ("png", "json", "npz")
PREPARING = ("torch", "transformers", "pillow", "numpy")
"""Packages that decide, beside a model's files, how it takes a photo."""


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    out: Path
    target: str | None = None
    paper: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`HSets` that were given."""


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
) -> None:
    """Explain every photo that can be read, write the report of what is finished, and say so.

    Each of ``more`` is called after the photos, for chapters that follow theirs.

    Raises:
        InterlockError: nothing can be done at all: no model, no such class, no output folder.
    """
    outcome = Outcome(values={"report": None, "images": []})
    photos = find_photos(inputs, outcome, terminal, nested=False)
    if not photos:
        outcome.end(terminal)
        return
    make_folder(request.out)  # find out before the work whether results can be written
    bench = Bench(setup, terminal, outcome)
    work = _Explainer(bench, request, setup.force)
    images: list[dict[str, Any]] = outcome.values["images"]
    chapters: list[Chapter] = []
    stories: list[Story] = []
    try:
        for photo in bench.track(photos):
            finished = work.finished(photo)
            with bench.attempt(photo):
                record, chapter = work.explain(photo, finished)
                images.append(record)
                chapters.append(chapter)
                state = ", finished before" if record["reused"] else ""
                terminal.say(
                    f"{record['source']}: {record['label']} {percent(record['probability'])}"
                    f"{_instead(record)}, "
                    f"{record['sets']} sets{state} -> {record['files']['png']}"
                )
        for tell in more:
            stories.append(tell())
            outcome.values |= stories[-1].facts
    except KeyboardInterrupt:
        outcome.interrupted = True
    if chapters:
        page = _page(bench, request.out, chapters, stories)
        outcome.values["report"] = str(page)
        terminal.say(f"report: {page}")
    outcome.end(
        terminal,
        f"interrupted: {len(images)} of {len(photos)} images are finished in {request.out}; the "
        "same command goes on from there",
    )


class _Explainer:
    """Explains photos, and takes up those that an earlier run finished."""

    def __init__(self, bench: Bench, request: Request, force: bool) -> None:
        self._bench, self._request = bench, request
        self._keeper = Keeper(bench, request.out, {}, force=force)

    def finished(self, photo: Photo) -> dict[str, Any] | None:
        """The record of a photo that is finished by all that files tell; else loads the model.

        Raises:
            InterlockError: the model cannot be loaded, or has no such class or option.
        """
        record = self._keeper.take(f"{photo.name}.json", self._asked(photo), "asked")
        if record is None:
            _ = self._hsets, self._target
        return record

    def explain(
        self, photo: Photo, finished: dict[str, Any] | None
    ) -> tuple[dict[str, Any], Chapter]:
        """One photo's row and chapter; its files are written unless they are there."""
        out = self._request.out
        details, reused = (finished, True) if finished else self._made(photo)
        explanation = Explanation.load(out / f"{photo.name}.npz")
        files = {suffix: f"{photo.name}.{suffix}" for suffix in SUFFIXES}
        chapter = explanation_chapter(
            explanation,
            title=one_line(photo.path.name),
            anchor=photo.anchor,
            label=details["label"],
            ranking=[(entry["label"], entry["probability"]) for entry in details["ranking"]],
            downloads=[one_line(name) for name in files.values()],
        )
        record = {
            "source": one_line(photo.path),
            "label": details["label"],
            "target": explanation.target,
            "probability": explanation.probability,
            "answer": details["ranking"][0]["label"],
            "sets": len(explanation),
            "reused": reused,
            "files": {suffix: str(out / name) for suffix, name in files.items()},
        }
        return record, chapter

    @cached_property
    def _hsets(self) -> HSets:
        make = HSets.paper if self._request.paper else HSets
        return make(self._bench.model, **self._request.options)

    @cached_property
    def _target(self) -> int | None:
        return class_index(self._request.target, self._bench.classifier.labels)

    def _asked(self, photo: Photo) -> dict[str, Any] | None:
        """All that decides a result, where files and options tell it without the model."""
        files = self._bench.files
        if files is None:
            return None
        return plain(
            {
                "image_sha256": file_digest(photo.path),
                "files_sha256": files,
                "options": self._request.options,
                "paper": self._request.paper,
                "target": self._request.target,
                "interlock": __version__,
                **{package: version(package) for package in PREPARING},
            }
        )

    def _made(self, photo: Photo) -> tuple[dict[str, Any], bool]:
        """The photo's record, and whether an earlier run made it of just this input."""
        digest = file_digest(photo.path)
        image = read_image(photo.path)
        with model_at_work():
            x = self._bench.classifier.preprocess(image).to(self._bench.device)
            options = self._hsets.parameters(x) | {"target": self._target}
            key = self._keeper.key(
                image_sha256=digest, input_sha256=input_digest(x), options=options
            )
            finished = self._keeper.take(f"{photo.name}.json", key)
            if finished is not None:
                return finished, True
            explanation = self._hsets.explain(x, self._target)
            label = self._bench.label(explanation.target)
            explanation = replace(explanation, image=self._shown(x), label=label)
            details = {
                "source": one_line(photo.path),
                "label": label,
                **explanation.to_dict(),
                "ranking": self._ranking(explanation),
            }
        out = self._request.out
        title = f"{one_line(photo.path.name)} · {details['label']}"
        explanation.save(out / f"{photo.name}.npz")
        write_atomically(out / f"{photo.name}.png", png_bytes(draw(explanation, title)))
        files = [f"{photo.name}.npz", f"{photo.name}.png"]
        details["asked"] = self._asked(photo)
        return self._keeper.put(f"{photo.name}.json", key, details, files), False

    def _shown(self, x: Tensor) -> Tensor:
        return torch.from_numpy(np.array(self._bench.classifier.to_pil(x).convert("RGB")))

    def _ranking(self, explanation: Explanation) -> list[dict[str, Any]]:
        """The model's first five answers."""
        values = probabilities(explanation.logits, explanation.independent)
        top = values.topk(min(5, len(values)))
        return [
            {"target": k, "label": self._bench.label(k), "probability": p}
            for k, p in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ]


def _instead(record: Mapping[str, Any]) -> str:
    """Says so where the explained class is not what the model answers."""
    if record["answer"] == record["label"]:
        return ""
    return f" (the model's own answer is {record['answer']})"


def _page(bench: Bench, out: Path, explained: Sequence[Chapter], stories: Sequence[Story]) -> Path:
    shown = [story for story in stories if story.chapters]
    parts = ["Which pixels act together", *(story.title for story in shown)]
    title = " and ".join([", ".join(parts[:-1]) + ",", parts[-1]] if shown else parts)
    chapters = [*explained, *(chapter for story in shown for chapter in story.chapters)]
    return bench.page(title, chapters, out, {"images": str(len(explained))})
