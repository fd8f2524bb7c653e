"""Means with their intervals, and paired differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 4000
MANY = 2000
"""Above so many values the mean is as good as normal, and Student's t costs nothing."""


@dataclass(frozen=True)
class Estimate:
    """A mean over data items."""

    count: int
    mean: float
    """NaN of none."""
    low: float
    high: float
    """Ends of the interval; NaN where there is none, of fewer than two values."""


def estimate(
    values: Values, *, share: bool = False, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """The mean of one value for each data item.

    Args:
        values: (N,).
        share: values are 0 or 1; the interval is Wilson's, as long as that is so. Else it is the
            percentile bootstrap over data items, or Student's t for more than ``MANY``.
        confidence: of the interval.
        seed: of the bootstrap.
    """
    count = len(values)
    if count == 0:
        return Estimate(0, math.nan, math.nan, math.nan)
    mean = float(values.mean())
    if share and bool(np.isin(values, (0.0, 1.0)).all()):
        low, high = wilson(int(values.sum()), count, confidence)
    elif count < 2:
        low = high = math.nan
    else:
        low, high = _mean_interval(values, confidence, seed)
    return Estimate(count, mean, low, high)


def wilson(hits: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share; (0, 1) for none."""
    if count == 0:
        return 0.0, 1.0
    from scipy import stats

    interval = stats.binomtest(hits, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Difference:
    """What two methods differ by on the same data items."""

    count: int
    first: float
    """Mean of the first."""
    second: float
    mean: float
    """Of second minus first."""
    low: float
    high: float
    """Ends of the interval of the mean difference; NaN of fewer than two items."""
    p: float
    """Two-sided, of the hypothesis that it does not matter which is which; NaN likewise."""


def difference(
    first: Values, second: Values, *, confidence: float = 0.95, seed: int = 0
) -> Difference:
    """Compare item by item.

    The interval is the percentile bootstrap of the mean difference over data items; p comes from
    swapping the two at random item by item. Above ``MANY`` items both come from Student's t.

    Args:
        first: (N,) one value for each data item.
        second: (N,) the other's, in the same order.
        confidence: of the interval.
        seed: of the resampling.
    """
    gap = second - first
    count = len(gap)
    a, b, mean = [float(m.mean()) if count else math.nan for m in (first, second, gap)]
    if count < 2:
        return Difference(count, a, b, mean, math.nan, math.nan, math.nan)
    low, high = _mean_interval(gap, confidence, seed)
    return Difference(count, a, b, mean, low, high, _p(gap, seed))


def _mean_interval(values: Values, confidence: float, seed: int) -> tuple[float, float]:
    if values.min() == values.max():
        return float(values[0]), float(values[0])
    from scipy import stats

    if len(values) > MANY:
        mean, error = values.mean(), stats.sem(values)
        low, high = stats.t.interval(confidence, len(values) - 1, loc=mean, scale=error)
        return float(low), float(high)
    result = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        batch=500,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(result.low), float(result.high)


def _p(gap: Values, seed: int) -> float:
    if not gap.any():
        return 1.0
    from scipy import stats

    if len(gap) > MANY:
        return float(stats.ttest_1samp(gap, 0.0).pvalue)
    result = stats.permutation_test(
        (gap, np.zeros_like(gap)),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=500,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)
