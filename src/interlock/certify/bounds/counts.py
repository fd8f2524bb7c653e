"""Exact one-sided bounds on a success probability, and the checks that counts are counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from interlock.errors import DataError, OptionError

Floats = NDArray[np.float64]


def lower_bound(successes: ArrayLike, trials: ArrayLike, confidence: ArrayLike) -> Floats:
    """The exact lower confidence bound of a binomial probability (Clopper and Pearson, 1934).

    Broadcasts. The bound exceeds the truth with probability at most 1 - confidence, whatever the
    truth; no trials or no successes give 0.
    """
    s, n, level = _checked(successes, trials, confidence)
    safe = np.maximum(s, 1)
    bound = special.betaincinv(safe, np.maximum(n - s, 0) + 1, 1 - level)
    return np.asarray(np.where(s == 0, 0.0, bound), dtype=np.float64)


def upper_bound(successes: ArrayLike, trials: ArrayLike, confidence: ArrayLike) -> Floats:
    """The exact upper confidence bound; no trials, or nothing but successes, give 1."""
    s, n, level = _checked(successes, trials, confidence)
    return 1.0 - lower_bound(n - s, n, level)


def groups_needed(target: float, failures: int, confidence: float) -> int:
    """The fewest trials of which all but ``failures`` succeed, that give such a lower bound.

    Args:
        target: the bound, in (0, 1).
        failures: >= 0.
        confidence: in (0, 1).

    Raises:
        OptionError: a target or confidence outside (0, 1).
    """
    if not 0 < target < 1:
        raise OptionError(f"target={target}: give a probability between 0 and 1")

    def enough(trials: int) -> bool:
        return bool(lower_bound(trials - failures, trials, confidence) >= target)

    high = failures + 1
    while not enough(high):
        high *= 2
    low = high // 2  # too few, or fewer than failures
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle > failures and enough(middle) else (middle, high)
    return high


def joint_confidence(confidence: float, families: int) -> float:
    """The confidence to ask of each of F bounds, so that all hold together at ``confidence``.

    Bonferroni's split, 1 - (1 - confidence) / F: valid however the bounds depend on each other.
    Holm's refinement sharpens tests, not bounds: a bound that may use the rest of an error
    probability only where others hold is none by itself.

    Raises:
        OptionError: a confidence outside (0, 1), or no family.
    """
    if not 0 < confidence < 1 or families < 1:
        raise OptionError(
            f"confidence={confidence}, families={families}: give a probability between 0 and 1, "
            "and at least 1 family"
        )
    return 1 - (1 - confidence) / families


def _checked(s: ArrayLike, n: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats, Floats]:
    s_, n_ = np.asarray(s, dtype=np.float64), np.asarray(n, dtype=np.float64)
    level_ = np.asarray(level, dtype=np.float64)
    if np.any((s_ < 0) | (s_ > n_)):
        raise DataError("counts: successes must lie between 0 and the number of trials")
    if np.any((level_ <= 0) | (level_ >= 1)):
        raise OptionError(f"confidence={level_.tolist()}: give a probability between 0 and 1")
    return s_, n_, level_


def check_counts(
    k: ArrayLike, successes: ArrayLike, trials: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """k, successes and trials as float arrays of one length (K,).

    Raises:
        DataError: unequal lengths, nothing measured, rates in place of counts, or k below 0.
    """
    try:
        k_, s, n = (np.asarray(v, dtype=np.float64) for v in (k, successes, trials))
    except (TypeError, ValueError) as error:
        raise DataError(f"k, successes and trials must be numbers: {error}") from error
    n = np.broadcast_to(n, k_.shape) if n.ndim == 0 else n  # one number of trials for all
    if not (k_.ndim == 1 and k_.shape == s.shape == n.shape):
        raise DataError(
            f"k, successes and trials must be three lists of one length; "
            f"got shapes {k_.shape}, {np.shape(successes)} and {np.shape(trials)}"
        )
    if k_.size == 0:
        raise DataError(
            "no counts: measure the attack at one number of changed characters at least"
        )
    for name, values in (("k", k_), ("successes", s), ("trials", n)):
        if not np.all(np.isfinite(values) & (values >= 0) & (values == np.floor(values))):
            raise DataError(f"{name}: give whole numbers >= 0; counts, not rates")
    if np.any(n < 1) or np.any(s > n):
        raise DataError("each k needs at least one trial and no more successes than trials")
    return k_.copy(), s.copy(), n.copy()
