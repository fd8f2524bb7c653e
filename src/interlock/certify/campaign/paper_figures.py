"""Figures 1, 2 and 4 of arXiv 2511.18721, drawn from its formulas and reported constants.

The layout is ours; the numbers follow from the published a, b, c, m = 240 and m_S = 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interlock.certify.bounds.certificate import Certificate
from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.laws import changed_count, defense_probability, suffix_survival
from interlock.certify.campaign.figure import DPI

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_CURVES = {
    "swap": DecayCurve(0.2921, 0.3756, 0.0133),
    "patch": DecayCurve(0.1650, 0.1121, 0.0427),
}
"""ASR(k) of GCG on Llama 2, by perturbation, as reported."""

_LENGTH, _SUFFIX, _TARGET = 240, 100, 0.95
_COPIES = np.arange(1, 26, 2)


def paper_figures() -> dict[str, Figure]:
    """``figure-1`` (the attack's decay), ``figure-2`` (DSP by epsilon and copies) and ``figure-4``
    (Proposition 1 against 2 at k = 8), as matplotlib figures that no backend has shown.
    """
    return {"figure-1": figure_1(), "figure-2": figure_2(), "figure-4": figure_4()}


def figure_1() -> Figure:
    """The success rate of GCG on Llama 2 after k changed characters, and where it meets epsilon."""
    figure, (swap, patch) = _panels(2)
    k = np.linspace(0, 40, 401)
    for axes, (name, curve) in zip((swap, patch), PAPER_CURVES.items(), strict=True):
        axes.plot(k, curve(k), label=f"{curve.a} exp(-{curve.b} k) + {curve.c}")
        axes.axhline(curve.c, color="0.6", lw=0.8, ls=":", label="asymptote c")
        axes.axhline(0.05, color="tab:red", lw=0.8, ls="--", label="epsilon = 0.05")
        axes.axvline(curve.threshold(0.05), color="0.4", lw=0.8)
        axes.annotate(f"k = {curve.threshold(0.05)}", (curve.threshold(0.05) + 0.5, 0.2))
        axes.set(title=name, xlabel="k, suffix characters changed", ylabel="ASR(k)", ylim=(0, 0.32))
        axes.legend(fontsize=7)
    return figure


def figure_2() -> Figure:
    """DSP against the number of copies for several epsilon (k = 6), and against q for several k."""
    figure, (by_copies, by_rate) = _panels(2)
    for epsilon in (0.0, 0.01, 0.05, 0.10, 0.20):
        alpha = Certificate(6, epsilon, _LENGTH, _SUFFIX).alpha_conservative
        by_copies.plot(
            _COPIES, defense_probability(alpha, _COPIES), "o-", ms=3, label=f"epsilon = {epsilon:g}"
        )
    by_copies.set(title="swap, q = 10 %, k = 6", xlabel="N, copies")
    q = np.linspace(0.01, 0.20, 20)
    changed = changed_count(_LENGTH, q)
    for k in (2, 4, 6, 8, 10):
        alpha_q = 0.95 * suffix_survival("swap", _LENGTH, _SUFFIX, changed, k)
        by_rate.plot(100 * q, defense_probability(alpha_q, 11), "o-", ms=3, label=f"k = {k}")
    by_rate.set(title="swap, N = 11, epsilon = 0.05", xlabel="q, % of characters changed")
    _finish(by_copies, by_rate)
    return figure


def figure_4() -> Figure:
    """The data-informed bound (Proposition 2) against Proposition 1, k = 8, over the copies."""
    figure, (axes,) = _panels(1)
    certificate = Certificate(8, 0.05, _LENGTH, _SUFFIX, curve=PAPER_CURVES["swap"])
    for name, alpha in (
        ("Proposition 1", certificate.alpha_conservative),
        ("Proposition 2", certificate.alpha),
    ):
        dsp = defense_probability(alpha, _COPIES)
        first = int(_COPIES[np.argmax(dsp >= _TARGET)])
        axes.plot(_COPIES, dsp, "o-", ms=3, label=f"{name}: alpha = {alpha:.3f}, N = {first}")
    axes.set(title="swap, q = 10 %, k = 8, epsilon = 0.05", xlabel="N, copies")
    _finish(axes)
    return figure


def _panels(count: int) -> tuple[Figure, tuple[Axes, ...]]:
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(4.2 * count, 3.2), dpi=DPI, layout="constrained")
    return figure, tuple(figure.subplots(1, count, squeeze=False)[0])


def _finish(*panels: Axes) -> None:
    for axes in panels:
        axes.axhline(_TARGET, color="tab:red", lw=0.8, ls="--", label=f"DSP = {_TARGET:g}")
        axes.set(ylabel="DSP", ylim=(None, 1.005))
        axes.legend(fontsize=7)
