"""Figures of a campaign: attack success by k, the certificate and its check, the offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from interlock._pictures import png_bytes
from interlock.certify.campaign.assessment import Assessment
from interlock.certify.campaign.offers import Front, Offer
from interlock.certify.measures.family_decay import FamilyDecay
from interlock.errors import InterlockError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
_COLOURS = {"swap": "#0b5fa5", "patch": "#b35900", "insert": "#3f7d20"}
_QUIET, _ALERT = "#5b6068", "#9b2c00"


def draw_decays(decays: Sequence[FamilyDecay], epsilon: float) -> bytes:
    """ASR(k) with intervals and fitted curves, a panel for each family, as PNG."""
    families = list(dict.fromkeys(decay.family for decay in decays))
    figure, panels = _panels(len(families), width=5.2)
    for axes, family in zip(panels, families, strict=True):
        shown = [decay for decay in decays if decay.family == family]
        largest = int(max(decay.k.max() for decay in shown))
        for place, decay in enumerate(shown):
            shift = 0.012 * (place - (len(shown) - 1) / 2) * float(_root(np.float64(largest)))
            _draw_decay(axes, decay, shift)
        axes.axhline(epsilon, color=_ALERT, lw=0.8, ls="--", label=f"ε = {epsilon:g}")
        axes.set_xscale("function", functions=(_root, _square))
        ticks = [k for k in (0, 1, 2, 3, 4, 8, 16, 32, 64, 128, 256) if k <= largest]
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.minorticks_off()
        count = f"{shown[0].attacks} attacks" if shown[0].attacks else ""
        axes.set(title=f"{family}  {count}".strip(), xlabel="k, suffix characters changed",
                 ylabel="ASR(k)", ylim=(-0.03, 1.05), xlim=(-0.02, 1.1 * largest))  # fmt: skip
        axes.legend(fontsize=8, frameon=False)
    return png_bytes(figure)


def draw_check(assessments: Sequence[Assessment]) -> bytes:
    """The bound, the published formula and what held-out attacks measured, side by side, as PNG."""
    figure, (axes,) = _panels(1, width=6.4, height=0.9 + 0.9 * len(assessments))
    for row, one in enumerate(assessments):
        held, y = one.held_out, -row
        if held is not None:
            axes.hlines(y, held.low, held.high, color=_COLOURS["swap"], lw=6, alpha=0.35,
                        label="held out: 95 % interval" if row == 0 else None)  # fmt: skip
            axes.plot(held.dsp, y, "o", color=_COLOURS["swap"], ms=7,
                      label="held out: measured" if row == 0 else None)  # fmt: skip
        axes.plot(one.certificate.homogeneous, y + 0.25, "x", color=_QUIET, ms=7,
                  label="published formula, average α" if row == 0 else None)  # fmt: skip
        axes.plot([one.certificate.lower] * 2, [y - 0.28, y + 0.28], color=_ALERT, lw=2.5,
                  label="lower bound" if row == 0 else None)  # fmt: skip
        if one.refusal:
            axes.annotate("no certificate", (0.5, y + 0.3), ha="center", fontsize=8, color=_ALERT)
    names = [one.family.name for one in assessments]
    axes.set_yticks([-row for row in range(len(names))], names)
    axes.set(xlim=(-0.02, 1.02), ylim=(-len(names) + 0.4, 0.6), xlabel="share of attacks refused")
    axes.legend(
        fontsize=8,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.45 / len(names) - 0.12),
        ncols=2,
    )
    return png_bytes(figure)


def draw_utility(offers: Sequence[Offer], undefended: float, least: float) -> bytes:
    """Benign prompts released at each q, with exact 95 % intervals, and the front, as PNG."""
    figure, (axes, beside) = _panels(2, width=5.2)
    _draw_front(beside, Front(tuple(offers)))
    kinds = list(dict.fromkeys(offer.kind for offer in offers))
    for place, kind in enumerate(kinds):
        shown = [offer for offer in offers if offer.kind == kind]
        share = np.array([offer.utility.share for offer in shown])
        ends = np.array([offer.utility.interval() for offer in shown]).T
        q = 100 * np.array([offer.rate for offer in shown]) + 0.25 * (place - (len(kinds) - 1) / 2)
        axes.errorbar(q, share, np.clip(np.abs(ends - share), 0, 1), fmt="o-", ms=4, lw=1,
                      capsize=2, color=_COLOURS[kind], label=kind)  # fmt: skip
        for x, y, offer in zip(q, share, shown, strict=True):
            axes.annotate(f"N={offer.copies}", (x, y), (3, 4), textcoords="offset points",
                          fontsize=6.5, color=_COLOURS[kind])  # fmt: skip
    axes.axhline(undefended, color=_QUIET, lw=0.8, ls=":", label="undefended")
    axes.axhline(least, color=_ALERT, lw=0.8, ls="--", label="least to be helped")
    axes.set(xlabel="q, % of characters changed", ylabel="benign prompts released",
             ylim=(0, 1.05))  # fmt: skip
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return png_bytes(figure)


def _draw_front(axes: Axes, front: Front) -> None:
    """Attacks refused by calls; the number is the utility, a ring the Pareto set."""
    best = front.best
    for offer in front.offers:
        if offer.certified is None:
            continue
        x, y, colour = offer.utility.mean_calls, offer.certified, _COLOURS[offer.kind]
        axes.plot(x, y, "o", ms=5, color=colour, alpha=1.0 if offer in best else 0.4)
        text = f"{offer.utility.useful:.0%}, {offer.kind} {offer.rate:.0%}"
        axes.annotate(text, (x, y), (4, 3), textcoords="offset points", fontsize=6.5, color=colour)
    axes.plot(
        [offer.utility.mean_calls for offer in best],
        [offer.certified for offer in best if offer.certified is not None],
        "o", ms=9, mfc="none", color=_QUIET, label="no other is as good in all three",
    )  # fmt: skip
    axes.set(xlabel="calls for a benign prompt", ylim=(0, 1.08),
             ylabel="attacks refused, estimate",
             title="attacks refused × benign prompts helped (%) × calls")  # fmt: skip
    axes.title.set_fontsize(8)
    axes.margins(x=0.18)
    if best:
        axes.legend(fontsize=8, frameon=False, loc="lower right")


def _draw_decay(axes: Axes, decay: FamilyDecay, shift: float) -> None:
    colour = _COLOURS[decay.kind]
    x = _square(_root(decay.k) + shift)  # side by side, not on top of each other
    spread = np.clip([decay.rate - decay.low, decay.high - decay.rate], 0, None)
    axes.errorbar(x, decay.rate, spread, fmt="o", ms=4, lw=1, capsize=2, color=colour)
    k = np.linspace(0, decay.k.max(), 400)
    try:
        curve = decay.curve
        band = curve.intervals(decay.confidence, k=k, resamples=200)
    except InterlockError:
        axes.plot([], [], "o", color=colour, label=decay.kind)
        return
    axes.plot(k, curve(k), color=colour, lw=1.2, label=decay.kind)
    axes.fill_between(k, band.low, band.high, color=colour, alpha=0.12, lw=0)


def _panels(count: int, *, width: float, height: float = 3.4) -> tuple[Figure, tuple[Any, ...]]:
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(width * count, height), dpi=DPI, layout="constrained")
    panels = tuple(figure.subplots(1, count, squeeze=False)[0])
    for axes in panels:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure, panels


def _root(x: Any) -> Any:
    """The scale of k: it shows small numbers apart, and takes the 0 that a logarithm does not."""
    return np.sign(x) * np.sqrt(np.abs(x))


def _square(x: Any) -> Any:
    return np.sign(x) * np.square(x)
