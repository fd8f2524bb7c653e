"""Two methods, or two studies, on the same data items."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interlock.errors import OptionError
from interlock.lab.plan import results
from interlock.lab.results.statistics import Difference, difference
from interlock.lab.results.values import Key, by_item
from interlock.lab.study import unknown


@dataclass(frozen=True)
class Comparison:
    """What B differs from A by, under one condition and by one metric."""

    model: str
    method: str
    """Of both, where two studies are compared; B, where it is compared with a study's first
    method; else empty."""
    condition: str
    metric: str
    count: int
    """Data items that both have."""
    a: float
    b: float
    """Means over these."""
    difference: float
    """b - a."""
    low: float | None
    high: float | None
    """Ends of its 95 % interval."""
    p: float | None
    """Two-sided, of no difference."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def compare_methods(
    folder: Path, a: str, b: str, *, metrics: Collection[str] | None = None, seed: int = 0
) -> list[Comparison]:
    """Two methods of one study, item by item.

    Args:
        folder: of the study.
        a: a method's name in the study.
        b: another one's.
        metrics: to compare by; None takes all.
        seed: of the resampling.

    Raises:
        OptionError: the study has no such method, or they share no data item.
        OutputError: there is no study in the folder.
    """
    values = by_item(results(folder))
    methods = list(dict.fromkeys(method for _, method, _, _ in values))
    for name in (a, b):
        if name not in methods:
            raise OptionError(f"{name!r}: {unknown('method', name, methods)}")
    pairs: dict[Key, tuple[dict[str, float], dict[str, float]]] = {
        (model, "", condition, metric): (column, values.get((model, b, condition, metric), {}))
        for (model, method, condition, metric), column in values.items()
        if method == a and (metrics is None or metric in metrics)
    }
    return _compared(pairs, f"{a} and {b}", seed)


def compare_studies(a: Path, b: Path, *, seed: int = 0) -> list[Comparison]:
    """The methods that two studies share by name, each with itself, item by item.

    Raises:
        OptionError: they share no method on any data item.
        OutputError: one of the folders holds no study.
    """
    first, second = by_item(results(a)), by_item(results(b))
    pairs = {key: (column, second.get(key, {})) for key, column in first.items()}
    return _compared(pairs, f"{a} and {b}", seed)


def against_first(
    values: Mapping[Key, dict[str, float]],
    *,
    metrics: Collection[str] | None = None,
    seed: int = 0,
) -> list[Comparison]:
    """Each method of a study minus its first one, by model, condition and metric.

    Args:
        values: of the study, as ``by_item`` gives them.
        metrics: to compare by; None takes all.
        seed: of the resampling.
    """
    first = next((method for _, method, _, _ in values), "")
    pairs = {
        key: (values.get((key[0], first, *key[2:]), {}), column)
        for key, column in values.items()
        if key[1] != first and (metrics is None or key[3] in metrics)
    }
    return list(_lines(pairs, seed))


def _compared(
    pairs: Mapping[Key, tuple[dict[str, float], dict[str, float]]],
    names: str,
    seed: int,
) -> list[Comparison]:
    lines = list(_lines(pairs, seed))
    if not lines:
        raise OptionError(f"{names}: no finished data item that both have; nothing to compare")
    return lines


def _lines(
    pairs: Mapping[Key, tuple[dict[str, float], dict[str, float]]], seed: int
) -> Iterator[Comparison]:
    for (model, method, condition, metric), (first, second) in pairs.items():
        shared = [data for data in first if data in second]
        if shared:
            a, b = (np.array([side[data] for data in shared]) for side in (first, second))
            gap = difference(a, b, seed=seed)
            yield Comparison(model, method, condition, metric, *_numbers(gap))


def _numbers(gap: Difference) -> tuple[int, float, float, float, Any, Any, Any]:
    low, high, p = (None if math.isnan(v) else v for v in (gap.low, gap.high, gap.p))
    return gap.count, gap.first, gap.second, gap.mean, low, high, p
