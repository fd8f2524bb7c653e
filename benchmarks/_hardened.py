"""Classifiers that ``recipes/hardened.py`` trained to bear masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file

from benchmarks import _cifar
from interlock.errors import ModelError
from interlock.models import Classifier

WEIGHTS = Path(__file__).resolve().parents[1] / "build" / "hardened"


def cifar10() -> Classifier:
    """The ResNet-20 of ``_cifar``."""
    path = WEIGHTS / "cifar10.safetensors"
    if not path.is_file():
        raise ModelError(f"{path} is not there; run python recipes/hardened.py cifar10 first")
    plain = _cifar.resnet20()
    plain.model.load_state_dict(load_file(path))
    return replace(plain, name="resnet20, hardened")
