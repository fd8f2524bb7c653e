"""The chapters of a certificate: the statement, the decay, the plan, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from interlock.report.page import Chapter, data_uri, render_template
from interlock.report.transcripts import transcripts_chapter

if TYPE_CHECKING:  # pages of the other verbs need no statistics
    from interlock.certify import CertificateCard
    from interlock.certify.campaign.assessment import Assessment
    from interlock.certify.campaign.offers import Offer
    from interlock.certify.campaign.result import CampaignResult
    from interlock.certify.measures.undefended import Rate
    from interlock.certify.statement.comparison import Compared


def campaign_chapters(
    result: CampaignResult,
    *,
    pictures: Mapping[str, bytes],
    calls: Mapping[str, int],
    downloads: Sequence[str] = (),
) -> list[Chapter]:
    """Show a finished campaign.

    Args:
        result: what it measured and chose.
        pictures: ``"asr"``, ``"utility"`` and, with a setting, ``"check"``, as PNG.
        calls: ``asked`` and ``remembered``.
        downloads: paths of files to link to, seen from the page.
    """
    chapters = [
        _certificate(result, pictures, calls, downloads),
        _decay(result, pictures["asr"]),
        _plan(result, pictures["utility"]),
    ]
    return [*chapters, transcripts_chapter(result)] if result.assessments else chapters


def comparison_chapter(
    compared: Sequence[Compared], other: str, confidence: float = 0.95
) -> Chapter:
    """Two runs side by side.

    Args:
        compared: the families that both certified on.
        other: the other run's folder.
        confidence: of the intervals.
    """
    rows = [
        [
            one.family,
            f"{one.attacks} in {one.groups}",
            f"{one.this:.1%}",
            f"{one.other:.1%}",
            f"{100 * one.difference:+.1f}",
            f"{100 * one.low:+.1f} to {100 * one.high:+.1f}",
            f"{one.better} / {one.worse}",
            f"{one.p:.2g}",
        ]
        for one in compared
    ]
    body = render_template(
        "comparison.html", rows=rows, other=other, confidence=f"{confidence:.0%}"
    )
    return Chapter("Beside another run", "comparison", body, other)


def figures_chapter(pictures: Mapping[str, bytes]) -> Chapter:
    """Figures 1, 2 and 4 of the certificate's paper, drawn from its constants."""
    captions = {
        "figure-1": "How GCG on Llama 2 dies with the changed characters, and where ε = 0.05 is.",
        "figure-2": "DSP over the copies for several ε, and over q for several k.",
        "figure-4": "The data-informed bound against the conservative one, k = 8.",
    }
    rows = [
        (name.replace("-", " ").capitalize(), captions.get(name, ""), data_uri(picture))
        for name, picture in pictures.items()
    ]
    body = render_template("paper_figures.html", rows=rows)
    return Chapter("From the published formulas", "paper-figures", body)


def _certificate(
    result: CampaignResult,
    pictures: Mapping[str, bytes],
    calls: Mapping[str, int],
    downloads: Sequence[str],
) -> Chapter:
    card = result.cards.get(result.family)
    summary = "none" if card is None else f"at least {card.lower:.1%} refused"
    body = render_template(
        "certificate.html",
        verdicts=_verdicts(result),
        bare=[f"{name}: {one}." for name, one in result.without_defence.items()],
        notes=result.notes,
        categories=_categories(result),
        together=len(result.assessments) if result.options.joint else 1,
        tries=result.options.tries,
        check=data_uri(pictures["check"]) if "check" in pictures else "",
        rows=[_assessed(one) for one in result.assessments],
        cards=[(name, _card(one)) for name, one in result.cards.items()],
        judge_counted=result.judge_counted,
        confidence=f"{result.options.confidence:.0%}",
        tau=f"{result.options.tau:g}",
        calls=calls,
        downloads=[(f"./{quote(path)}", path.rpartition("/")[2]) for path in downloads],
    )
    return Chapter("Jailbreak certificate", "certificate", body, summary)


def _verdicts(result: CampaignResult) -> list[tuple[str, str]]:
    """A sentence for each family, and why it has no certificate."""
    if not result.assessments:
        return [(f"No certificate for {result.family} attacks. {result.choice.reason}", "")]
    return [
        (
            one.statement(),
            f"No certificate for {one.family.name} attacks. {one.refusal}" if one.refusal else "",
        )
        for one in result.assessments
    ]


def _categories(result: CampaignResult) -> list[list[str]]:
    """What attacks did by the category of their goals; empty where no file has categories."""
    rows = []
    for one in result.assessments:
        attacks = one.by_attack()
        kinds = dict.fromkeys(row["category"] for row in attacks)
        for kind in kinds if any(kinds) else ():
            of_kind = [row for row in attacks if row["category"] == kind]
            size, groups = len(of_kind), len({row["group"] for row in of_kind})
            rows.append(
                [
                    one.family.name,
                    kind or "none given",
                    f"{size} in {groups}",
                    f"{sum(row['succeeds_undefended'] for row in of_kind)} of {size}",
                    f"{sum(row['refused'] / row['of'] for row in of_kind) / size:.2f}",
                    f"{sum(row['dsp'] for row in of_kind) / size:.1%}",
                ]
            )
    return rows


def _bare(rate: Rate | None) -> str:
    if rate is None:
        return ""
    return f"{rate.share:.0%} ({rate.low:.0%}–{rate.high:.0%})"


def _assessed(one: Assessment) -> dict[str, str]:
    held, clusters = one.held_out, one.family.clusters()
    ties = ", ".join(f"{reason} {count}" for reason, count in clusters.counts.items())
    return {
        "family": one.family.name,
        "attacks": str(one.certificate.prompts),
        "groups": str(clusters.effective),
        "ties": ties or "no two alike",
        "goal": _bare(one.undefended.goal),
        "bare": _bare(one.undefended.attack),
        "alpha": f"{one.alpha:.2f}",
        "lower": f"{one.certificate.lower:.1%}",
        "card": "none" if one.refusal else "yes",
        "believed": f"{one.taken_at_its_word.lower:.1%}",
        "share": "none" if one.share_lower is None else f"{one.share_lower:.1%}",
        "estimate": f"{one.certificate.estimate:.1%}",
        "formula": f"{one.certificate.homogeneous:.1%}",
        "alike": "" if one.alike is None else f"{one.alike.dsp:.1%}",
        "held": "" if held is None else f"{held.dsp:.1%}",
        "interval": "" if held is None else f"{held.low:.1%} – {held.high:.1%}",
        "held_attacks": "none" if held is None else f"{held.attacks} × {held.votes}",
    }


def _setting(card: CertificateCard) -> dict[str, str]:
    """The defence, as names and values for people."""
    if card.defence is not None:
        return {"defence": card.defence_said}
    change = card.perturbing
    return {
        "perturbation": f"{change.kind}, q = {change.rate:.0%}"
        + (", paper mode" if change.paper else ""),
        "copies": f"N = {card.copies}, {card.majority} refusals decide",
        "alphabet": f"{len(set(change.alphabet))} characters",
    }


def _card(card: CertificateCard) -> dict[str, str]:
    """A card as names and values for people."""
    from interlock.certify.statement.claim import asked_as, judge_said

    record = {
        "id": card.id,
        "target": card.target,
        "attack family": card.family,
        "attacks": f"{card.attacks}, set {card.attacks_sha256[:16]}",
        "groups": f"{card.groups}; tied by "
        + (", ".join(f"{reason} {count}" for reason, count in card.ties.items()) or "nothing"),
        "failed attacks": card.failed,
        "succeed undefended": f"{card.undefended.attack:.1%} "
        f"[{card.undefended.attack_low:.3f}, {card.undefended.attack_high:.3f}]",
        "tries": str(card.tries),
        "asked": asked_as(card.target_identity),
        **_setting(card),
        "judge": judge_said(card.judge, card.judge_error),
        "lower bound on E[DSP]": f"{card.lower:.4f} at {card.confidence:.0%} confidence"
        + (f", {card.joint} families at once" if card.joint > 1 else ""),
        "estimate": f"{card.estimate:.4f}",
        "method": f"{card.method}, {card.trials} votes an attack",
    }
    if card.share_lower is not None:
        record[f"share with DSP ≥ {card.share_tau:g}"] = f"at least {card.share_lower:.4f}"
    if card.alike is not None:
        record["if all attacks were alike"] = (
            f"k = {card.alike.k}, ε = {card.alike.epsilon:g}: DSP {card.alike.dsp:.4f}"
        )
    if card.held_out is not None:
        held = card.held_out
        record["held out"] = (
            f"{held.dsp:.4f} [{held.low:.3f}, {held.high:.3f}] on {held.attacks} attacks in "
            f"{held.groups} groups"
        )
    record["seed"] = str(card.seed)
    record["made"] = card.date
    record["versions"] = ", ".join(f"{name} {value}" for name, value in card.versions.items())
    return record


def _decay(result: CampaignResult, picture: bytes) -> Chapter:
    options = result.options
    rows = [
        {
            "family": decay.family,
            "kind": decay.kind,
            "cells": [_ended(fit[name], fit[f"{name}_interval"]) for name in "abc"],
            "k": "none" if fit["k"] is None else str(fit["k"]),
            "misfit": f"{fit['misfit']:.2g}",
        }
        for decay, fit in zip(result.decays, result.fits, strict=True)
    ]
    tables = [
        {
            "name": f"{decay.family}, {decay.kind}",
            "k": [str(k) for k in decay.k],
            "rate": [f"{rate:.2f}" for rate in decay.rate],
            "ends": [
                f"{low:.2f}–{high:.2f}" for low, high in zip(decay.low, decay.high, strict=True)
            ],
            "trials": [str(n) for n in decay.trials],
        }
        for decay in result.decays
    ]
    body = render_template(
        "decay.html",
        picture=data_uri(picture),
        rows=rows,
        tables=tables,
        epsilon=f"{options.epsilon:g}",
        confidence=f"{options.confidence:.0%}",
    )
    return Chapter("How jailbreaks die", "decay", body, f"{len(result.families)} attack families")


def _plan(result: CampaignResult, picture: bytes) -> Chapter:
    chosen, best = result.choice.offer, result.front.best
    rows = [_offer(offer, offer is chosen, offer in best) for offer in result.offers]
    shown = chosen or next(iter(result.offers), None)
    refused = [offer for offer in result.offers if offer.refusal]
    refusals = [f"{offer.kind}, q = {offer.rate:.0%}: {offer.refusal}" for offer in refused]
    body = render_template(
        "plan.html",
        family=result.family,
        picture=data_uri(picture),
        rows=rows,
        dsp=f"{result.options.dsp:g}",
        least=f"{result.options.utility:.0%}",
        benign=result.benign,
        undefended=f"{result.undefended:.0%}",
        reason=result.choice.reason,
        refusals=list(dict.fromkeys(refusals)),
        utility=[] if shown is None else utility_lines(shown),
    )
    summary = "no setting is good enough"
    if chosen is not None:
        summary = f"{chosen.kind}, q = {chosen.rate:.0%}, N = {chosen.copies}"
    return Chapter("The plan and its cost", "plan", body, summary)


def utility_lines(offer: Offer) -> list[str]:
    """What a setting leaves to benign users, beside the bare model, in sentences."""
    of, percent = offer.utility, "{:.0%} to {:.0%}".format
    lines = [
        f"benign prompts released: {of.released} of {of.asked} ({percent(*of.interval())}); the "
        f"bare model answers {of.bare_answered}"
    ]
    if of.compared:
        lines.append(
            f"released answers as good as the bare model's: {of.as_good} of {of.compared} "
            f"({percent(*of.as_good_interval())})"
        )
    if of.checked:
        low, high = of.change_interval()
        lines.append(
            f"right answers: {of.right} of {of.checked} ({percent(*of.right_interval())}); bare "
            f"model: {of.bare_right} ({percent(*of.right_interval(bare=True))}); change, paired: "
            f"{100 * low:+.0f} to {100 * high:+.0f} points"
        )
    return lines + of.caveats


def _offer(offer: Offer, chosen: bool, best: bool) -> dict[str, Any]:
    low, high = offer.utility.interval()
    of = offer.utility
    plan, trial = offer.plan, offer.trial
    tried = "" if trial is None else "none" if trial.copies is None else str(trial.copies)
    return {
        "chosen": chosen,
        "best": best,
        "kind": offer.kind,
        "rate": f"{offer.rate:.0%}",
        "alpha": "" if plan is None else f"{plan.alpha:.3f}",
        "copies": "none" if plan is None else str(plan.copies),
        "dsp": "" if plan is None else f"{plan.dsp:.3f}",
        "tried_alpha": "" if trial is None else f"{trial.alpha:.3f}",
        "tried_copies": tried,
        "tried_dsp": "" if trial is None else f"{trial.dsp:.3f}",
        "answered": f"{offer.utility.share:.0%}",
        "interval": f"{low:.0%}–{high:.0%}",
        "good": f"{of.as_good} of {of.compared}" if of.compared else "unchecked",
        "right": f"{of.right} of {of.checked} ({of.bare_right})" if of.checked else "unchecked",
        "calls": f"{of.mean_calls:.1f}",
        "with": f"N = {offer.copies}",
    }


def _ended(value: float, ends: Sequence[float | None]) -> tuple[str, str]:
    low, high = ("∞" if end is None else f"{end:.3f}" for end in ends)
    return f"{value:.3f}", f"{low} – {high}"
