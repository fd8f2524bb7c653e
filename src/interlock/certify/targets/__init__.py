"""Language models to certify: local, behind an endpoint, or recorded.

torch, transformers and httpx are imported with the class that needs them, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlock.certify.targets.protocol import Finish, Message, Prompt, Reply, Target

if TYPE_CHECKING:
    from interlock.certify.targets.endpoint import EndpointTarget
    from interlock.certify.targets.load import load_target
    from interlock.certify.targets.local import LocalTarget
    from interlock.certify.targets.recorded import RecordedTarget

_LAZY = {
    "EndpointTarget": "interlock.certify.targets.endpoint",
    "LocalTarget": "interlock.certify.targets.local",
    "RecordedTarget": "interlock.certify.targets.recorded",
    "load_target": "interlock.certify.targets.load",
}

__all__ = [
    "EndpointTarget",
    "Finish",
    "LocalTarget",
    "Message",
    "Prompt",
    "RecordedTarget",
    "Reply",
    "Target",
    "load_target",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'interlock.certify.targets' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
