"""A lower confidence bound on the mean of values in [0, 1], by betting.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024: if
values have mean at most m, a gambler who stakes lambda >= 0 on each has expected final capital

    K(m) = prod over i of (1 + lambda (x_i - m)) <= 1,

so by Markov's inequality K(m) >= 1 / delta has probability at most delta, and every m with so large
a capital is ruled out. The average of several gamblers' capitals is as good; here there are three,
whose stakes depend on (m, n, delta) only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from interlock.errors import DataError

Floats = NDArray[np.float64]
_GRID = np.arange(1, 1000) / 1000
_MULTIPLES, _SHARES = np.array([1.0, 2.0, 4.0]), np.array([0.6, 0.25, 0.15])


def betting_lower(values: Floats, confidence: float) -> float:
    """The largest m of the grid 0, 0.001, ..., 0.999 up to which every m is ruled out.

    Ruling out m rules out every smaller mean as well, so the grid costs no validity.

    Args:
        values: (n,) independent, identically distributed, in [0, 1].
        confidence: in (0, 1).
    """
    if values.size == 0 or values.min() < 0 or values.max() > 1:
        raise DataError("betting needs at least one value, all between 0 and 1")
    stakes = _stakes(values.size, confidence)  # (3, grid)
    levels, counts = np.unique(values, return_counts=True)
    gains = np.log1p(stakes[..., None] * (levels - _GRID[:, None]))  # (3, grid, levels)
    capital = special.logsumexp(gains @ counts, axis=0, b=_SHARES[:, None])
    kept = np.flatnonzero(capital < -np.log(1 - confidence))
    first = int(kept[0]) if kept.size else _GRID.size
    return 0.0 if first == 0 else float(_GRID[first - 1])


def mean_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """A two-sided interval of the mean of independent values (n,) in [0, 1], by two such bounds."""
    one_sided = (1 + confidence) / 2
    return betting_lower(values, one_sided), 1 - betting_lower(1 - values, one_sided)


@lru_cache(maxsize=64)
def _stakes(n: int, confidence: float) -> Floats:
    """The stake that is best for coin flips of mean m, and its multiples, capped below 1 / m."""
    need = -np.log(1 - confidence) / n
    low, high = _GRID.copy(), np.ones_like(_GRID)
    for _ in range(50):  # the p > m with KL(p, m) = log(1 / delta) / n
        p = (low + high) / 2
        over = special.rel_entr(p, _GRID) + special.rel_entr(1 - p, 1 - _GRID) > need
        low, high = np.where(over, low, p), np.where(over, p, high)
    best = (low - _GRID) / (_GRID * (1 - _GRID))
    return np.minimum(_MULTIPLES[:, None] * best, (1 - 1e-6) / _GRID)
