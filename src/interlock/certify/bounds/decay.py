"""ASR(k) = a exp(-b k) + c: how an attack dies as its suffix is disturbed (arXiv 2511.18721).

The fit maximises the binomial likelihood of *counts*, so a rate measured on ten attacks weighs less
than one measured on a thousand, and a rate of 0 or 1 is no trouble. A fit is an estimate, not a
bound: for a bound see :class:`~interlock.certify.MeasuredCertificate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from interlock.certify.bounds._fit import maximise, steepest
from interlock.certify.bounds.counts import check_counts
from interlock.errors import DataError, OptionError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CurveIntervals:
    """Intervals of a fitted curve at one confidence.

    Attributes:
        a, b, c: (low, high) of each parameter. ``b`` runs to infinity where the data do not show
            how fast the curve falls.
        k: (K,) the numbers of changed characters of the band.
        low, high: (K,) the pointwise band of ASR(k).
        confidence: of each interval by itself, not of all together.
    """

    a: tuple[float, float]
    b: tuple[float, float]
    c: tuple[float, float]
    k: Floats
    low: Floats
    high: Floats
    confidence: float


@dataclass(frozen=True, eq=False)
class CurveData:
    """The counts a curve was fitted to: all arrays (K,), ``deviance`` against the raw rates."""

    k: Floats
    successes: Floats
    trials: Floats
    deviance: float
    asymptote: float | None

    @property
    def misfit(self) -> float:
        """P(a deviance at least this large | the curve is right), by its chi-square limit.

        Below 0.05 the shape a exp(-b k) + c is doubtful; 1.0 where no degree of freedom is left.
        """
        parameters = 3 if self.asymptote is None else 2
        freedom = self.k.size - parameters
        return float(special.chdtrc(freedom, self.deviance)) if freedom > 0 else 1.0


@dataclass(frozen=True)
class DecayCurve:
    """ASR(k) = a exp(-b k) + c, the attack success rate after k suffix characters changed.

    Attributes:
        a: the part of the success rate that disturbance destroys, >= 0.
        b: how fast, per character, >= 0.
        c: the part that no disturbance destroys, in [0, 1].
        data: the counts behind a fitted curve; absent for one written down.

    Raises:
        OptionError: a parameter outside its range.
    """

    a: float
    b: float
    c: float
    data: CurveData | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in (("a", self.a), ("b", self.b), ("c", self.c)):
            if not (math.isfinite(value) and value >= 0):
                raise OptionError(f"{name}={value}: a decay curve needs a finite {name} >= 0")
        if self.c > 1:
            raise OptionError(f"c={self.c}: the asymptote is a success rate, at most 1")

    def __call__(self, k: ArrayLike) -> Floats:
        """ASR(k), clipped to [0, 1]; any shape, real k allowed."""
        values = self.a * np.exp(-self.b * np.asarray(k, dtype=np.float64)) + self.c
        return np.clip(values, 0.0, 1.0)

    def crossing(self, epsilon: float) -> float:
        """The real k >= 0 at which ASR(k) falls to ``epsilon``: ln(a / (epsilon - c)) / b.

        0 where the curve starts at or below ``epsilon``.

        Raises:
            OptionError: epsilon is at or below what the curve can ever reach.
        """
        if not 0 <= epsilon <= 1:
            raise OptionError(f"epsilon={epsilon}: give a success rate from 0 to 1")
        if self.a + self.c <= epsilon:
            return 0.0
        if epsilon <= self.c:
            raise OptionError(
                f"epsilon={epsilon} is not above the curve's asymptote c={self.c:.4g}: no number "
                "of changed characters brings the attack that low"
                + (f"; give epsilon > {self.c:.4g}" if self.c < 0.5 else "")
            )
        if self.b == 0:
            raise OptionError(
                f"epsilon={epsilon}: the curve is flat at {self.a + self.c:.4g}, above it"
            )
        return math.log(self.a / (epsilon - self.c)) / self.b

    def threshold(self, epsilon: float) -> int:
        """The smallest whole k >= 0 with ASR(k) <= epsilon: attacks are (k, epsilon)-unstable.

        Raises:
            OptionError: epsilon is at or below what the curve can ever reach.
        """
        real = self.crossing(epsilon)
        nearest = round(real)  # a crossing at a whole k must not be pushed up by rounding noise
        return nearest if abs(real - nearest) < 1e-9 else math.ceil(real)

    def reaches(self, epsilon: float) -> bool:
        """Whether ASR falls to ``epsilon`` at some k, so that :meth:`threshold` has an answer."""
        return self.a + self.c <= epsilon or (epsilon > self.c and self.b > 0)

    def settled(self) -> int:
        """The smallest whole k from which on ASR falls by no more than 1 % of ``a``."""
        if self.a == 0 or self.b == 0:
            return 0
        return math.ceil(min(math.log(100) / self.b, 1e9))

    @classmethod
    def fit(
        cls,
        k: ArrayLike,
        successes: ArrayLike,
        trials: ArrayLike,
        *,
        asymptote: float | None = None,
    ) -> DecayCurve:
        """The curve of greatest binomial likelihood, with a, b >= 0, 0 <= c and a + c <= 1.

        Args:
            k: (K,) changed characters, whole, distinct or not.
            successes: (K,) attacks that still jailbroke.
            trials: (K,) attacks tried, each >= 1.
            asymptote: hold c at this value; needed with only two distinct k.

        Returns:
            The curve, with its counts in ``data``. All failures give the zero curve; rates that do
            not fall give a = b = 0 and c the pooled rate.

        Raises:
            DataError: counts that are no counts, or too few distinct k to fix the curve.
        """
        k_, s, n = check_counts(k, successes, trials)
        distinct, needed = np.unique(k_).size, 3 if asymptote is None else 2
        if asymptote is not None and not 0 <= asymptote <= 1:
            raise OptionError(f"asymptote={asymptote}: give a success rate from 0 to 1")
        level = s.sum() / n.sum()
        if distinct < needed and 0 < level < 1:
            raise DataError(
                f"{distinct} distinct k cannot fix {'a, b and c' if needed == 3 else 'a and b'}; "
                f"measure at {needed} or more"
                + (", or hold c with asymptote=" if distinct == 2 else "")
            )
        if level in (0.0, 1.0):
            a, b, c = 0.0, 0.0, float(level)
        else:
            a, b, c = (float(v) for v in maximise(k_, s[None], n, asymptote)[0])
        rates = a * np.exp(-b * k_) + c
        deviance = max(0.0, 2 * (_log_likelihood(s / n, s, n) - _log_likelihood(rates, s, n)))
        return cls(a, b, c, CurveData(k_, s, n, deviance, asymptote))

    def intervals(
        self,
        confidence: float = 0.95,
        *,
        k: ArrayLike | None = None,
        resamples: int = 300,
        seed: int = 0,
    ) -> CurveIntervals:
        """Percentile intervals of the parameters and of ASR(k), by a seeded bootstrap.

        Each resample draws the rate at every k from its Jeffreys posterior Beta(s + 1/2, n - s +
        1/2) and fits the curve again. Unlike the plain parametric bootstrap this stays honest when
        all attacks fail or all succeed, where resampled counts would never vary.

        Args:
            confidence: in (0, 1).
            k: where to draw the band; every whole k up to the largest measured one by default.
            resamples: curves fitted; 300 take a fraction of a second.
            seed: of the resampling.

        Raises:
            DataError: the curve was written down, not fitted.
        """
        if self.data is None:
            raise DataError("this curve was not fitted, so it has no intervals: use DecayCurve.fit")
        if not 0 < confidence < 1:
            raise OptionError(f"confidence={confidence}: give a probability between 0 and 1")
        data, rng = self.data, np.random.default_rng(seed)
        grid = np.arange(data.k.max() + 1) if k is None else np.asarray(k, dtype=np.float64)
        rates = rng.beta(
            data.successes + 0.5, data.trials - data.successes + 0.5, (resamples, data.k.size)
        )
        fits = maximise(data.k, rates * data.trials, data.trials, data.asymptote)
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        band = fits[:, :1] * np.exp(-fits[:, 1:2] * grid) + fits[:, 2:]  # (resamples, K)
        low, high = np.quantile(band, tails, axis=0)
        (a0, b0, c0), (a1, b1, c1) = np.quantile(fits, tails, axis=0)
        b1 = math.inf if b1 >= 0.99 * steepest(data.k) else float(b1)
        return CurveIntervals(
            (float(a0), float(a1)), (float(b0), b1), (float(c0), float(c1)), grid, low, high,
            confidence,
        )  # fmt: skip


def _log_likelihood(rates: Floats, successes: Floats, trials: Floats) -> float:
    return float(
        (special.xlogy(successes, rates) + special.xlog1py(trials - successes, -rates)).sum()
    )
