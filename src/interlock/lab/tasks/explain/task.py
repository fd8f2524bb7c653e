"""``explain`` studies: a saliency map for each image and method, and measures of it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interlock.data.sources import Sample
from interlock.errors import ModelError, OptionError
from interlock.lab.code import worker_digest
from interlock.lab.data import Tell, open_items
from interlock.lab.items import (
    Done,
    Item,
    Job,
    Measured,
    Wanted,
    artefact_name,
    canonical,
    failed,
    name_of,
)
from interlock.lab.seeding import seeded
from interlock.lab.study import ExplainStudy, MethodPart, label
from interlock.lab.task import Numbered, Setting, Worker, one_line
from interlock.lab.tasks.classifiers import Classifiers, identities
from interlock.lab.tasks.explain.explainers import (
    Saliency,
    explainer_code,
    explainer_options,
    make_explainer,
    measure,
    metric_code,
    metric_options,
    on_model,
)
from interlock.lab.tasks.options import unknown_options


@dataclass(frozen=True)
class MapJob:
    """One method on one image."""

    sample: Sample
    model: str
    method: int
    seed: int


class ExplainTask:
    """An ``explain`` study, expanded: image by image, each method on each model."""

    notes: Sequence[str] = ()
    left_out: Mapping[str, int] = {}
    preparations: Sequence[Job] = ()

    def __init__(self, setting: Setting, tell: Tell | None = None) -> None:
        study = setting.study
        assert isinstance(study, ExplainStudy)
        setting.refuse(_problems(study))
        self._setting, self._study = setting, study
        self._models = list(identities(setting).items())
        self._items = open_items(study.data, setting.base, setting.file, tell=tell)
        self._codes = [explainer_code(part.method) for part in study.methods]
        self._worker_code = worker_digest(ExplainWorker)
        self._metrics = [
            (label(part), {"options": part.options, "code": metric_code(part.metric)})
            for part in study.metrics
        ]
        self._shape = (len(self._items), len(self._models), len(study.seeds), len(study.methods))

    @property
    def jobs(self) -> Sequence[Job]:
        """One item each."""
        return Numbered(int(np.prod(self._shape)), self._job)

    def worker(self, prepared: Mapping[str, bytes]) -> Callable[[], Worker]:
        """Makes an :class:`ExplainWorker`."""
        return partial(ExplainWorker, self._setting)

    def _job(self, number: int) -> Job:
        place, model, seed, method = (int(k) for k in np.unravel_index(number, self._shape))
        part, (name, identity) = self._study.methods[method], self._models[model]
        number_seed = self._study.seeds[seed]
        options = canonical(part.options)
        sample = self._items.sample(place)
        item = name_of(
            task="explain",
            worker=self._worker_code,
            model=identity,
            data=self._items.digests[place],
            target=self._target(sample),
            method=part.method,
            options=part.options,
            seed=number_seed,
            code=self._codes[method],
        )
        wanted = tuple(
            Wanted.of(item, metric, seed=number_seed, **determines)
            for metric, determines in self._metrics
        )
        one = Item(
            id=item,
            model=name,
            data=self._items.name(place),
            method=label(part),
            condition="",
            options=options,
            seed=number_seed,
            code=self._codes[method],
            wanted=wanted,
        )
        return Job((one,), MapJob(sample, name, method, number_seed), made=item)

    def _target(self, sample: Sample) -> Any:
        """What decides the class to explain, beside the model and the image."""
        if self._study.explained == "right":
            return {"right": sample.label}  # is explained as itself, or not at all
        return {"label": sample.label} if self._study.target == "label" else "predicted"


class ExplainWorker:
    """Explains one image after another."""

    def __init__(self, setting: Setting) -> None:
        study = setting.study
        assert isinstance(study, ExplainStudy)
        self._study = study
        self._classifiers = Classifiers(setting)
        self._explainers: dict[tuple[str, int, int], Saliency] = {}
        self._metrics = {label(part): part for part in study.metrics}

    def __call__(self, job: Job) -> Done:
        """One image, one method, and the measures that are wanted."""
        work, item = job.work, job.items[0]
        try:
            model = self._classifiers[work.model].model
            x = self._classifiers.photo(work.model, work.sample)
            target = self._target(work, x)
            if target is None:
                return Done([Measured(w.row, None, None, None) for w in item.wanted], {})
            part = self._study.methods[work.method]
            explain = make_explainer(part.method, part.options, work.seed)
            seconds = None
            if job.given is None:
                method = self._explainer(work)
                start = time.perf_counter()
                with seeded(work.seed, item.id):
                    saliency = method(x, target).detach().float().cpu().contiguous()
                seconds = time.perf_counter() - start
            else:
                saliency = _unpacked(job.given)
            _check(saliency, x)
        except Exception as error:  # a method or a model may raise anything
            return failed(job, one_line(error))
        file = _packed(saliency, target) if self._study.artefacts else b""
        name = artefact_name(file, "npz") if file else ""
        rows = []
        for wanted in item.wanted:
            metric = self._metrics[wanted.metric]
            start, value, wrong = time.perf_counter(), None, None
            try:
                with seeded(work.seed, wanted.row):
                    value = measure(
                        metric.metric, metric.options, model, x, target, saliency,
                        explain=explain, seed=work.seed,
                    )  # fmt: skip
            except Exception as error:
                wrong = one_line(error)
            spent = time.perf_counter() - start
            rows.append(Measured(wanted.row, value, seconds, spent, wrong, name))
        return Done(rows, {name: file} if file else {}, made=name)

    def _target(self, work: MapJob, x: Tensor) -> int | None:
        """The class to explain; None where the image is left out."""
        if self._study.explained == "right":
            truth = self._classifiers.truth(work.model, work.sample)
            return truth if truth == self._classifiers.answer(work.model, x) else None
        if self._study.target == "label":
            return self._classifiers.truth(work.model, work.sample)
        return self._classifiers.answer(work.model, x)

    def _explainer(self, work: MapJob) -> Saliency:
        key = work.model, work.method, work.seed
        if key not in self._explainers:
            part = self._study.methods[work.method]
            model = self._classifiers[work.model].model
            self._explainers[key] = on_model(part.method, model, part.options, work.seed)
        return self._explainers[key]


def _check(saliency: Tensor, x: Tensor) -> None:
    if saliency.shape != x.shape[-2:]:
        raise ModelError(
            f"the method gave a map of shape {tuple(saliency.shape)}; "
            f"expected {tuple(x.shape[-2:])}"
        )
    if not bool(saliency.isfinite().all()):
        raise ModelError("the method gave a map with values that are not finite")


def _packed(saliency: Tensor, target: int) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, saliency=saliency.numpy(), target=np.array(target))
    return buffer.getvalue()


def _unpacked(content: bytes) -> Tensor:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return torch.from_numpy(archive["saliency"])


def _problems(study: ExplainStudy) -> Iterator[str]:
    for number, part in enumerate(study.methods):
        yield from _option_problems(f"methods[{number}]", "method", part.method, part.options)
        if not any(True for _ in _option_problems("", "", part.method, part.options)):
            yield from _range_problems(f"methods[{number}]", part)
    for number, metric in enumerate(study.metrics):
        yield from _option_problems(f"metrics[{number}]", "metric", metric.metric, metric.options)


def _option_problems(
    where: str, key: str, name: str, options: Mapping[str, object]
) -> Iterator[str]:
    try:
        known = metric_options(name) if key == "metric" else explainer_options(name)
    except OptionError as error:
        yield f"{where}.{key}: {name!r}: {error}"
        return
    for option, wrong in unknown_options(options, known):
        yield f"{where}.options.{option}: {wrong}"


def _range_problems(where: str, part: MethodPart) -> Iterator[str]:
    """Methods of the package refuse values out of range before they have a model at work."""
    if ":" in part.method:
        return
    try:
        on_model(part.method, torch.nn.Identity(), part.options, 0)
    except (OptionError, TypeError) as error:
        yield f"{where}.options: {error}"
