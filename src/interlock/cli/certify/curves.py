"""The runs behind ``certify measure``, ``fit`` and ``plan``: counts, curves, copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interlock._files import make_folder, write_atomically
from interlock.certify import DecayCurve, NoPlan, Plan, plan
from interlock.certify.attacks.attack import AttackFile
from interlock.certify.attacks.families import by_kind
from interlock.certify.bounds.plan import RATES
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.figure import draw_decays
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.paper_figures import PAPER_CURVES
from interlock.certify.measures.curve_file import (
    FittedCurve,
    describe_fit,
    load_curves,
    save_curves,
)
from interlock.certify.measures.family_decay import FamilyDecay, load_decays, save_decays
from interlock.cli.certify.question import Question, calls, read_aloud
from interlock.cli.terminal import Terminal, table
from interlock.errors import DataError, InterlockError
from interlock.names import PerturbationKind

Fitted = Mapping[tuple[str, PerturbationKind], FittedCurve]
Lengths = Mapping[str, tuple[Sequence[int], Sequence[int]]]
"""Family -> m and m_S of its attacks."""
_SETTING: Lengths = {"published setting": ([240], [100])}
"""m and m_S of the paper."""


def measure(question: Question, options: CampaignOptions, terminal: Terminal) -> dict[str, Any]:
    """ASR(k) of each family under each perturbation, on the attacks set apart for it."""
    file = question.read_attacks(terminal)
    with question.open() as asks, terminal.steps(lines=True) as tell:
        campaign = Campaign(asks.target, asks.judge, file.attacks, (), options, tell=tell)
        decays = campaign.measure()
        asked = calls(asks.target, terminal)
    for note in campaign.notes:
        terminal.note(note)
    path = save_decays(decays, question.out / "counts.json", campaign.made_from)
    for decay in decays:
        terminal.say(f"{decay.family}, {decay.kind}: {decay.attacks} attacks")
        for line in table(_decay_rows(decay)):
            terminal.say(f"  {line}")
    terminal.say(f"counts: {path} ({asked['asked']} calls, {asked['remembered']} remembered)")
    families = [decay.to_dict() for decay in decays]
    return {"counts": str(path), "calls": asked, **file.left_out, "families": families}


def fit(counts: Path, out: Path, epsilon: float, seed: int, terminal: Terminal) -> dict[str, Any]:
    """Fit a curve to each list of counts, write them, and draw them."""
    decays = load_decays(counts)
    fits = [describe_fit(decay, epsilon, seed) for decay in decays]
    make_folder(out)
    path = save_curves(fits, out / "curves.json")
    figure = write_atomically(out / "asr.png", draw_decays(decays, epsilon))
    head = ["family", "perturbation", "a", "b", "c", f"k at {epsilon:g}", "misfit"]
    rows = [
        [
            row["family"],
            row["perturbation"],
            *(_with_ends(row[name], row[f"{name}_interval"]) for name in "abc"),
            "none" if row["k"] is None else str(row["k"]),
            f"{row['misfit']:.2g}",
        ]
        for row in fits
    ]
    for line in table([head, *rows]):
        terminal.say(line)
    for row in fits:
        if row["why_no_k"]:
            terminal.say(f"{row['family']}, {row['perturbation']}: {row['why_no_k']}")
    terminal.say(f"curves: {path}, drawn in {figure}")
    return {"curves": str(path), "figure": str(figure), "fits": fits}


def plan_copies(
    attacks: Path | None,
    curves: Path | None,
    kinds: Sequence[PerturbationKind],
    dsp: float,
    epsilon: float,
    max_copies: int,
    terminal: Terminal,
    *,
    keep_failed: bool = False,
    rates: Sequence[float] = RATES,
) -> tuple[dict[str, Any], bool]:
    """The plan of each family under each perturbation, and whether there is any.

    Lengths are those of ``attacks`` where they are given, of the curves' own attacks elsewhere;
    without a file of curves the published ones stand in.
    """
    file = None if attacks is None else read_aloud(attacks, keep_failed, terminal)
    fitted = {} if curves is None else {(c.family, c.kind): c for c in load_curves(curves)}
    outcomes = _plans(_lengths(file, fitted), fitted, kinds, dsp, epsilon, max_copies, rates)
    if not outcomes:
        raise DataError(f"{curves}: holds no curve of these families and perturbations")
    source = "GCG on Llama 2, as published (arXiv 2511.18721)" if curves is None else str(curves)
    terminal.say(f"curve: {source}; target DSP {dsp:g}, epsilon {epsilon:g}")
    measured = {"GCG", *_SETTING} if curves is None else {family for family, _ in fitted}
    plans = []
    for family, kind, size, result in outcomes:
        terminal.say(f"{family} ({size} attacks), {kind}: {result}")
        row: dict[str, Any] = {
            "family": family,
            "perturbation": kind,
            "attacks": size,
            "curve_is_of_family": family in measured,
        }
        if isinstance(result, Plan):
            plans.append(row | {"planned": True} | asdict(result))
        elif isinstance(result, NoPlan):
            plans.append(row | {"planned": False} | asdict(result) | {"why": str(result)})
        else:
            plans.append(row | {"planned": False, "reason": "no curve", "why": result})
    foreign = [name for name in dict.fromkeys(row[0] for row in outcomes) if name not in measured]
    caveat = ""
    if foreign:
        caveat = (
            f"no curve was measured on {', '.join(foreign)}: another family's stands in and may be "
            "far off; measure and fit one before trusting the plan"
        )
        terminal.say(caveat)
    planned = any(row["planned"] for row in plans)
    question = {"curve": source, "target_dsp": dsp, "epsilon": epsilon, "caveat": caveat}
    left_out = {} if file is None else file.left_out
    return question | left_out | {"plans": plans}, planned


def _plans(
    lengths: Lengths,
    fitted: Fitted,
    kinds: Sequence[PerturbationKind],
    dsp: float,
    epsilon: float,
    max_copies: int,
    rates: Sequence[float],
) -> list[tuple[str, PerturbationKind, int, Plan | NoPlan | str]]:
    rows: list[tuple[str, PerturbationKind, int, Plan | NoPlan | str]] = []
    for family, (m, m_s) in lengths.items():
        for kind in kinds:
            curve = _curve_for(family, kind, fitted)
            if curve is None:
                if not fitted:
                    rows.append((family, kind, len(m), f"no published curve for {kind}; fit one"))
                continue
            try:
                result: Plan | NoPlan | str = plan(
                    dsp, length=m, suffix_length=m_s, curve=curve, epsilon=epsilon,
                    perturbation=kind, max_copies=max_copies, rates=rates,
                )  # fmt: skip
            except InterlockError as error:
                result = str(error)
            rows.append((family, kind, len(m), result))
    return rows


def _lengths(attacks: AttackFile | None, fitted: Fitted) -> Lengths:
    """m and m_S of every attack, by family."""
    if attacks is None:
        own = {c.family: (c.lengths, c.suffix_lengths) for c in fitted.values() if c.lengths}
        return own or _SETTING
    return {
        name: ([a.length for a in of_family], [a.suffix_length for a in of_family])
        for name, of_family in by_kind(attacks.attacks).items()
    }


def _curve_for(family: str, kind: PerturbationKind, fitted: Fitted) -> DecayCurve | None:
    """The family's own curve; that of all, where the file has one family; else the published."""
    if not fitted:
        return PAPER_CURVES.get(kind)
    one = fitted.get((family, kind))
    if one is None and len({name for name, _ in fitted}) == 1:
        one = next((c for (_, other), c in fitted.items() if other == kind), None)
    return None if one is None else one.curve


def _decay_rows(decay: FamilyDecay) -> list[list[str]]:
    ends = [f"{low:.2f}–{high:.2f}" for low, high in zip(decay.low, decay.high, strict=True)]
    return [
        ["k", *map(str, decay.k)],
        ["ASR", *(f"{rate:.2f}" for rate in decay.rate)],
        [f"{decay.confidence:.0%}", *ends],
    ]


def _with_ends(value: float, ends: Sequence[float | None]) -> str:
    low, high = ("∞" if end is None else f"{end:.3f}" for end in ends)
    return f"{value:.3f} [{low}, {high}]"
