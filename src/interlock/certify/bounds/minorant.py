"""From vote counts to a bound on any rising function of alpha, with no assumption on its law.

A prompt with refusal probability alpha has X ~ Binomial(r, alpha) refusals in r votes. Let f be the
quantity wanted, nondecreasing in alpha: the DSP of N copies, or the step "DSP >= tau". A step rule
w(X) = high where X >= t, else low, is a *minorant* of f when, for every alpha,

    E[w(X) | alpha] = low + (high - low) P(X >= t | alpha) <= f(alpha).

Then E[w(X)] <= E[f(alpha)] whatever the population of alphas, and E[w(X)] depends on one binomial
probability, P(X >= t), which Clopper and Pearson bound exactly from the share of prompts with at
least t refusals (:func:`~interlock.certify.bounds.groups.share_lower` does so where prompts come in
groups). The bound inherits their guarantee; there is no asymptotics anywhere.

(t, low, high) are chosen for a fixed reference population, never by looking at the votes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from interlock.certify.bounds.counts import lower_bound
from interlock.certify.bounds.groups import Labels, Standing, share_lower
from interlock.certify.bounds.laws import majority

Floats = NDArray[np.float64]

_CELLS, _COARSE = 20_000, 800
_HIGHS = (1e-9, 1e-7, 1e-5, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1)
_MOST_THRESHOLDS = 60

# The populations that rules are tuned for: nine prompts in ten are mostly refused, or almost
# always, and one hardly ever. They decide how tight a bound is, not whether it holds.
Reference = Literal["mixed", "sure"]
_REFERENCES: dict[Reference, Floats] = {
    "mixed": np.array([0.1, 0.8, 0.9, 0.95, 0.99, 1.0]),
    "sure": np.array([0.1, 0.97, 0.98, 0.99, 0.995, 1.0]),
}
_WEIGHTS = np.array([0.1, 0.18, 0.18, 0.18, 0.18, 0.18])


@dataclass(frozen=True)
class Estimand:
    """f, the function of alpha' (the *judged* refusal probability) that is to be bounded.

    True alpha >= (alpha' - missed) / (1 - missed - false_alarms), clipped to [0, 1]; then the
    chance that ``tries`` votes of ``copies``, each on new copies, all refuse, DSP ** tries, or the
    step DSP ** tries >= ``tau``; then, with a finite ``lipschitz``, the largest function below that
    rises no faster than that.
    """

    copies: int
    tau: float | None = None
    tries: int = 1
    missed: float = 0.0
    false_alarms: float = 0.0
    lipschitz: float = np.inf

    def complement(self, alpha: Floats) -> Floats:
        """1 - f on a rising grid that runs from 0 to 1; exact where f is within rounding of 1."""
        gain = 1 - self.missed - self.false_alarms
        if gain <= 0:
            return np.ones_like(alpha)
        failing = np.clip((1 - alpha - self.false_alarms) / gain, 0.0, 1.0)  # 1 - true alpha
        h = int(majority(self.copies))
        lost: Floats = special.betainc(self.copies - h + 1, h, failing)  # 1 - DSP
        if self.tries > 1:
            with np.errstate(divide="ignore"):
                lost = -np.expm1(self.tries * np.log1p(-lost))  # 1 - (1 - lost) ** tries
        if self.tau is not None:
            lost = np.where(lost <= 1 - self.tau, 0.0, 1.0)
        if np.isfinite(self.lipschitz):
            # f_s(x) = min over y <= x of f(y) + s (x - y); f taken one point to the left, so that
            # a y between grid points is covered too.
            rise = self.lipschitz * alpha
            lost = np.maximum.accumulate(np.append(lost[:1], lost[:-1]) + rise) - rise
            lost = np.clip(lost, 0.0, 1.0)
        return lost


@dataclass(frozen=True)
class StepRule:
    """w(X) = ``high`` where X >= ``threshold``, else ``low``: a minorant of its target."""

    threshold: int
    low: float
    high: float

    def bound(
        self,
        refusals: NDArray[np.int64],
        confidence: float,
        groups: Labels | None = None,
        standing: Standing | None = None,
    ) -> float:
        """The lower confidence bound of E[f(alpha)] from (n,) refusals per prompt; at least 0.

        With (n,) ``groups``, and perhaps members ``standing`` for each, the mean over a random
        group's random member, see :mod:`interlock.certify.bounds.groups`.
        """
        share = share_lower(refusals >= self.threshold, groups, confidence, standing)
        return max(0.0, self.low + (self.high - self.low) * share)


@lru_cache(maxsize=256)
def step_rule(target: Estimand, trials: int, reference: Reference = "mixed") -> StepRule:
    """The step rule on ``trials`` votes that serves the reference population best.

    Between grid points nothing is assumed but that f and P(X >= t) rise: in each cell f is taken
    at its left end and P(X >= t) at its right one. A coarse grid, without that care, picks the
    thresholds worth the fine one.
    """
    coarse = _grid(_COARSE)
    lost = target.complement(coarse)
    ranked = sorted(
        _thresholds(trials),
        key=lambda t: -_best_step(t, trials, lost, coarse, reference, strict=False)[0],
    )
    fine = _grid(_CELLS)
    lost = target.complement(fine)
    scored = [_best_step(t, trials, lost, fine, reference, strict=True) for t in ranked[:3]]
    return max(scored, key=lambda pair: pair[0])[1]


def _best_step(
    threshold: int,
    trials: int,
    lost: Floats,
    alpha: Floats,
    reference: Reference,
    *,
    strict: bool,
) -> tuple[float, StepRule]:
    """The best (low, high) at one threshold, and its bound on the reference population."""
    lost_f = lost[:-1]  # 1 - f at left ends
    at = alpha[1:] if strict else alpha[:-1]
    lost_s = special.betaincc(threshold, trials - threshold + 1, at)  # P(X < t)
    at_reference = special.betainc(threshold, trials - threshold + 1, _REFERENCES[reference])
    chance = float(_WEIGHTS @ at_reference)
    share = float(lower_bound(round(100 * chance), 100, 0.95))
    best, best_score = StepRule(trials, 0.0, 0.0), 0.0
    for shortfall in _HIGHS:
        # low (1 - S) + high S <= f, solved for low; written in complements to stay exact.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slack = np.where(shortfall >= lost_f, np.inf, (shortfall - lost_f) / lost_s)
        low = min(float(slack.min()) + 1 - shortfall, 1 - shortfall, 1 - float(lost_f[0]))
        score = low + (1 - shortfall - low) * share
        if np.isfinite(low) and score > best_score:
            best, best_score = StepRule(threshold, low - 1e-12, 1 - shortfall), score
    return best_score, best


def _grid(cells: int) -> Floats:
    return np.sin(np.linspace(0, np.pi / 2, cells + 1)) ** 2  # finest at both ends


def _thresholds(trials: int) -> list[int]:
    if trials <= _MOST_THRESHOLDS:
        return list(range(1, trials + 1))
    return sorted({round(v) for v in np.linspace(1, trials, _MOST_THRESHOLDS)})
