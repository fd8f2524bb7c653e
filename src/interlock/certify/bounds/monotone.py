"""A certificate from counts that needs no fitted curve and no choice of k.

A fit is not a bound. Here each measured ASR(k) gets an exact upper bound (Clopper and Pearson,
1934) at a confidence split over all measured k (Bonferroni), so that all hold together; then

    alpha >= sum over i of (1 - U(i)) P(X = i),

which is Proposition 2 with the asymptote, the sampling error and the choice of k inside one
confidence statement: for every k at once, epsilon = U(k).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from interlock.certify.bounds.counts import check_counts, upper_bound
from interlock.certify.bounds.laws import changed_count, defense_probability, majority, suffix_pmf
from interlock.certify.bounds.minorant import Estimand, step_rule
from interlock.errors import OptionError
from interlock.names import PerturbationKind

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MonotoneCurve:
    """ASR(k) without a formula: a falling estimate, and upper bounds that hold for all k at once.

    Attributes:
        k: (K,) distinct numbers of changed characters, rising.
        rate: (K,) the isotonic (pool-adjacent-violators) estimate, non-increasing.
        upper: (K,) simultaneous upper bounds.
        confidence: that every bound holds.
        falling: whether ASR is taken never to rise with k. Then a bound at k serves all larger
            k; otherwise nothing is claimed at a k that was not measured.
    """

    k: NDArray[np.int64]
    rate: Floats
    upper: Floats
    confidence: float
    falling: bool = True

    @classmethod
    def fit(
        cls,
        k: ArrayLike,
        successes: ArrayLike,
        trials: ArrayLike,
        *,
        confidence: float = 0.95,
        falling: bool = True,
    ) -> MonotoneCurve:
        """The curve of counts (K,), with simultaneous bounds at ``confidence``.

        The trials at one k must be of different prompts, drawn from the population: several tries
        of one prompt are no independent evidence about the others.

        Raises:
            DataError: counts that are no counts.
        """
        k_, s_, n_ = check_counts(k, successes, trials)
        distinct, which = np.unique(k_.astype(np.int64), return_inverse=True)
        s = np.bincount(which, s_).astype(np.float64)
        n = np.bincount(which, n_).astype(np.float64)
        if not 0 < confidence < 1:
            raise OptionError(f"confidence={confidence}: give a probability between 0 and 1")
        upper = upper_bound(s, n, 1 - (1 - confidence) / distinct.size)
        if falling:
            upper = np.minimum.accumulate(upper)
        rate = isotonic_regression(s / n, weights=n, increasing=False).x
        return cls(distinct, rate, upper, confidence, falling)

    def bound(self, k: ArrayLike) -> Floats:
        """U(k), an upper bound on ASR at every whole k >= 0: all at once, at ``confidence``."""
        wanted = np.asarray(k, dtype=np.int64)
        before = np.searchsorted(self.k, wanted, side="right") - 1
        bound = np.where(before >= 0, self.upper[np.maximum(before, 0)], 1.0)
        if not self.falling:
            bound = np.where(np.isin(wanted, self.k), bound, 1.0)
        return bound

    def threshold(self, epsilon: float) -> int:
        """The smallest measured k whose bound is at most ``epsilon``.

        Raises:
            OptionError: no measured k gets there; more trials or larger k are needed.
        """
        reached = np.flatnonzero(self.upper <= epsilon)
        if not reached.size:
            raise OptionError(
                f"epsilon={epsilon}: the lowest bound these counts give is {self.upper.min():.4g}; "
                "measure more attacks, or more changed characters"
            )
        return int(self.k[reached[0]])


@dataclass(frozen=True)
class MeasuredCertificate:
    """What counts of ASR(k) alone certify, with the curve's own confidence.

    Attributes:
        curve: the simultaneous bounds on ASR(k), the population's average at each k.
        length, suffix_length, rate, copies, perturbation, paper: as in ``Certificate``.
    """

    curve: MonotoneCurve
    length: int = 240
    suffix_length: int = 100
    rate: float = 0.10
    copies: int = 11
    perturbation: PerturbationKind = "swap"
    paper: bool = False

    def __post_init__(self) -> None:
        if self.length < 1:
            raise OptionError(f"length={self.length}: an empty prompt has nothing to certify")
        majority(self.copies)

    @cached_property
    def alpha_lower(self) -> float:
        """A lower confidence bound on the *average* alpha of the population."""
        changed = int(changed_count(self.length, self.rate, paper=self.paper))
        law = suffix_pmf(self.perturbation, self.length, self.suffix_length, changed)
        return float(np.clip((1 - self.curve.bound(np.arange(law.size))) @ law, 0.0, 1.0))

    @property
    def dsp_if_alike(self) -> float:
        """DSP at ``alpha_lower``: a bound only if every prompt has the same alpha."""
        return float(defense_probability(self.alpha_lower, self.copies))

    @property
    def dsp_lower(self) -> float:
        """A bound on E[DSP] whatever the spread of alpha around its average.

        The tangent from (1, 1) below DSP(alpha): all that an average can prove. Votes prompt by
        prompt (``PopulationCertificate``) prove more.
        """
        rule = step_rule(Estimand(self.copies), 1)  # one vote: E[w] is a straight line in alpha
        return max(0.0, rule.low + (rule.high - rule.low) * self.alpha_lower)
