"""Which way a metric is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from interlock.lab.results.attacked import FOUND, ROC

HIGHER = {
    "right": True,
    "certified": True,
    "detected": True,
    "assured": True,
    ROC: True,
    FOUND: True,
    "passes": False,
    "defended": True,
    "answered": True,
    "calls": False,
    "tokens": False,
}
"""Of ``defend`` and ``certify``; what is not here has no better or worse."""
SECONDS = False
"""Of all methods."""


def directions(study: Mapping[str, Any]) -> dict[str, bool]:
    """Metric, as results call it -> whether higher is better, where that is known.

    Args:
        study: as ``study.json`` has it.
    """
    if study["task"] != "explain":
        return dict(HIGHER)
    from interlock.explain.measures.metrics import METRICS

    return {
        part["name"] or part["metric"]: METRICS[part["metric"]].higher_is_better
        for part in study["metrics"]
        if part["metric"] in METRICS
    }


def arrow(higher: bool | None) -> str:
    """Points to the better side; nothing where there is none."""
    return "" if higher is None else "↑" if higher else "↓"


class Series(NamedTuple):
    """Values of one measure to be compared: of all methods, in a table's column or row."""

    name: str
    higher: bool | None
    """Whether higher is better; None where there is no better."""
    cells: Sequence[str]
    """As they are shown."""
    values: Sequence[float | None]
    """None for what is not compared."""

    def best(self) -> list[int]:
        """Where the best of at least two stands, and what looks the same."""
        known = [(value, k) for k, value in enumerate(self.values) if value is not None]
        if self.higher is None or len(known) < 2:
            return []
        _, first = (max if self.higher else min)(known)
        shown = self.cells[first].split()[0]
        return [k for _, k in known if self.cells[k].split()[0] == shown]
