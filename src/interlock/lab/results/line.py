"""One method under one condition by one metric: what a summary is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from interlock.lab.results.statistics import Estimate, Values


@dataclass(frozen=True)
class Line:
    """One method under one condition by one metric."""

    model: str
    method: str
    condition: str
    metric: str
    count: int
    """Data items with a value."""
    failed: int
    """Data items without one, because something went wrong."""
    mean: float | None
    low: float | None
    high: float | None
    seconds: float | None
    """Of the method on one data item, on average; None where all was taken from earlier runs."""
    metric_seconds: float | None
    """Of the measurement: of the metric, or of the attack."""


def array(values: Mapping[str, float]) -> Values:
    """The values of a line, one for each data item."""
    return np.fromiter(values.values(), np.float64, len(values))


def made_line(
    key: Sequence[str],
    value: Estimate,
    failed: int = 0,
    seconds: float | None = None,
    metric_seconds: float | None = None,
) -> Line:
    """A line from an estimate, whose NaN becomes None."""
    mean, low, high = (None if math.isnan(v) else v for v in (value.mean, value.low, value.high))
    model, method, condition, metric = key
    return Line(
        model, method, condition, metric, value.count, failed, mean, low, high, seconds,
        metric_seconds,
    )  # fmt: skip
