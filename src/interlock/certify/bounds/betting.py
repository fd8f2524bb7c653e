"""A lower confidence bound on the mean of values in [0, 1], by betting.

Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024: if
each value has mean at most m given those before, a gambler who stakes lambda >= 0 on each has a
capital that in expectation never grows,

    K(m) = prod over i of (1 + lambda (x_i - m)),   E K(m) <= 1.

So K(m) >= 1 / delta has probability at most delta, at the end (Markov) and even at any time
(Ville), and every m with so large a capital is ruled out. The average of several gamblers'
capitals is as good.

Two uses, one :class:`Capital`. Here all n values are there, so the three stakes are made for n,
m and delta: the bound for a certificate, read once. A stream that is watched while it runs has no
n; its stakes are fixed shares of the capital at risk, and its bounds hold at all times together:
:mod:`interlock.certify.bounds.confidence_sequence`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from interlock.errors import DataError

Floats = NDArray[np.float64]
_GRID = np.arange(1, 1000) / 1000
_MULTIPLES, _SHARES = np.array([1.0, 2.0, 4.0]), np.array([0.6, 0.25, 0.15])


class Capital:
    """What gamblers own who bet that a mean exceeds m, for a grid of m at once.

    Args:
        means: (M,) the m, rising, in (0, 1).
        stakes: (S, M) lambda of each gambler against each m, in [0, 1 / m].
        shares: (S,) of the first capital, which is 1 in all.
    """

    def __init__(self, means: Floats, stakes: Floats, shares: Floats) -> None:
        self.means, self.stakes = means, stakes
        self.logs: Floats = np.log(shares)[:, None] + np.zeros_like(stakes)
        """(S, M) log capital of each gambler."""

        self._most = np.log(len(shares))  # that the others can add to the richest one's logarithm

        @lru_cache(maxsize=64)  # of votes there are few different shares
        def gains(value: float) -> Floats:
            return np.log1p(stakes * (value - means))

        self._gains = gains

    def bet_once(self, value: float) -> None:
        """Play one value in [0, 1]; one that was played before costs an addition."""
        self.logs += self._gains(value)

    def bet(self, values: ArrayLike, counts: ArrayLike = 1) -> None:
        """Play values in [0, 1], each ``counts`` times."""
        x = np.atleast_1d(np.asarray(values, dtype=np.float64))
        gains = np.log1p(self.stakes[..., None] * (x - self.means[:, None]))  # (S, M, values)
        self.logs += gains @ np.broadcast_to(counts, x.shape)

    def ruled_out(self, error: float) -> int:
        """How many m, from the least on, are ruled out but for a chance of ``error``.

        Ruling out m rules out every smaller mean as well, so a grid costs no validity.
        """
        enough, richest = -np.log(error), self.logs.max(axis=0)
        start = _first(richest < enough)  # up to here the richest alone has enough
        end = _first(richest < enough - self._most)  # from here on no help of the others does
        capital = np.logaddexp.reduce(self.logs[:, start:end], axis=0)
        return start + _first(capital < enough)


def _first(true: NDArray[np.bool_]) -> int:
    """Where the first one stands; the length where none does."""
    number = int(true.argmax()) if true.size else 0
    return number if true[number : number + 1].any() else true.size


def betting_lower(values: Floats, confidence: float) -> float:
    """The largest m of the grid 0, 0.001, ..., 0.999 up to which every m is ruled out.

    Args:
        values: (n,) independent, identically distributed, in [0, 1].
        confidence: in (0, 1).
    """
    if values.size == 0 or values.min() < 0 or values.max() > 1:
        raise DataError("betting needs at least one value, all between 0 and 1")
    capital = Capital(_GRID, _stakes(values.size, confidence), _SHARES)
    capital.bet(*np.unique(values, return_counts=True))
    count = capital.ruled_out(1 - confidence)
    return float(_GRID[count - 1]) if count else 0.0


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
