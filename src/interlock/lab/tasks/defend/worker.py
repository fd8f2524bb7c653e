"""The worker of ``defend`` studies: fits, trains, attacks, and asks the defences."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from interlock.data.sources import Sample
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.attacks.regions import footprint
from interlock.defend.attacks.universal import UniversalPatch
from interlock.defend.defences import Defended, Scene
from interlock.errors import DataError, InterlockError, ModelError
from interlock.lab.items import Done, Item, Job, Measured, artefact_name, failed
from interlock.lab.seeding import seeded
from interlock.lab.study import DefendStudy, label
from interlock.lab.task import Setting, one_line
from interlock.lab.tasks.classifiers import Classifiers
from interlock.lab.tasks.defend.defences import (
    PROVEN,
    Built,
    build,
    fit,
    fit_options,
    fitted_as,
)
from interlock.lab.tasks.defend.patched import pack, pack_hidden, unpack
from interlock.models.steady import ask
from interlock.names import Shape

if TYPE_CHECKING:
    from interlock.lab.tasks.defend.conditions import Condition

FIT_BATCH = 32


@dataclass(frozen=True)
class Fit:
    """A defence to be fitted to clean images."""

    model: str
    seed: int
    samples: tuple[Sample, ...]
    method: int


@dataclass(frozen=True)
class Train:
    """A universal patch to be trained."""

    model: str
    seed: int
    samples: tuple[Sample, ...]
    attack: int
    area: float


@dataclass(frozen=True)
class Measure:
    """A block of images under one condition, for some defences."""

    model: str
    seed: int
    samples: tuple[Sample, ...]
    condition: Condition
    turn: int
    """Tells the attacks of one block from those of another."""
    fits: Mapping[int, str]
    """Method -> what it was fitted to, by name."""
    patch: str
    """The universal patch, by name."""
    asked: Mapping[int, int]
    """Method -> how many of the block's images it is asked for, the first ones."""
    shapes: tuple[Shape, ...] = ("square",)
    """Of the patches that a defence is told to expect where there is none to measure."""


@dataclass(frozen=True, eq=False)
class _Block:
    """What could be read of a block."""

    places: tuple[int, ...]
    """Of its images, those that could be read."""
    images: Tensor
    """(N, C, H, W)."""
    labels: Tensor
    """(N,)."""
    errors: Mapping[int, str]
    """Place -> why it could not be read."""
    right: Tensor
    """(N,) bool: where the bare model is right; all True where the study does not ask."""

    def where(self, chosen: Tensor) -> _Block:
        """Those of the images that are chosen, (N,) bool."""
        places = tuple(p for p, kept in zip(self.places, chosen.tolist(), strict=True) if kept)
        return _Block(
            places, self.images[chosen], self.labels[chosen], self.errors, self.right[chosen]
        )

    def before(self, place: int) -> Tensor:
        """(N,) bool: images up to a place of the block, and not it."""
        return torch.tensor(self.places, device=self.images.device) < place


class DefendWorker:
    """Does jobs of ``defend`` studies.

    Args:
        setting: the study.
        prepared: fitted defences and trained patches, by name.
    """

    def __init__(self, setting: Setting, prepared: Mapping[str, bytes]) -> None:
        study = setting.study
        assert isinstance(study, DefendStudy)
        self._study, self._prepared = study, prepared
        self._classifiers = Classifiers(setting, channels_last=True)
        self._built: dict[tuple[str, int, str], Built] = {}
        self._block: tuple[tuple[str, tuple[Sample, ...]], _Block] | None = None

    def __call__(self, job: Job) -> Done:
        """A fit, a training, or a block under one condition."""
        try:
            if isinstance(job.work, Fit):
                return self._fit(job, job.work)
            if isinstance(job.work, Train):
                return self._train(job, job.work)
            return self._measure(job, job.work)
        except Exception as error:  # a model may raise anything
            return failed(job, one_line(error))

    def _fit(self, job: Job, work: Fit) -> Done:
        part = self._study.methods[work.method]
        model = self._classifiers[work.model].model
        start, seen = time.perf_counter(), [0]
        with seeded(work.seed, job.made):
            images = self._clean(work, seen)
            kind, options = (
                fitted_as(part.method, part.options),
                fit_options(part.method, part.options),
            )
            assert kind is not None
            content = fit(kind, model, images, options, work.seed)
        return _kept(job, content, seen[0], time.perf_counter() - start)

    def _clean(self, work: Fit, seen: list[int]) -> Iterator[Tensor]:
        """Batches of the clean images that can be read; the others teach nothing."""
        batch: list[Tensor] = []
        for number, sample in enumerate(work.samples, start=1):
            try:
                batch.append(self._classifiers.photo(work.model, sample))
                seen[0] += 1
            except InterlockError:
                pass
            if len(batch) == FIT_BATCH or (batch and number == len(work.samples)):
                yield torch.stack(batch)
                batch = []

    def _train(self, job: Job, work: Train) -> Done:
        part, block = self._study.attacks[work.attack], self._read(work.model, work.samples)
        block = block.where(block.right)
        classifier = self._classifiers[work.model]
        attacks = NamedAttacks(**part.options, bounds=classifier.bounds, seed=work.seed)
        start = time.perf_counter()
        with seeded(work.seed, job.made):
            patch = attacks.train(classifier.model, work.area, block.images, block.labels)
        from safetensors.torch import save

        tensors = {f.name: getattr(patch, f.name).cpu().contiguous() for f in fields(patch)}
        return _kept(job, save(tensors), len(block.places), time.perf_counter() - start)

    def _measure(self, job: Job, work: Measure) -> Done:
        block = self._read(work.model, work.samples)
        start, files, made = time.perf_counter(), dict[str, bytes](), ""
        if work.condition.attack is None:
            shown, images = block, block.images
            scene = Scene(None, self._expected(work, block.images))
            attack_seconds = None
        else:
            shown = block.where(block.right)
            if not shown.places:  # all lost before
                return Done(list(_lost(job.items, block)), {})
            content = job.given
            if content is None:
                with seeded(work.seed, job.made):
                    content = self._attacked(work, shown)
            attack_seconds = (time.perf_counter() - start) / len(shown.places)
            attack_seconds = None if job.given is not None else attack_seconds
            pictures = unpack(content, shown.images, self._bounds(work.model))
            images, scene = pictures.images, pictures.scene
            if self._study.artefacts:
                made = artefact_name(content, "npz")
                files[made] = content
        rows: list[Measured] = []
        for method, items in _by_method(job.items).items():
            attacked = [item for item in items if _place(item) in shown.places]
            rows += _lost([item for item in items if item not in attacked], block)
            if attacked:
                rows += self._answered(
                    work, method, attacked, shown, images, scene, attack_seconds, files
                )
        return Done(rows, files, made)

    def _answered(
        self,
        work: Measure,
        method: str,
        items: Sequence[Item],
        block: _Block,
        images: Tensor,
        scene: Scene,
        attack_seconds: float | None,
        files: dict[str, bytes],
    ) -> list[Measured]:
        """The rows of one defence; what it raises is told of its own items alone."""
        number = [label(part) for part in self._study.methods].index(method)
        asked = block.before(work.asked[number])
        if not asked.all():
            block, images = block.where(asked), images[asked]
            masks = None if scene.masks is None else scene.masks[asked]
            scene = Scene(masks, scene.side)
        start = time.perf_counter()
        try:
            with seeded(work.seed, items[0].id), torch.no_grad():
                row = self._build(work, number).row
                proven: Mapping[str, Tensor] = {}
                if any(wanted.metric in PROVEN for item in items for wanted in item.wanted):
                    assert row.examine is not None
                    reply, proven = row.examine(images, block.labels, scene)
                else:
                    reply = row.defence(images, scene)
                seconds = reply.seconds or time.perf_counter() - start
                seconds /= len(block.places)
        except Exception as error:
            return [
                Measured(w.row, None, None, attack_seconds, one_line(error))
                for item in items
                for w in item.wanted
            ]
        artefact = ""
        if reply.masks is not None and self._study.artefacts:
            content = pack_hidden(reply.masks, block.places)
            artefact = artefact_name(content, "npz")
            files[artefact] = content
        rows = []
        for item in items:
            at = block.places.index(_place(item))
            for wanted in item.wanted:
                value = _value(wanted.metric, reply, proven, block.labels, at)
                rows.append(Measured(wanted.row, value, seconds, attack_seconds, None, artefact))
        return rows

    def _read(self, model: str, samples: tuple[Sample, ...]) -> _Block:
        """A block as the model takes it, with its true classes.

        Raises:
            DataError: none of its images can be read.
        """
        key = model, samples
        if self._block is None or self._block[0] != key:
            self._block = key, self._read_now(model, samples)
        return self._block[1]

    def _read_now(self, model: str, samples: tuple[Sample, ...]) -> _Block:
        images: list[Tensor] = []
        labels, places, errors = [], [], {}
        for place, sample in enumerate(samples):
            try:
                x = self._classifiers.photo(model, sample)
                if images and x.shape != images[0].shape:
                    raise ModelError(
                        f"{sample.name}: {tuple(x.shape)} after the model's preprocess, others "
                        f"{tuple(images[0].shape)}; make all of one size"
                    )
                if self._study.truth == "label":
                    labels.append(self._classifiers.truth(model, sample))
                else:
                    labels.append(self._classifiers.answer(model, x))
                images.append(x)
                places.append(place)
            except Exception as error:  # the user's preprocess may raise anything
                errors[place] = one_line(error)
        if not images:
            raise DataError(next(iter(errors.values())))
        stacked = torch.stack(images)
        truth = torch.tensor(labels, device=stacked.device)
        right = torch.ones_like(truth, dtype=torch.bool)
        if self._study.attacked == "right":
            with torch.no_grad():
                right = ask(self._classifiers[model].model, stacked).argmax(dim=1) == truth
        return _Block(tuple(places), stacked, truth, errors, right)

    def _attacked(self, work: Measure, block: _Block) -> bytes:
        condition, bounds = work.condition, self._bounds(work.model)
        assert condition.attack is not None
        assert condition.area is not None
        part = self._study.attacks[condition.attack]
        patches = {}
        if work.patch:
            patches = {condition.area: _patch(self._prepared[work.patch], block.images.device)}
        attacks = NamedAttacks(**part.options, bounds=bounds, seed=work.seed, patches=patches)
        defended: nn.Module | None = None
        if condition.against is not None:
            attackable = self._build(work, condition.against).attacked
            assert attackable is not None
            defended = attackable(block.images, self._expected(work, block.images))
        model, images = self._classifiers[work.model].model, block.images
        patched = attacks.craft(
            part.attack, condition.area, model, defended, images, block.labels, work.turn
        )
        return pack(patched, block.images, bounds, block.places)

    def _expected(self, work: Measure, images: Tensor) -> int:
        """The longest side of a patch of the expected size; 0 where none is."""
        if work.condition.area is None:
            return 0
        size = tuple(images.shape[-2:])
        return max(max(footprint(s, work.condition.area, *size).shape) for s in work.shapes)

    def _build(self, work: Measure, method: int) -> Built:
        fitted = work.fits.get(method, "")
        key = work.model, method, fitted
        if key not in self._built:
            part, model = self._study.methods[method], self._classifiers[work.model].model
            content = self._prepared[fitted] if fitted else None
            bounds = self._bounds(work.model)
            self._built[key] = build(part.method, model, content, part.options, bounds)
        return self._built[key]

    def _bounds(self, model: str) -> tuple[Tensor, Tensor] | None:
        return self._classifiers[model].bounds


def _kept(job: Job, content: bytes, images: int, seconds: float) -> Done:
    """A preparation: what it made, and from how many images."""
    name = artefact_name(content, "safetensors")
    wanted = job.items[0].wanted[0]
    return Done([Measured(wanted.row, float(images), seconds, None)], {name: content}, name)


def _by_method(items: Sequence[Item]) -> dict[str, list[Item]]:
    items_of: dict[str, list[Item]] = {}
    for item in items:
        items_of.setdefault(item.method, []).append(item)
    return items_of


def _lost(items: Sequence[Item], block: _Block) -> Iterator[Measured]:
    """Of images that were not attacked: they could not be read, or were wrong before."""
    for item in items:
        error = block.errors.get(_place(item))
        for wanted in item.wanted:
            value = 0.0 if error is None and wanted.metric == "right" else None
            yield Measured(wanted.row, value, None, None, error)


def _place(item: Item) -> int:
    """Where an item's image stands in its block."""
    return int(json.loads(item.options)["in_block"])


def _value(
    metric: str, reply: Defended, proven: Mapping[str, Tensor], labels: Tensor, at: int
) -> float:
    if metric in PROVEN:
        return float(proven[metric][at])
    if metric == "assured":
        assert reply.assured is not None
        return float(reply.assured[at])
    if metric == "right":
        return float(int(reply.labels[at]) == int(labels[at]))
    if metric == "passes":
        assert reply.passes is not None
        return float(reply.passes[at])
    if metric == "score":
        assert reply.scores is not None
        return float(reply.scores[at])
    assert reply.masks is not None
    return float(bool(reply.masks[at].any()))


def _patch(content: bytes, device: torch.device) -> UniversalPatch:
    from safetensors.torch import load

    return UniversalPatch(**{name: tensor.to(device) for name, tensor in load(content).items()})
