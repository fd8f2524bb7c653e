"""interlock: which features act together, which were planted, and how sure you can be.

Heavy libraries are imported with the names that need them, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlock._version import __version__
from interlock.errors import InterlockError

if TYPE_CHECKING:
    from interlock.certify import Certificate
    from interlock.defend import ConceptShield
    from interlock.explain import Explanation, HSets

_LAZY = {
    "Certificate": "interlock.certify",
    "ConceptShield": "interlock.defend",
    "Explanation": "interlock.explain",
    "HSets": "interlock.explain",
}

__all__ = [
    "Certificate",
    "ConceptShield",
    "Explanation",
    "HSets",
    "InterlockError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'interlock' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
