"""``defend`` studies: each defence on each image, without a patch and under each attack.

Images are taken in fixed blocks. The pictures of a block under an attack are made once and shown
to every defence; attacks on a defence itself are made against each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from interlock.defend.attacks.regions import footprint
from interlock.lab.code import worker_digest
from interlock.lab.data import Items, Tell, open_items
from interlock.lab.items import Item, Job, Wanted, canonical, name_of
from interlock.lab.study import AttackPart, DefencePart, DefendStudy, label
from interlock.lab.task import Numbered, Setting, Worker
from interlock.lab.tasks.classifiers import identities
from interlock.lab.tasks.defend.conditions import (
    Condition,
    attack_code,
    attack_options,
    condition_label,
    conditions,
    expected_shapes,
    problems,
)
from interlock.lab.tasks.defend.defences import (
    FILE,
    defence_code,
    fit_options,
    fitted_as,
    measured,
)
from interlock.lab.tasks.defend.worker import DefendWorker, Fit, Measure, Train

TRAINING = 64
"""Images that a universal patch is trained on: the first of the study."""


@dataclass(frozen=True)
class _Neighbours:
    start: int
    stop: int
    digests: tuple[str, ...]

    def cut(self, limit: int | None) -> _Neighbours:
        """What of it lies among the first images of the study; empty beyond."""
        if limit is None or self.stop <= limit:
            return self
        stop = max(self.start, limit)
        return _Neighbours(self.start, stop, self.digests[: stop - self.start])


class DefendTask:
    """A ``defend`` study, expanded: block by block, each condition on each model."""

    notes: Sequence[str] = ()
    left_out: Mapping[str, int] = {}

    def __init__(self, setting: Setting, tell: Tell | None = None) -> None:
        study = setting.study
        assert isinstance(study, DefendStudy)
        setting.refuse(problems(study))
        self._setting, self._study = setting, study
        self._fitted = _fitted_files(setting, study)
        self._options = [
            part.options
            | ({FILE: sha256(self._fitted[k]).hexdigest()} if k in self._fitted else {})
            for k, part in enumerate(study.methods)
        ]
        self._models = list(identities(setting).items())
        self._items = open_items(study.data, setting.base, setting.file, tell=tell)
        self._clean: Items | None = None
        if study.clean is not None:
            clean = (study.clean,)
            self._clean = open_items(clean, setting.base, setting.file, key="clean", tell=tell)
        self._codes = [defence_code(part.method) for part in study.methods]
        self._worker_code = worker_digest(DefendWorker, footprint)
        self._conditions = list(conditions(study))
        self._blocks = list(self._blocked(study.batch))
        self._fit_names: dict[tuple[str, int, int], str] = {}
        self._train_names: dict[tuple[str, int, float, int], str] = {}
        self._attack_codes: dict[tuple[str, str | None], str] = {}

    @property
    def preparations(self) -> Sequence[Job]:
        """A fit for each defence that is fitted, a training for each universal patch."""
        jobs: dict[str, Job] = {}
        for model, identity in self._models:
            for seed in self._study.seeds:
                for number, part in enumerate(self._study.methods):
                    if _fitted(part) and number not in self._fitted:
                        name = self._fit_name(identity, number, seed)
                        jobs[name] = self._fit(name, model, number, seed)
                for number, attack in enumerate(self._study.attacks):
                    for area in attack.areas if attack.attack == "universal" else ():
                        name = self._train_name(identity, number, area, seed)
                        jobs[name] = self._train(name, model, number, area, seed)
        return list(jobs.values())

    @property
    def jobs(self) -> Sequence[Job]:
        """One for each block, model, seed and condition."""
        shape = self._shape
        return Numbered(shape[0] * shape[1] * shape[2] * shape[3], self._job)

    def worker(self, prepared: Mapping[str, bytes]) -> Callable[[], Worker]:
        """Makes a :class:`DefendWorker`."""
        given = {self._fit_name("", k, 0): content for k, content in self._fitted.items()}
        return partial(DefendWorker, self._setting, {**prepared, **given})

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        models, seeds = len(self._models), len(self._study.seeds)
        return len(self._blocks), models, seeds, len(self._conditions)

    def _blocked(self, size: int) -> Iterator[_Neighbours]:
        """Fixed blocks; none reaches from one source into the next."""
        start = 0
        for _, source in self._items.sources:
            end = start + len(source)
            for first in range(start, end, size):
                stop = min(first + size, end)
                yield _Neighbours(first, stop, self._items.digests[first:stop])
            start = end

    def _job(self, number: int) -> Job:
        _, models, seeds, count = self._shape
        number, condition = divmod(number, count)
        number, seed = divmod(number, seeds)
        block, model = divmod(number, models)
        return self._made(self._blocks[block], model, self._study.seeds[seed], condition)

    def _made(self, block: _Neighbours, model: int, seed: int, number: int) -> Job:
        condition, (name, identity) = self._conditions[number], self._models[model]
        if condition.attack is not None:
            block = block.cut(self._attack(condition).limit)
        places = range(block.start, block.stop)
        samples = [self._items.sample(k) for k in places]
        labels = [s.label for s in samples] if self._study.truth == "label" else "predicted"
        determines: dict[str, Any] = {
            "worker": self._worker_code,
            "model": identity,
            "block": block.digests,
            "truth": labels,
            "attack": self._attack_names(identity, condition, seed),
            "seed": seed,
        }
        if condition.attack is not None and self._study.attacked == "right":
            determines["attacked"] = "right"
        made = "" if condition.attack is None else name_of(pictures=determines)
        asked = {
            method: len(block.cut(self._study.methods[method].limit).digests)
            for method in condition.methods
        }

        def named(method: int) -> dict[str, Any]:
            some = asked[method]
            return determines if some == len(places) else determines | {"asked": some}

        items = tuple(
            self._item(name, place, at, method, condition, seed, identity, named(method))
            for method in condition.methods
            for at, place in enumerate(places[: asked[method]])
        )
        turn = int(name_of(block=block.digests)[:7], 16)
        fits = {
            method: self._fit_name(identity, method, seed)
            for method in dict.fromkeys([*condition.methods, *_some(condition.against)])
            if _fitted(self._study.methods[method])
        }
        patch = ""
        if condition.attack is not None and self._attack(condition).attack == "universal":
            assert condition.area is not None
            patch = self._train_name(identity, condition.attack, condition.area, seed)
        shapes: tuple[Any, ...] = ("square",)  # of an attack on a defence that is told its size
        if condition.attack is None and condition.area is not None:
            shapes = expected_shapes(self._study, condition.area)
        work = Measure(name, seed, tuple(samples), condition, turn, fits, patch, asked, shapes)
        return Job(items, work, made)

    def _item(
        self,
        model: str,
        place: int,
        at: int,
        method: int,
        condition: Condition,
        seed: int,
        identity: str,
        determines: Mapping[str, Any],
    ) -> Item:
        part = self._study.methods[method]
        fitted = self._fit_name(identity, method, seed) if _fitted(part) else ""
        item = name_of(
            task="defend",
            at=at,
            method=part.method,
            options=self._options[method],
            code=self._codes[method],
            fitted=fitted,
            **determines,
        )
        attack = None if condition.attack is None else self._attack(condition)
        told_of: dict[str, Any] = {"defence": part.options, "in_block": at}
        if attack is not None:
            told_of |= {"attack": attack.attack, "area": condition.area}
            told_of |= {"attack_options": attack.options}
        return Item(
            id=item,
            model=model,
            data=self._items.name(place),
            method=label(part),
            condition=condition_label(attack, condition.area),
            options=canonical(told_of),
            seed=seed,
            code=self._codes[method],
            wanted=tuple(
                Wanted.of(item, metric)
                for metric in measured(part.method, part.options, clean=attack is None)
            ),
        )

    def _attack_code(self, name: str, against: DefencePart | None = None) -> str:
        key = name, None if against is None else against.method
        if key not in self._attack_codes:
            self._attack_codes[key] = attack_code(name, against)
        return self._attack_codes[key]

    def _attack_names(self, identity: str, condition: Condition, seed: int) -> dict[str, Any]:
        """All that decides a condition, beside block, model and seed."""
        if condition.attack is None:
            shapes = () if condition.area is None else expected_shapes(self._study, condition.area)
            more = {} if shapes in ((), ("square",)) else {"shapes": shapes}
            return {"attack": None, "area": condition.area, **more}
        part, area = self._attack(condition), condition.area
        assert area is not None
        against = None if condition.against is None else self._study.methods[condition.against]
        names: dict[str, Any] = {"area": area, "attack": attack_options(part, area, against)}
        names |= {"name": part.attack, "code": self._attack_code(part.attack, against)}
        if part.attack == "universal":
            names["patch"] = self._train_name(identity, condition.attack, area, seed)
        if against is not None:
            assert condition.against is not None
            options = self._options[condition.against]
            names["against"] = [against.method, options, self._codes[condition.against]]
            if _fitted(against):
                names["fitted"] = self._fit_name(identity, condition.against, seed)
        return names

    def _attack(self, condition: Condition) -> AttackPart:
        assert condition.attack is not None
        return self._study.attacks[condition.attack]

    def _fit_name(self, identity: str, method: int, seed: int) -> str:
        if method in self._fitted:
            return name_of(file=self._options[method][FILE])
        key = identity, method, seed
        if key not in self._fit_names:
            assert self._clean is not None
            part = self._study.methods[method]
            kind = _fitted(part)
            assert kind is not None
            self._fit_names[key] = name_of(
                fit=kind,
                worker=self._worker_code,
                options=fit_options(part.method, part.options),
                code=defence_code(kind),
                model=identity,
                clean=self._clean.digests,
                seed=seed,
            )
        return self._fit_names[key]

    def _fit(self, name: str, model: str, method: int, seed: int) -> Job:
        assert self._clean is not None
        part, clean = self._study.methods[method], self._clean
        item = Item(
            id=name, model=model, data=clean.sources[0][0], method=f"fit {label(part)}",
            condition="", options=canonical(part.options), seed=seed, code=self._codes[method],
            wanted=(Wanted.of(name, "images"),),
        )  # fmt: skip
        samples = tuple(clean.sample(k) for k in range(len(clean)))
        return Job((item,), Fit(model, seed, samples, method), made=name)

    def _train_name(self, identity: str, attack: int, area: float, seed: int) -> str:
        key = identity, attack, area, seed
        if key not in self._train_names:
            part = self._study.attacks[attack]
            count = min(TRAINING, len(self._items))
            labels = [self._items.sample(k).label for k in range(count)]
            more = {"attacked": "right"} if self._study.attacked == "right" else {}
            self._train_names[key] = name_of(
                train=part.attack,
                area=area,
                worker=self._worker_code,
                options=attack_options(part, area),
                code=self._attack_code(part.attack),
                model=identity,
                images=self._items.digests[:count],
                truth=labels if self._study.truth == "label" else "predicted",
                seed=seed,
                **more,
            )
        return self._train_names[key]

    def _train(self, name: str, model: str, attack: int, area: float, seed: int) -> Job:
        part = self._study.attacks[attack]
        item = Item(
            id=name, model=model, data=self._items.sources[0][0], method=f"train {label(part)}",
            condition=condition_label(part, area), options=canonical(part.options), seed=seed,
            code=self._attack_code(part.attack), wanted=(Wanted.of(name, "images"),),
        )  # fmt: skip
        samples = tuple(self._items.sample(k) for k in range(min(TRAINING, len(self._items))))
        return Job((item,), Train(model, seed, samples, attack, area), made=name)


def _fitted_files(setting: Setting, study: DefendStudy) -> dict[int, bytes]:
    """Method -> the shield's file that it names.

    Raises:
        StudyError: one cannot be read.
    """
    files, problems = dict[int, bytes](), []
    for number, part in enumerate(study.methods):
        if _fitted(part) and FILE in part.options:
            path = setting.base / str(part.options[FILE])
            try:
                files[number] = path.read_bytes()
            except OSError as error:
                where = f"methods[{number}].options.{FILE}"
                problems.append(f"{where}: {path}: cannot be read ({error.strerror})")
    setting.refuse(problems)
    return files


def _fitted(part: DefencePart) -> str | None:
    """What is fitted for a method, or nothing."""
    return fitted_as(part.method, part.options)


def _some(number: int | None) -> list[int]:
    return [] if number is None else [number]
