"""Explains photos one by one, and takes up those that an earlier run finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interlock._files import file_digest, write_atomically
from interlock._pictures import png_bytes
from interlock._version import __version__
from interlock.cli.bench import Bench
from interlock.cli.choices import model_at_work
from interlock.cli.inputs import Photo
from interlock.cli.kept import Keeper, input_digest, plain
from interlock.cli.terminal import one_line
from interlock.data import read_image
from interlock.explain import Explanation, HSets
from interlock.explain.drawing.figure import draw
from interlock.models.labels import class_index
from interlock.models.probability import probabilities
from interlock.models.steady import prepared
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


@dataclass(frozen=True, eq=False)
class Explained:
    """One photo."""

    record: dict[str, Any]
    """For ``--json``."""
    chapter: Chapter
    explanation: Explanation


class Explainer:
    """Explains photos with one model.

    Args:
        bench: with the model.
        request: what is asked; its folder holds the files.
        force: take nothing up.
        within: path of that folder from the page's, as links have it.
        told: hears which share of a photo is done, 0 to 1.
    """

    def __init__(
        self,
        bench: Bench,
        request: Request,
        force: bool,
        within: str = "",
        told: Callable[[float], None] | None = None,
    ) -> None:
        self._bench, self._request, self._within = bench, request, within
        self._told = told
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

    def rehearse(self, photo: Photo) -> None:
        """What is done to one photo; nothing is written.

        Raises:
            InterlockError: the file cannot be read, or the model fails.
        """
        x = self._bench.read(photo.path)
        with model_at_work():
            explanation = self._hsets.explain(x, self._target)
            png_bytes(draw(replace(explanation, image=self._shown(x)), photo.name))

    def explain(self, photo: Photo, finished: dict[str, Any] | None) -> Explained:
        """One photo's row and chapter; its files are written unless they are there."""
        out = self._request.out
        details, reused = (finished, True) if finished else self._made(photo)
        explanation = Explanation.load(out / f"{photo.name}.npz")
        files = {suffix: f"{photo.name}.{suffix}" for suffix in SUFFIXES}
        shown = [one_line(name) for name in files.values()]
        chapter = explanation_chapter(
            explanation,
            title=one_line(photo.path.name),
            anchor=f"{photo.anchor}{'-' if self._within else ''}{self._within}",
            label=details["label"],
            ranking=[(entry["label"], entry["probability"]) for entry in details["ranking"]],
            downloads=[f"{self._within}/{name}".lstrip("/") for name in shown],
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
        return Explained(record, chapter, explanation)

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
            x = prepared(self._bench.classifier.preprocess(image)).to(self._bench.device)
            options = self._hsets.parameters(x) | {"target": self._target}
            key = self._keeper.key(
                image_sha256=digest, input_sha256=input_digest(x), options=options
            )
            finished = self._keeper.take(f"{photo.name}.json", key)
            if finished is not None:
                return finished, True
            explanation = self._hsets.explain(x, self._target, told=self._told)
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
