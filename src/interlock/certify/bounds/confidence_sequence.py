"""Bounds on a mean that hold at all times together, so that they may be read at any.

If values x_i in [0, 1] have mean at least m given all that came before, a gambler who bets against
that has capital prod (1 + f (m - x_i) / (1 - m)) for a fixed 0 < f < 1, which in expectation never
grows; by Ville's inequality it ever reaches 1 / delta with probability at most delta. So reaching
it rules m out, whenever one looks, and the values need neither be independent nor alike. This is
the betting confidence sequence of Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting", JRSS B 2024, section 4, with an average over several fixed stakes.

Old evidence would hide a new change, so the test starts anew after ``WINDOW`` values; window
number e gets the share 1 / (e (e + 1)) of delta, and these shares add up to one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

WINDOW = 1000
_GRID = np.arange(1, 200) / 200
_STAKES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.7])
Floats = NDArray[np.float64]


class MeanBounds:
    """Bounds on a mean that hold at all times together.

    Args:
        confidence: of both bounds together, at all times, in (0, 1).
        expected: (low, high) in [0, 1] that the mean is assumed to lie in; None for none.
    """

    def __init__(
        self, confidence: float, expected: tuple[float, float] | None = None, window: int = WINDOW
    ) -> None:
        inside = [m for m in expected or () if 0 < m < 1]
        self._means: Floats = np.unique(np.append(_GRID, inside))
        self._delta, self._window = (1 - confidence) / 2, window  # half for each side
        self.expected = expected
        self.seen = 0
        """Values so far."""
        self.alarm: str | None = None
        """What was ruled out, from the first time on."""
        self._restart()

    def _restart(self) -> None:
        shape = (_STAKES.size, self._means.size)
        self._above: Floats = np.zeros(shape)  # log capital of bets that the mean exceeds m
        self._below: Floats = np.zeros(shape)
        self.lower, self.upper = 0.0, 1.0
        self._count, self._low_sum, self._high_sum = 0, 0.0, 0.0

    @property
    def estimate(self) -> tuple[float, float]:
        """Mean of the lower and of the upper ends in this window; (0, 1) before any."""
        if not self._count:
            return 0.0, 1.0
        return self._low_sum / self._count, self._high_sum / self._count

    def observe(self, low: float, high: float) -> None:
        """Take in one value, known to lie in [low, high]."""
        if self._count == self._window:
            self._restart()
        epoch = self.seen // self._window + 1
        self.seen += 1
        self._count += 1
        self._low_sum += low
        self._high_sum += high
        m, stakes = self._means, _STAKES[:, None]
        self._above += np.log1p(stakes * (low - m) / m)
        self._below += np.log1p(stakes * (m - high) / (1 - m))
        need = math.log(epoch * (epoch + 1) / self._delta)
        ruled_out = m[_capital(self._above) >= need]
        if ruled_out.size:
            self.lower = max(self.lower, float(ruled_out.max()))
        ruled_out = m[_capital(self._below) >= need]
        if ruled_out.size:
            self.upper = min(self.upper, float(ruled_out.min()))
        self._compare()

    def _compare(self) -> None:
        if self.expected is None or self.alarm is not None:
            return
        low, high = self.expected
        if self.upper <= low and self.upper < 1:
            self.alarm = f"below {low:.4g}: at most {self.upper:.4g}"
        elif self.lower >= high and self.lower > 0:
            self.alarm = f"above {high:.4g}: at least {self.lower:.4g}"


def _capital(logs: Floats) -> Floats:
    """(stakes, means) -> (means,): log of the average capital."""
    top = logs.max(axis=0)
    average: Floats = top + np.log(np.exp(logs - top).mean(axis=0))
    return average
