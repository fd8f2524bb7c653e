"""The chapters of a certificate: the statement, the decay, the plan, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from interlock.report.page import Chapter, data_uri, render_template

if TYPE_CHECKING:  # pages of the other verbs need no statistics
    from interlock.certify import CertificateCard
    from interlock.certify.campaign.assessment import Assessment
    from interlock.certify.campaign.offers import Offer
    from interlock.certify.campaign.result import CampaignResult


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
    return [
        _certificate(result, pictures, calls, downloads),
        _decay(result, pictures["asr"]),
        _plan(result, pictures["utility"]),
    ]


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
    if card is not None:
        verdict, summary = card.statement(), f"at least {card.lower:.1%} refused"
    else:
        first = result.assessments[0].refusal if result.assessments else result.choice.reason
        verdict, summary = f"No certificate for {result.family} attacks. {first}", "none"
    body = render_template(
        "certificate.html",
        verdict=verdict,
        check=data_uri(pictures["check"]) if "check" in pictures else "",
        rows=[_assessed(one) for one in result.assessments],
        refusals=[f"{one.family.name}: {one.refusal}" for one in result.assessments if one.refusal],
        cards=[(name, _card(one)) for name, one in result.cards.items()],
        judge_counted=result.judge_counted,
        confidence=f"{result.options.confidence:.0%}",
        tau=f"{result.options.tau:g}",
        calls=calls,
        downloads=[(f"./{quote(path)}", path.rpartition("/")[2]) for path in downloads],
    )
    return Chapter("Jailbreak certificate", "certificate", body, summary)


def _assessed(one: Assessment) -> dict[str, str]:
    held, certified = one.held_out, not one.refusal
    return {
        "family": one.family.name,
        "attacks": str(one.certificate.prompts),
        "alpha": f"{one.alpha:.2f}",
        "lower": f"{one.certificate.lower:.1%}" if certified else "none",
        "believed": f"{one.taken_at_its_word.lower:.1%}" if certified else "none",
        "share": "none" if one.share_lower is None or not certified else f"{one.share_lower:.1%}",
        "estimate": f"{one.certificate.estimate:.1%}",
        "formula": f"{one.certificate.homogeneous:.1%}",
        "alike": "" if one.alike is None else f"{one.alike.dsp:.1%}",
        "held": f"{held.dsp:.1%}",
        "interval": f"{held.low:.1%} – {held.high:.1%}",
        "held_attacks": f"{held.attacks} × {held.votes}",
    }


def _card(card: CertificateCard) -> dict[str, str]:
    """A card as names and values for people."""
    error = card.judge_error
    record = {
        "id": card.id,
        "target": card.target,
        "attack family": card.family,
        "attacks": f"{card.attacks}, set {card.attacks_sha256[:16]}",
        "perturbation": f"{card.perturbation}, q = {card.rate:.0%}"
        + (", paper mode" if card.paper else ""),
        "copies": f"N = {card.copies}, {card.majority} refusals decide",
        "alphabet": f"{len(set(card.alphabet))} characters",
        "judge": str(card.judge.get("judge", "unknown")),
        "judge's errors": "taken at its word"
        if error is None
        else f"{error['missed']} of {error['jailbroken']} jailbreaks missed, accounted for",
        "lower bound on E[DSP]": f"{card.lower:.4f} at {card.confidence:.0%} confidence",
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
            f"{held.dsp:.4f} [{held.low:.3f}, {held.high:.3f}] on {held.attacks} attacks"
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
