"""The run behind ``interlock explain``: many images, one model, one report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interlock._files import make_folder, write_atomically
from interlock._pictures import png_bytes
from interlock._version import __version__
from interlock._weights import fingerprint
from interlock.cli.choices import class_index, model_at_work, usable_device
from interlock.cli.inputs import Failure, Source
from interlock.cli.terminal import Terminal, one_line
from interlock.data import read_image
from interlock.errors import InterlockError, OptionError, OutputError
from interlock.explain import Explanation, HSets
from interlock.explain.drawing.figure import draw, percent
from interlock.report import Chapter, Problem, explanation_chapter, render_page

if TYPE_CHECKING:
    from torch import Tensor

    from interlock.models import Classifier

SUFFIXES = ("png", "json", "npz")


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    model: str
    out: Path
    target: str | None = None
    paper: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of :class:`HSets` that were given."""
    device: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Story:
    """Chapters of another method for the same report, and what ``--json`` says of them."""

    chapters: Sequence[Chapter]
    told: Mapping[str, Any]
    title: str = "which were planted"
    """What it adds to the report's title."""


@dataclass
class Outcome:
    """What a run has done so far."""

    images: list[dict[str, Any]] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    stories: list[Story] = field(default_factory=list)
    report: Path | None = None
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        told = {
            "report": None if self.report is None else str(self.report),
            "images": self.images,
            "failed": [asdict(failure) for failure in self.failures],
            "interrupted": self.interrupted,
        }
        for story in self.stories:
            told |= story.told
        return told


def run(
    request: Request,
    sources: Sequence[Source],
    failures: Sequence[Failure],
    terminal: Terminal,
    more: Sequence[Callable[[], Story]] = (),
) -> Outcome:
    """Explain every image that can be read and write the report of what is finished.

    Each of ``more`` is called after the images, for chapters that follow theirs.

    Raises:
        InterlockError: nothing can be done at all: no model, no such class, no output folder.
    """
    outcome = Outcome(failures=list(failures))
    for failure in failures:
        terminal.complain(failure.error)
    if not sources:
        return outcome
    make_folder(request.out)  # find out before the work whether results can be written
    try:
        explainer = _Explainer(request)
        for source in terminal.track(sources, len(sources), lambda s: s.path.name):
            _attempt(explainer, source, outcome, terminal)
        outcome.stories.extend(tell() for tell in more)
    except KeyboardInterrupt:
        outcome.interrupted = True
    if outcome.chapters:
        outcome.report = _write_report(request, explainer, outcome)
    if outcome.interrupted:
        terminal.note(
            f"interrupted: {len(outcome.images)} of {len(sources)} images are finished in "
            f"{request.out}; the same command goes on from there"
        )
    return outcome


def _attempt(explainer: _Explainer, source: Source, outcome: Outcome, terminal: Terminal) -> None:
    try:
        record, chapter = explainer.explain(source)
    except (OptionError, OutputError):
        raise  # it would go wrong for every image
    except InterlockError as error:
        path = one_line(source.path)
        message = one_line(error)
        message = message if message.startswith(path) else f"{path}: {message}"
        outcome.failures.append(Failure(path, message))
        terminal.complain(message)
        return
    outcome.images.append(record)
    outcome.chapters.append(chapter)
    state = ", finished before" if record["reused"] else ""
    terminal.say(
        f"{record['source']}: {record['label']} {percent(record['probability'])}, "
        f"{record['sets']} sets{state} -> {record['files']['png']}"
    )


class _Explainer:
    """A loaded model with its options, and what makes a finished result good for reuse."""

    def __init__(self, request: Request) -> None:
        from interlock.models import load_classifier

        self._request = request
        self.classifier: Classifier = load_classifier(
            request.model, device=usable_device(request.device)
        )
        model = self.classifier.model
        make = HSets.paper if request.paper else HSets
        self._hsets = make(model, **request.options)
        self._target = class_index(request.target, self.classifier.labels)
        self._weights = fingerprint(model)
        self._device = next((p.device for p in model.parameters()), torch.device("cpu"))

    def explain(self, source: Source) -> tuple[dict[str, Any], Chapter]:
        """Explain one image, or take up what an earlier run finished, and write its files."""
        try:
            digest = sha256(source.path.read_bytes()).hexdigest()
        except OSError:
            digest = ""  # read_image says what is wrong
        image = read_image(source.path)
        with model_at_work():
            x = self.classifier.preprocess(image).to(self._device)
            key = self._key(digest, x)
            finished = None if self._request.force else self._finished(source, key)
            if finished is not None:
                explanation, details = finished
            else:
                explanation = self._hsets.explain(x, self._target)
                explanation = replace(explanation, image=self._shown(x))
                details = {"ranking": self._ranking(explanation)}
        label = one_line(self.classifier.label(explanation.target))
        files = {suffix: f"{source.name}.{suffix}" for suffix in SUFFIXES}
        if finished is None:
            self._write(source, explanation, label, key, details["ranking"])
        ranking = [(entry["label"], entry["probability"]) for entry in details["ranking"]]
        chapter = explanation_chapter(
            explanation,
            title=one_line(source.path.name),
            anchor=f"image-{sha256(os.fsencode(source.name)).hexdigest()[:12]}",
            label=label,
            ranking=ranking,
            downloads=[one_line(name) for name in files.values()],
        )
        record = {
            "source": one_line(source.path),
            "label": label,
            "target": explanation.target,
            "probability": explanation.probability,
            "sets": len(explanation),
            "reused": finished is not None,
            "files": {suffix: str(self._request.out / name) for suffix, name in files.items()},
        }
        return record, chapter

    def _key(self, digest: str, x: Tensor) -> dict[str, Any]:
        """All that decides a result; plain values that survive JSON."""
        options = self._hsets.parameters(x) | {"target": self._target}
        planes = x.detach().float().cpu().contiguous().numpy()
        return {
            "image_sha256": digest,
            "input_sha256": sha256(planes.tobytes()).hexdigest(),
            "model": self._request.model,
            "weights_sha256": self._weights,
            "options": json.loads(json.dumps(options)),
            "interlock": __version__,
        }

    def _finished(
        self, source: Source, key: dict[str, Any]
    ) -> tuple[Explanation, dict[str, Any]] | None:
        """What an earlier run wrote for this image, model and options, if all of it is there."""
        out = self._request.out
        try:
            details = json.loads((out / f"{source.name}.json").read_text("utf-8"))
            if details["made_from"] != key or not (out / f"{source.name}.png").is_file():
                return None
            return Explanation.load(out / f"{source.name}.npz"), details
        except (OSError, ValueError, KeyError, TypeError, OutputError):
            return None

    def _write(
        self,
        source: Source,
        explanation: Explanation,
        label: str,
        key: dict[str, Any],
        ranking: list[dict[str, Any]],
    ) -> None:
        out = self._request.out
        details = {
            "source": one_line(source.path),
            "label": label,
            **explanation.to_dict(),
            "ranking": ranking,
            "made_from": key,
        }
        title = f"{one_line(source.path.name)} · {label}"
        explanation.save(out / f"{source.name}.npz")
        write_atomically(out / f"{source.name}.png", png_bytes(draw(explanation, title)))
        # Last, because its presence says that the image is finished.
        write_atomically(out / f"{source.name}.json", json.dumps(details, indent=2) + "\n")

    def _shown(self, x: Tensor) -> Tensor:
        return torch.from_numpy(np.array(self.classifier.to_pil(x).convert("RGB")))

    def _ranking(self, explanation: Explanation) -> list[dict[str, Any]]:
        """The model's first five answers."""
        probabilities = explanation.logits.softmax(dim=0)
        top = probabilities.topk(min(5, len(probabilities)))
        return [
            {"target": k, "label": one_line(self.classifier.label(k)), "probability": p}
            for k, p in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ]


def _write_report(request: Request, explainer: _Explainer, outcome: Outcome) -> Path:
    count = len(outcome.chapters)
    facts = {
        "model": one_line(explainer.classifier.name),
        "images": str(count),
        "made": time.strftime("%Y-%m-%d %H:%M"),
    }
    if outcome.interrupted:
        facts["state"] = "interrupted; finished images only"
    problems = [Problem(f.source, _without(f.source, f.error)) for f in outcome.failures]
    told = [story for story in outcome.stories if story.chapters]
    parts = ["Which pixels act together", *(story.title for story in told)]
    title = " and ".join([", ".join(parts[:-1]) + ",", parts[-1]] if told else parts)
    chapters = [*outcome.chapters, *(chapter for story in told for chapter in story.chapters)]
    page = render_page(title, chapters, facts=facts, problems=problems)
    return write_atomically(request.out / "index.html", page)


def _without(source: str, message: str) -> str:
    return message.removeprefix(f"{source}: ")
