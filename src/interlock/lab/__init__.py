"""Studies: many items, many methods, one machine or a Ray cluster; killed and resumed at will.

Names are imported when they are used: a worker process must set the number of threads before it
loads what reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.lab.plan import Totals
    from interlock.lab.run import run_study
    from interlock.lab.study import Study, StudyError, read_study
    from interlock.lab.task import Setting

_LAZY = {
    "Setting": "interlock.lab.task",
    "Study": "interlock.lab.study",
    "StudyError": "interlock.lab.study",
    "Totals": "interlock.lab.plan",
    "read_study": "interlock.lab.study",
    "run_study": "interlock.lab.run",
}

__all__ = ["Setting", "Study", "StudyError", "Totals", "read_study", "run_study"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'interlock.lab' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
