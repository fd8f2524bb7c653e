"""The published certificate: one prompt, or prompts that all share one alpha (arXiv 2511.18721)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.laws import (
    changed_count,
    defense_probability,
    defense_slope,
    majority,
    smallest_copies,
    suffix_survival,
)
from interlock.errors import OptionError
from interlock.names import PerturbationKind


@dataclass(frozen=True)
class Certificate:
    """A lower bound on the defence success probability of a (k, epsilon)-unstable attack.

    What it takes on trust: that the attack is (k, epsilon)-unstable, that ``curve`` is its true
    success rate, and that **every prompt has the same alpha**. Where prompts differ, the average
    alpha overstates the vote; :class:`~interlock.certify.PopulationCertificate` needs none of it.

    Attributes:
        k: changed suffix characters that break the attack, >= 0.
        epsilon: the success rate that remains from k on, in [0, 1]; 0 is SmoothLLM's k-unstable.
        length: m, the characters of the whole prompt, >= 1.
        suffix_length: m_S, the adversarial ones among them (for a patch, the last), 0 to m.
        rate: q, the share of characters changed, in [0, 1].
        copies: N, the votes; with even N a tie is a refusal.
        perturbation: ``"swap"``, ``"patch"`` or ``"insert"``.
        curve: ASR(i); with it ``alpha`` is the sharper Proposition 2.
        paper: change exactly floor(q m) characters, even where that is none.

    Raises:
        OptionError: a value outside its range.
    """

    k: int
    epsilon: float = 0.05
    length: int = 240
    suffix_length: int = 100
    rate: float = 0.10
    copies: int = 11
    perturbation: PerturbationKind = "swap"
    curve: DecayCurve | None = None
    paper: bool = False

    def __post_init__(self) -> None:
        if self.k < 0:
            raise OptionError(f"k={self.k}: give a number of characters, at least 0")
        if not 0 <= self.epsilon <= 1:
            raise OptionError(f"epsilon={self.epsilon}: give a success rate from 0 to 1")
        if self.length < 1:
            raise OptionError(f"length={self.length}: an empty prompt has nothing to certify")
        majority(self.copies)
        suffix_survival(self.perturbation, self.length, self.suffix_length, self.changed, self.k)

    @cached_property
    def changed(self) -> int:
        """M, the characters changed in each copy."""
        return int(changed_count(self.length, self.rate, paper=self.paper))

    @cached_property
    def hit_probability(self) -> float:
        """P(X >= k): the chance that a copy changes at least k suffix characters."""
        return float(
            suffix_survival(
                self.perturbation, self.length, self.suffix_length, self.changed, self.k
            )
        )

    @cached_property
    def alpha_conservative(self) -> float:
        """Proposition 1: (1 - epsilon) P(X >= k), a lower bound on the refusal of one copy."""
        return (1 - self.epsilon) * self.hit_probability

    @cached_property
    def alpha(self) -> float:
        """Proposition 2 where ``curve`` is given, Proposition 1 otherwise.

        Proposition 2 adds sum over i < k of (1 - ASR(i)) P(X = i): a copy with fewer changes still
        fails sometimes.
        """
        if self.curve is None:
            return self.alpha_conservative
        i = np.arange(min(self.k, self.suffix_length + 1) + 1)
        tail = suffix_survival(self.perturbation, self.length, self.suffix_length, self.changed, i)
        few = float((1 - self.curve(i[:-1])) @ -np.diff(tail))
        return min(1.0, few + self.alpha_conservative)

    @cached_property
    def dsp(self) -> float:
        """P(Binomial(N, alpha) >= ceil(N / 2)): the chance that the vote refuses, by ``alpha``."""
        return float(defense_probability(self.alpha, self.copies))

    @cached_property
    def dsp_conservative(self) -> float:
        """The same by ``alpha_conservative`` (Proposition 1)."""
        return float(defense_probability(self.alpha_conservative, self.copies))

    @cached_property
    def sensitivity(self) -> float:
        """d dsp / d epsilon = -P(X >= k) N Binom(ceil(N / 2) - 1; N - 1, alpha), with k held."""
        return -self.hit_probability * float(defense_slope(self.alpha, self.copies))

    @property
    def voting_helps(self) -> bool:
        """Whether alpha exceeds 1/2, so that more copies raise the defence and not lower it."""
        return self.alpha > 0.5

    def smallest_copies(self, target: float, *, odd: bool = True) -> int | None:
        """The smallest N with dsp >= ``target``; None where no number of copies reaches it."""
        if self.alpha <= 0.5 and target > float(defense_probability(self.alpha, 1 if odd else 2)):
            return None  # at or below one half, one copy (or two, a tie refusing) is the best vote
        return smallest_copies(self.alpha, target, odd=odd)
