"""Classifiers behind one small face: the embedded one, ``transformers`` models, your own.

PyTorch is imported with the names that need it, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.models.classifier import Classifier
    from interlock.models.loading import load_classifier

_LAZY = {
    "Classifier": "interlock.models.classifier",
    "load_classifier": "interlock.models.loading",
}

__all__ = ["Classifier", "load_classifier"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'interlock.models' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
