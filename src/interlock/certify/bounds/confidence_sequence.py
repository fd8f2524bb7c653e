"""Bounds on a mean that hold at all times together, so that they may be read at any.

This is the betting confidence sequence of Waudby-Smith and Ramdas, JRSS B 2024, section 4: the
gamblers of :mod:`interlock.certify.bounds.betting`, each of whom puts the share 0 < f < 1 of what
the rules let him lose on every value, lambda = f / m. By Ville's inequality their capital ever
reaches 1 / delta with probability at most delta if the mean is at most m given all that came
before. So reaching it rules m out, whenever one looks, and the values need neither be independent
nor alike. Others bet on 1 - x, and bound the mean from above.

Old evidence would hide a new change, so the test starts anew after ``WINDOW`` values; window
number e gets the share 1 / (e (e + 1)) of delta, and these shares add up to one.
"""

from __future__ import annotations

import numpy as np

from interlock.certify.bounds.betting import Capital, Floats

WINDOW = 1000
_GRID = np.arange(1, 200) / 200
_AT_RISK = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.7])


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
        self._above, self._below = _capital(self._means), _capital(1 - self._means[::-1])
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
        self._above.bet_once(low)
        self._below.bet_once(1 - high)
        error = self._delta / (epoch * (epoch + 1))
        if count := self._above.ruled_out(error):
            self.lower = max(self.lower, float(self._means[count - 1]))
        if count := self._below.ruled_out(error):
            self.upper = min(self.upper, float(self._means[-count]))
        self._compare()

    def _compare(self) -> None:
        if self.expected is None or self.alarm is not None:
            return
        low, high = self.expected
        if self.upper <= low and self.upper < 1:
            self.alarm = f"below {low:.4g}: at most {self.upper:.4g}"
        elif self.lower >= high and self.lower > 0:
            self.alarm = f"above {high:.4g}: at least {self.lower:.4g}"


def _capital(means: Floats) -> Capital:
    shares = np.full(_AT_RISK.size, 1 / _AT_RISK.size)
    return Capital(means, _AT_RISK[:, None] / means, shares)
