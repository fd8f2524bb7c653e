"""How many characters of an adversarial suffix a perturbation changes, and what a vote makes of it.

Notation of arXiv 2511.18721: m characters in the prompt, the last m_S of them adversarial, M
changed, X of these in the suffix, N copies, alpha the probability that one copy is refused.
Every function broadcasts over its array arguments.

The law of X, exactly:

* swap: hypergeometric(m, m_S, M).
* patch: the block's start is uniform on 0..m-M, and X is its overlap with the suffix.
* insert: M distinct characters get a new one in front, so X, the suffix characters so
  broken off, is hypergeometric(m, m_S, M) too. The k of a (k, epsilon)-unstable suffix must then
  count insertions: a curve measured with swaps says nothing about it.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from interlock.errors import OptionError
from interlock.names import PerturbationKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def changed_count(length: ArrayLike, rate: ArrayLike, *, paper: bool = False) -> Ints:
    """M = floor(q m), at least 1 where q > 0 and m > 0; exactly floor(q m) with ``paper``.

    Rounding noise is forgiven: q = 0.29, m = 100 gives 29, not the 28 of binary fractions.
    """
    m, q = np.asarray(length, dtype=np.int64), np.asarray(rate, dtype=np.float64)
    _need(bool(np.all(m >= 0)), f"length={length!r}: give a number of characters, at least 0")
    _need(bool(np.all((q >= 0) & (q <= 1))), f"rate={rate!r}: give a share from 0 to 1")
    counts = np.floor(q * m + 1e-9).astype(np.int64)
    return counts if paper else np.where((q > 0) & (m > 0), np.maximum(counts, 1), counts)


def suffix_pmf(kind: PerturbationKind, length: int, suffix_length: int, changed: int) -> Floats:
    """P(X = i) for i = 0..m_S, as an array of m_S + 1 that sums to 1.

    Raises:
        OptionError: not 0 <= m_S <= m, or not 0 <= M <= m.
    """
    tail = suffix_survival(kind, length, suffix_length, changed, np.arange(suffix_length + 2))
    return -np.diff(tail)


def suffix_survival(
    kind: PerturbationKind,
    length: ArrayLike,
    suffix_length: ArrayLike,
    changed: ArrayLike,
    k: ArrayLike,
) -> Floats:
    """P(X >= k), broadcast over all arguments.

    Raises:
        OptionError: a count that does not fit, such as a suffix longer than the prompt.
    """
    if kind not in get_args(PerturbationKind):
        raise OptionError(f"perturbation={kind!r}: choose swap, patch or insert")
    m, m_s, M, k_ = (np.asarray(v, dtype=np.int64) for v in (length, suffix_length, changed, k))
    _need(bool(np.all(m_s >= 0)), f"suffix_length={suffix_length!r}: give at least 0")
    _need(
        bool(np.all(m_s <= m)),
        f"suffix_length={suffix_length!r}: longer than the prompt (length={length!r}); "
        "length counts the whole prompt, suffix included",
    )
    _need(
        bool(np.all((M >= 0) & (m >= M))), f"changed={changed!r}: give 0 to {length!r}, the length"
    )
    if kind == "patch":
        return _patch_survival(m, m_s, M, k_)
    return np.asarray(stats.hypergeom.sf(k_ - 1, m, m_s, M), dtype=np.float64)


def _patch_survival(m: Ints, m_s: Ints, M: Ints, k: Ints) -> Floats:
    places = m - M + 1
    # A block that starts at s overlaps the suffix in M - max(0, m - m_S - s) characters, if any,
    # so the overlap reaches k exactly where s >= m - m_S - M + k.
    first = np.maximum(m - m_s - M + k, 0)
    share = np.clip(places - first, 0, None) / places
    return np.where(k <= 0, 1.0, np.where(k > np.minimum(m_s, M), 0.0, share))


def majority(copies: ArrayLike) -> Ints:
    """ceil(N / 2), the refusals that decide: with even N a tie is a refusal."""
    n = np.asarray(copies, dtype=np.int64)
    _need(bool(np.all(n >= 1)), f"copies={copies!r}: give a whole number of copies, at least 1")
    return -(-n // 2)


def defense_probability(alpha: ArrayLike, copies: ArrayLike) -> Floats:
    """DSP = P(Binomial(N, alpha) >= ceil(N / 2)), broadcast over both arguments.

    The chance that the vote refuses a prompt each of whose copies is refused with ``alpha``.
    """
    a, n = np.asarray(alpha, dtype=np.float64), np.asarray(copies, dtype=np.int64)
    _need(bool(np.all((a >= 0) & (a <= 1))), "alpha: give probabilities from 0 to 1")
    h = majority(n)
    return np.asarray(special.betainc(h, n - h + 1, a), dtype=np.float64)


def defense_slope(alpha: ArrayLike, copies: ArrayLike) -> Floats:
    """dDSP / dalpha = N Binom(ceil(N / 2) - 1; N - 1, alpha)."""
    a, n = np.asarray(alpha, dtype=np.float64), np.asarray(copies, dtype=np.int64)
    h = majority(n)
    log_choose = special.gammaln(n) - special.gammaln(h) - special.gammaln(n - h + 1)
    log_slope = log_choose + special.xlogy(h - 1, a) + special.xlog1py(n - h, -a)
    return np.asarray(n * np.exp(log_slope), dtype=np.float64)


def inverse_defense(target: ArrayLike, copies: ArrayLike) -> Floats:
    """The alpha at which N copies reach DSP = ``target``: what a prompt needs, at least."""
    h, n = majority(copies), np.asarray(copies, dtype=np.int64)
    alpha = special.betaincinv(h, n - h + 1, np.asarray(target, dtype=np.float64))
    return np.asarray(alpha, dtype=np.float64)


def smallest_copies(
    alpha: float, target: float, *, odd: bool = True, at_most: int = 10_001
) -> int | None:
    """The smallest N with DSP >= ``target``, or None where no N up to ``at_most`` has it.

    ``odd`` leaves out even N, as the paper does: a tie counts as a refusal, so an even N flatters
    the certificate at the benign user's cost.
    """
    _need(0 < target <= 1, f"target={target}: give a probability above 0, at most 1")
    n = np.arange(1, at_most + 1, 2 if odd else 1)
    reached = np.flatnonzero(defense_probability(alpha, n) >= target)
    return int(n[reached[0]]) if reached.size else None


def _need(holds: bool, message: str) -> None:
    if not holds:
        raise OptionError(message)
