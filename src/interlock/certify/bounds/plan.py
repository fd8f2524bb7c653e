"""How many copies, and how much perturbation: the cheapest pair that reaches a target.

The answer is one of two types. :class:`Plan` holds numbers to deploy. :class:`NoPlan` holds the
reason why there are none and what would change that; it is false, and reading ``copies``, ``rate``
or ``dsp`` from it raises, so no program can take it for a success.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.laws import (
    changed_count,
    defense_probability,
    inverse_defense,
    suffix_survival,
)
from interlock.errors import DataError, OptionError
from interlock.names import PerturbationKind

Floats = NDArray[np.float64]
RATES = tuple(round(0.01 * step, 2) for step in range(1, 21))
"""q from 1 % to 20 %: the range that SmoothLLM and the certificate's paper study."""


@dataclass(frozen=True)
class Plan:
    """The cheapest (q, N) that reaches the target: fewest copies, then the least perturbation.

    Like ``Certificate`` it trusts the curve, and that prompts of one length share one alpha.

    Attributes:
        rate: q, the share of characters changed.
        copies: N, the calls to the model for each prompt.
        dsp: the defence success probability reached, averaged over the prompts' lengths.
        alpha: the average refusal probability of one copy.
        k, epsilon: the instability the plan rests on. Where the curve does not fall to the
            epsilon asked for, that at which its fall, or the suffix, is over.
        target: the DSP asked for.
    """

    rate: float
    copies: int
    dsp: float
    alpha: float
    k: int
    epsilon: float
    target: float

    def __str__(self) -> str:
        return (
            f"{self.copies} {'copy' if self.copies == 1 else 'copies'} with {self.rate:.0%} of "
            f"the characters changed: DSP {self.dsp:.4f} (alpha {self.alpha:.3f}, "
            f"k={self.k}, epsilon={self.epsilon:g})"
        )


@dataclass(frozen=True)
class NoPlan:
    """No (q, N) reaches the target. Its truth value is False.

    Attributes:
        reason: ``"voting hurts"`` where alpha <= 1/2 at every q allowed, else ``"out of reach"``.
        target: the DSP asked for.
        best_possible: the highest DSP of the pairs allowed, below ``target``; of one copy alone
            where voting hurts.
        alpha_reached: the highest average alpha among the q allowed.
        alpha_needed: the alpha at which the most copies allowed would reach the target.
        remedies: what would make a plan possible, each a sentence. None where the attack succeeds
            at least half of the time whatever is changed: no setting helps then.
        undefended: ASR(0), the attack's success with nothing changed, by the curve; None without.
        disturbed: its success with the whole suffix changed, likewise.
    """

    reason: Literal["voting hurts", "out of reach"]
    target: float
    best_possible: float
    alpha_reached: float
    alpha_needed: float
    remedies: tuple[str, ...]
    undefended: float | None = None
    disturbed: float | None = None

    def __bool__(self) -> bool:
        return False

    @property
    def copies(self) -> NoReturn:
        """Raises: there is no number of copies."""
        raise OptionError(str(self))

    @property
    def rate(self) -> NoReturn:
        """Raises: there is no rate."""
        raise OptionError(str(self))

    @property
    def dsp(self) -> NoReturn:
        """Raises: there is no certified probability."""
        raise OptionError(str(self))

    def __str__(self) -> str:
        head = f"no plan reaches DSP {self.target:g}: "
        if self.undefended is not None and self.disturbed is not None and not self.remedies:
            head += (
                f"the attack succeeds with probability {self.undefended:.3f} as it is and still "
                f"{self.disturbed:.3f} with its whole suffix changed; "
            )
        head += (
            f"one copy is refused with probability {self.alpha_reached:.3f} at best, and below one "
            "half more votes make things worse"
            if self.reason == "voting hurts"
            else f"the best allowed is {self.best_possible:.4f}"
        )
        return f"{head}. What would: {'; '.join(self.remedies)}." if self.remedies else f"{head}."


def plan(
    target: float = 0.95,
    *,
    length: int | Sequence[int] = 240,
    suffix_length: int | Sequence[int] = 100,
    curve: DecayCurve | None = None,
    epsilon: float = 0.05,
    k: int | None = None,
    perturbation: PerturbationKind = "swap",
    rates: Sequence[float] = RATES,
    max_copies: int = 25,
    odd: bool = True,
    paper: bool = False,
) -> Plan | NoPlan:
    """The cheapest (q, N) whose DSP is at least ``target``, or why there is none.

    Args:
        target: DSP wanted, in (0.5, 1).
        length: m of the attack, or of many attacks, over which DSP is then averaged, each with its
            own alpha.
        suffix_length: m_S, as many as of m.
        curve: ASR(k); gives Proposition 2, and k unless it is given: ``threshold(epsilon)``, or,
            where the curve does not fall to epsilon within the suffix, the k from which on it falls
            by no more than 1 % of ``a`` (the longest m_S at most), with epsilon = ASR(k). So a plan
            needs no epsilon above the asymptote.
        epsilon: success rate that remains at k, in [0, 1].
        k: needed without a curve.
        perturbation: ``"swap"``, ``"patch"`` or ``"insert"``.
        rates: the q to choose from, each in [0, 1].
        max_copies: the largest N to consider.
        odd: consider odd N only, as the paper does; an even N lets ties refuse.
        paper: exactly floor(q m) changes, even none.

    Raises:
        OptionError: a value outside its range.
    """
    if not 0.5 < target < 1:
        raise OptionError(f"target={target}: give a probability above one half and below 1")
    if max_copies < 1 or not len(rates):
        raise OptionError("plan needs max_copies of at least 1 and at least one rate")
    if k is None and curve is None:
        raise OptionError("plan needs a curve, or k with its epsilon")
    if (k is not None and k < 0) or not 0 <= epsilon <= 1:
        raise OptionError(f"k={k}, epsilon={epsilon}: give k >= 0 and epsilon from 0 to 1")
    m, m_s = _lengths(length, suffix_length)
    if k is None and curve is not None:
        k, epsilon = _instability(curve, epsilon, int(m_s.max()))
    assert k is not None
    setting = _Setting(m, m_s, perturbation, curve, k, epsilon, paper)
    q = np.unique(np.asarray(rates, dtype=np.float64))
    alpha = setting.alpha(q)  # (Q, P)
    n = np.arange(1, max_copies + 1, 2 if odd else 1)
    dsp = np.stack([defense_probability(alpha, N).mean(axis=1) for N in n])  # (N, Q)
    hits = np.argwhere((dsp >= target) & (alpha.mean(axis=1) > 0.5))
    if hits.size:
        i, j = hits[0]  # rows first: fewest copies, then the smallest q
        return Plan(
            float(q[j]), int(n[i]), float(dsp[i, j]), float(alpha[j].mean()), k, epsilon, target
        )
    return _no_plan(setting, target, q, alpha, n, dsp)


@dataclass(frozen=True)
class _Setting:
    length: NDArray[np.int64]
    suffix_length: NDArray[np.int64]
    perturbation: PerturbationKind
    curve: DecayCurve | None
    k: int
    epsilon: float
    paper: bool

    def alpha(self, rates: Floats, *, epsilon: float | None = None) -> Floats:
        """(Q, P) refusal probability of one copy, Proposition 2 with a curve, else 1."""
        remains = self.epsilon if epsilon is None else epsilon
        changed = changed_count(self.length, rates[:, None], paper=self.paper)  # (Q, P)
        at_least = suffix_survival(
            self.perturbation,
            self.length[:, None],
            self.suffix_length[:, None],
            changed[..., None],
            np.arange(self.k + 1),
        )  # (Q, P, k + 1)
        alpha = (1 - remains) * at_least[..., -1]
        if self.curve is not None:
            alpha = alpha - np.diff(at_least, axis=-1) @ (1 - self.curve(np.arange(self.k)))
        return np.clip(alpha, 0.0, 1.0)


def _instability(curve: DecayCurve, epsilon: float, longest: int) -> tuple[int, float]:
    """k and epsilon: those asked for, or where the curve's fall (or the suffix) is over."""
    if curve.reaches(epsilon) and curve.threshold(epsilon) <= longest:
        return curve.threshold(epsilon), epsilon
    k = min(curve.settled(), longest)
    return k, float(curve(k))


def _no_plan(
    setting: _Setting,
    target: float,
    rates: Floats,
    alpha: Floats,
    copies: NDArray[np.int64],
    dsp: Floats,
) -> NoPlan:
    undefended = disturbed = None
    if setting.curve is not None:
        undefended, disturbed = map(float, setting.curve([0, int(setting.suffix_length.max())]))
    most = int(copies[-1])
    needed = float(inverse_defense(target, most))
    reached = float(alpha.mean(axis=1).max())
    remedies = [f"a single copy refused with probability {needed:.3f} or more (now {reached:.3f})"]
    larger = np.arange(1, 101) / 100
    larger = larger[larger > rates.max()]
    if larger.size:
        reach = _reaches(setting.alpha(larger), most, target)
        if reach.any():
            q = larger[int(np.argmax(reach))]
            remedies.append(f"q = {q:.0%} with {most} copies, if benign prompts survive it")
    if setting.epsilon > 0 and _reaches(setting.alpha(rates, epsilon=0.0), most, target).any():
        low, high = 0.0, setting.epsilon
        for _ in range(30):
            middle = (low + high) / 2
            ok = _reaches(setting.alpha(rates, epsilon=middle), most, target).any()
            low, high = (middle, high) if ok else (low, middle)
        if low >= 0.0005:
            remedies.append(f"an attack that succeeds at most {low:.3f} of the time from k on")
    if reached > 0.5:
        best = alpha[int(np.argmax(alpha.mean(axis=1)))]
        more = 2 * np.unique(np.geomspace(most, 5000, 60).astype(np.int64)) + 1
        enough = [N for N in more if defense_probability(best, N).mean() >= target]
        if enough:
            remedies.append(f"about {int(enough[0])} copies")
    if len(remedies) == 1:
        remedies.append("another perturbation, a shorter prompt around the suffix, a sterner model")
    if disturbed is not None and disturbed >= 0.5:
        remedies = []
    reason: Literal["voting hurts", "out of reach"] = (
        "voting hurts" if reached <= 0.5 else "out of reach"
    )
    best_dsp = reached if reached <= 0.5 else float(dsp[:, alpha.mean(axis=1) > 0.5].max())
    return NoPlan(reason, target, best_dsp, reached, needed, tuple(remedies), undefended, disturbed)


def _reaches(alpha: Floats, copies: int, target: float) -> NDArray[np.bool_]:
    """(Q,) whether ``copies`` reach the target at each rate, with more refused than not."""
    dsp = defense_probability(alpha, copies).mean(axis=1)
    reaches: NDArray[np.bool_] = (dsp >= target) & (alpha.mean(axis=1) > 0.5)
    return reaches


def _lengths(
    length: int | Sequence[int], suffix_length: int | Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    m, m_s = np.atleast_1d(np.asarray(length)), np.atleast_1d(np.asarray(suffix_length))
    try:
        m, m_s = np.broadcast_arrays(m, m_s)
    except ValueError as error:
        raise DataError(
            f"length has {m.size} values and suffix_length {m_s.size}; give equally many"
        ) from error
    if m.ndim != 1 or m.size == 0 or np.any(m < 1):
        raise OptionError("length: give the characters of each prompt, at least 1")
    return m.astype(np.int64), m_s.astype(np.int64)
