"""Maximum likelihood of a exp(-b k) + c for many tables of counts at once.

Fisher scoring with Levenberg's damping. The constraints a, b, c >= 0 and a + c <= 1 are kept by the
coordinates level = a + c, b and share = c / (a + c), each the logistic or exponential of a free
number; an optimum on an edge is approached and then put there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
_EDGE = 14.0  # logit of a share within 1e-6 of an edge
_STEPS = 80


def maximise(k: Floats, successes: Floats, trials: Floats, asymptote: float | None) -> Floats:
    """(R, 3) the a, b, c of greatest likelihood for each of R tables.

    Args:
        k: (K,) changed characters.
        successes: (R, K), need not be whole.
        trials: (K,).
        asymptote: c, where it is held.
    """
    reach = max(float(k.max()), 1.0)
    top = special.logit(np.clip((successes / trials).max(axis=1), 0.01, 0.99))  # (R,)
    best = np.full(len(successes), -np.inf)
    chosen = np.zeros((len(successes), 3))
    for speed in (0.7, 2.5, 9.0):
        start = np.stack(
            [top, np.full_like(top, np.log(speed / reach)), np.full_like(top, -2.0)], axis=1
        )
        x, fit = _score(start, k, successes, trials, asymptote)
        better = fit > best + 1e-9
        best, chosen = np.where(better, fit, best), np.where(better[:, None], x, chosen)
    return _curve(chosen, k, asymptote)


def steepest(k: Floats) -> float:
    """The largest b that counts can tell from infinity: gone to 1e-9 within one step of k."""
    steps = np.diff(np.unique(k))
    return 20.0 / float(steps.min()) if steps.size else 20.0


def _score(
    x: Floats, k: Floats, successes: Floats, trials: Floats, asymptote: float | None
) -> tuple[Floats, Floats]:
    damping = np.full(len(x), 1e-2)
    free = np.array([True, True, asymptote is None])
    low = np.array([-_EDGE, np.log(1e-6 * steepest(k)), -_EDGE])
    high = np.array([_EDGE, np.log(steepest(k)), _EDGE])
    p, slope = _rates(x, k, asymptote)
    fit = _likelihood(p, successes, trials)
    for _ in range(_STEPS):
        weight = trials / (p * (1 - p))  # (R, K)
        gradient = np.einsum("rk,rki->ri", (successes / trials - p) * weight, slope)
        fisher = np.einsum("rk,rki,rkj->rij", weight, slope, slope)
        diagonal = np.einsum("rii->ri", fisher)
        fisher = fisher + np.einsum(
            "ri,ij->rij", damping[:, None] * (diagonal + 1e-3) + 1e-9, np.eye(3)
        )
        step = np.linalg.solve(fisher, gradient[..., None])[..., 0]
        proposal = np.clip(x + np.clip(step, -3, 3) * free, low, high)
        p_new, slope_new = _rates(proposal, k, asymptote)
        fit_new = _likelihood(p_new, successes, trials)
        ok = fit_new >= fit
        gain = np.where(ok, fit_new - fit, np.inf).max()
        x, fit = np.where(ok[:, None], proposal, x), np.where(ok, fit_new, fit)
        p, slope = np.where(ok[:, None], p_new, p), np.where(ok[:, None, None], slope_new, slope)
        damping = np.clip(np.where(ok, damping / 4, damping * 8), 1e-8, 1e8)
        if gain < 1e-10 and ok.all():
            break
    return x, fit


def _rates(x: Floats, k: Floats, asymptote: float | None) -> tuple[Floats, Floats]:
    """ASR at each k, (R, K), and its derivative by the free coordinates, (R, K, 3)."""
    level, b, share = special.expit(x[:, :1]), np.exp(x[:, 1:2]), special.expit(x[:, 2:])
    decay = np.exp(-b * k)
    if asymptote is None:
        p = level * (share + (1 - share) * decay)
        by_level = p * (1 - level)
        by_b = -level * (1 - share) * decay * k * b
        by_share = level * (1 - decay) * share * (1 - share)
    else:
        a = (1 - asymptote) * level
        p = a * decay + asymptote
        by_level = a * decay * (1 - level)
        by_b = -a * decay * k * b
        by_share = np.zeros_like(p)
    return np.clip(p, 1e-12, 1 - 1e-12), np.stack([by_level, by_b, by_share], axis=2)


def _curve(x: Floats, k: Floats, asymptote: float | None) -> Floats:
    level, b, share = special.expit(x[:, 0]), np.exp(x[:, 1]), special.expit(x[:, 2])
    share = np.where(x[:, 2] <= 1 - _EDGE, 0.0, share)
    if asymptote is not None:
        return np.stack([(1 - asymptote) * level, b, np.full_like(b, asymptote)], axis=1)
    a, c = level * (1 - share), level * share
    # A curve that does not fall over the measured k has one form: a = b = 0.
    flat = a * np.exp(-b * k.min()) * -np.expm1(-b * np.ptp(k)) < 1e-5
    c = np.where(flat, a * np.exp(-b * k.mean()) + c, c)
    return np.stack([np.where(flat, 0.0, a), np.where(flat, 0.0, b), c], axis=1)


def _likelihood(p: Floats, successes: Floats, trials: Floats) -> Floats:
    out: Floats = (special.xlogy(successes, p) + special.xlog1py(trials - successes, -p)).sum(
        axis=1
    )
    return out
