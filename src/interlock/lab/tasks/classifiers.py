"""The classifiers of a study: named once in the parent, loaded once in each worker."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from interlock.data.sources import Sample
from interlock.errors import DataError, ModelError, OptionError
from interlock.lab.identity import classifier_identity
from interlock.lab.items import name_of
from interlock.lab.study import ModelPart, label
from interlock.lab.task import Setting, one_line
from interlock.models import Classifier, load_classifier
from interlock.models.labels import labelled_class
from interlock.models.steady import ask, prepared


def identities(setting: Setting) -> dict[str, str]:
    """For each model of a study, what names it in items; each is loaded once and let go.

    Raises:
        StudyError: a model cannot be loaded, or has options.
    """
    names, problems = {}, []
    for number, part in enumerate(setting.study.models):
        where = f"models[{number}]"
        if part.options:
            problems.append(f"{where}.options: none is taken by a classifier")
        try:
            classifier = _load(part, setting)
            identity = classifier_identity(classifier)
            names[label(part)] = name_of(classifier=identity, device=setting.device.split(":")[0])
        except (ModelError, OptionError) as error:
            problems.append(f"{where}.model: {error}")
        except Exception as error:  # preprocess is the user's code and may raise anything
            problems.append(f"{where}.model: {part.model}: {one_line(error)}")
    setting.refuse(problems)
    return names


class Classifiers:
    """The classifiers of a worker, loaded when first needed, and the last photo it prepared.

    Args:
        setting: the study.
        channels_last: lay weights out so that convolutions take a third less time on CPUs.
    """

    def __init__(self, setting: Setting, *, channels_last: bool = False) -> None:
        self._setting, self._channels_last = setting, channels_last
        self._parts = {label(part): part for part in setting.study.models}
        self._loaded: dict[str, Classifier] = {}
        self._last: tuple[Any, Tensor] | None = None

    def __getitem__(self, name: str) -> Classifier:
        if name not in self._loaded:
            loaded = _load(self._parts[name], self._setting)
            if self._channels_last and self._setting.device == "cpu":
                loaded.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._loaded[name] = loaded
        return self._loaded[name]

    def photo(self, name: str, sample: Sample) -> Tensor:
        """(C, H, W) as the model takes it.

        Raises:
            ImageError: the image cannot be read.
        """
        key = (name, sample.source, sample.id)
        if self._last is None or self._last[0] != key:
            x = prepared(self[name].preprocess(sample.read()))
            self._last = key, x.to(self._setting.device)
        return self._last[1]

    def truth(self, name: str, sample: Sample) -> int:
        """The class that a sample's label names.

        Raises:
            DataError: it has none, or the model does not know it.
        """
        given = sample.label
        if given is None:
            raise DataError(f"{sample.name}: has no label, and the study asks for one")
        try:
            return labelled_class(str(given), self[name].labels)
        except OptionError as error:
            raise DataError(f"{sample.name}: {error}") from None

    def answer(self, name: str, x: Tensor) -> int:
        """The class that a model gives one image (C, H, W)."""
        with torch.no_grad():
            return int(ask(self[name].model, x[None]).argmax())


def _load(part: ModelPart, setting: Setting) -> Classifier:
    name = part.model
    beside = setting.base / name
    if ":" not in name and beside.is_dir():
        name = str(beside)
    return load_classifier(name, whole=part.whole, device=setting.device)
