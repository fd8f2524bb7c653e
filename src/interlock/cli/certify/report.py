"""The runs behind ``certify report``: the whole way in one page, and the paper's figures."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock._files import make_folder, write_atomically
from interlock._pictures import png_bytes
from interlock.certify import CertificateCard, PopulationCertificate
from interlock.certify.bounds.votes import read_votes
from interlock.certify.campaign.assessment import Assessment
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.curve_file import save_curves
from interlock.certify.campaign.family_decay import save_decays
from interlock.certify.campaign.figure import draw_check, draw_decays, draw_utility
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.result import CampaignResult
from interlock.cli.certify.question import Question, calls
from interlock.cli.terminal import Terminal, table
from interlock.errors import OutputError
from interlock.names import Missing
from interlock.report import Chapter, campaign_chapters, figures_chapter, render_page


@dataclass(frozen=True)
class Report:
    """What a campaign wrote, and whether it ended in a certificate."""

    chapters: list[Chapter]
    """For a page."""
    outcome: dict[str, Any]
    """For ``--json``."""
    certified: bool
    """Whether the family planned for has a certificate."""


def report(
    question: Question,
    options: CampaignOptions,
    terminal: Terminal,
    *,
    benign: int | None = None,
) -> Report:
    """Run the whole way, with at most ``benign`` benign prompts, and write page and results."""
    made = run_campaign(question, options, terminal, benign=benign)
    facts = {"target": made.outcome["target"], "made": time.strftime("%Y-%m-%d %H:%M")}
    page = render_page("How sure can you be?", made.chapters, facts=facts)
    path = write_atomically(question.out / "index.html", page)
    terminal.say(f"report: {path}")
    return replace(made, outcome={"report": str(path), **made.outcome})


def run_campaign(
    question: Question,
    options: CampaignOptions,
    terminal: Terminal,
    *,
    benign: int | None = None,
    link: str = "",
) -> Report:
    """Run the whole way and write all but the page.

    Args:
        question: whom to ask, about what.
        options: what decides the numbers.
        terminal: told the outcome, and the progress.
        benign: prompts used of those given; all when None.
        link: where ``question.out`` lies, seen from the page.
    """
    start = time.monotonic()
    file, prompts = question.read_attacks(terminal), question.read_benign()[:benign]
    attacks = file.attacks
    with question.open() as (target, judge, error), terminal.steps(lines=True) as tell:
        campaign = Campaign(target, judge, attacks, prompts, options, judge_error=error, tell=tell)
        result = campaign.run()
        asked = calls(target, terminal)
    seconds = time.monotonic() - start
    result, paths = _keep_cards(result, question.out)
    pictures = _write(question.out, result)
    outcome = result.to_dict() | {"calls": asked, "seconds": round(seconds, 1)} | file.left_out
    for row in outcome["families"]:
        path = paths.get(row["family"])
        row["certificate"] = None if path is None else str(path)
    write_atomically(question.out / "results.json", json.dumps(outcome, indent=1) + "\n")
    for line in _lines(result, paths, asked):
        terminal.say(line)
    files = [*(path.name for path in paths.values()), "results.json", "counts.json", "curves.json"]
    downloads = [f"{link}{name}" for name in files]
    chapters = campaign_chapters(result, pictures=pictures, calls=asked, downloads=downloads)
    return Report(chapters, outcome, result.certified)


def from_votes(
    path: Path, copies: int, confidence: float, tau: float, missing: Missing, terminal: Terminal
) -> tuple[dict[str, Any], bool]:
    """The bounds of votes that were counted elsewhere, and whether there is a certificate."""
    votes = read_votes(path)
    bound = PopulationCertificate.from_votes(votes, copies, confidence, missing=missing)
    certified = not bound.refusal
    share = bound.share(tau).lower
    outcome = {
        "prompts": bound.prompts,
        "trials": bound.trials,
        "copies": copies,
        "confidence": confidence,
        "method": bound.method,
        "certified": certified,
        "refusal": bound.refusal,
        "lower": bound.lower if certified else None,
        "estimate": bound.estimate,
        "share_tau": tau,
        "share_lower": share if certified else None,
        "formula": bound.homogeneous,
        "alpha": float(bound.votes.mean()),
    }
    if certified:
        terminal.say(bound.statement())
        terminal.say(f"at least {share:.1%} of the attacks have a DSP of {tau:g} or more")
    terminal.say(
        f"estimate {bound.estimate:.3f}; the published formula says {bound.homogeneous:.3f}"
    )
    return outcome, certified


def paper(out: Path, terminal: Terminal) -> dict[str, Any]:
    """Draw the paper's Figures 1, 2 and 4 as PNG and on one page."""
    from interlock.certify.campaign.paper_figures import paper_figures

    make_folder(out)
    pictures = {name: png_bytes(figure) for name, figure in paper_figures().items()}
    files = {
        name: str(write_atomically(out / f"{name}.png", picture))
        for name, picture in pictures.items()
    }
    page = render_page("The paper's figures", [figures_chapter(pictures)])
    path = write_atomically(out / "paper.html", page)
    terminal.say(f"figures 1, 2 and 4 of arXiv 2511.18721: {path}")
    return {"report": str(path), "figures": files}


def _write(out: Path, result: CampaignResult) -> dict[str, bytes]:
    """Counts, curves and figures; returns the figures."""
    options = result.options
    save_decays(result.decays, out / "counts.json", result.made_from)
    save_curves(result.fits, out / "curves.json")
    pictures = {
        "asr": draw_decays(result.decays, options.epsilon),
        "utility": draw_utility(result.offers, result.undefended, options.utility),
    }
    if result.assessments:
        pictures["check"] = draw_check(result.assessments)
    for name, picture in pictures.items():
        write_atomically(out / f"{name}.png", picture)
    return pictures


def _keep_cards(result: CampaignResult, out: Path) -> tuple[CampaignResult, dict[str, Path]]:
    """Write each card; one of an earlier run does not outlive the refusal of this one."""
    cards, paths = {}, {}
    for family in result.families:
        path = out / f"certificate-{_slug(family)}.json"
        if family in result.cards:
            cards[family], paths[family] = _keep(result.cards[family], path)
        else:
            path.unlink(missing_ok=True)
    return replace(result, cards=cards), paths


def _keep(card: CertificateCard, path: Path) -> tuple[CertificateCard, Path]:
    """Write a card, unless the same certificate is there already: then its date stays."""
    try:
        earlier = CertificateCard.load(path)
        if replace(card, date=earlier.date) == earlier:
            return earlier, path
    except OutputError:
        pass
    return card, card.save(path)


def _lines(
    result: CampaignResult, paths: Mapping[str, Path], asked: Mapping[str, int]
) -> list[str]:
    """The outcome for people."""
    offer = result.choice.offer
    if offer is None:
        return [f"no setting: {result.choice.reason}"]
    lines = [
        f"setting: {offer.kind}, q = {offer.rate:.0%}, N = {offer.copies}; benign prompts "
        f"answered: {offer.utility.answered} of {offer.utility.asked}"
    ]
    head = ["family", "attacks", "certified", "formula", "held out", "measured", "interval"]
    lines += table([head, *map(_row, result.assessments)])
    lines += [
        f"{one.family.name}: {int(one.votes.lost.sum())} of {one.votes.lost.size} copies were lost "
        "and count as jailbreaks"
        for one in result.assessments
        if one.votes.lost.any()
    ]
    lines += [one.refusal for one in result.assessments if one.refusal]
    lines += [card.statement() for card in result.cards.values()]
    lines += [f"certificate {card.id}: {paths[name]}" for name, card in result.cards.items()]
    lines.append(f"{asked['asked']} calls, {asked['remembered']} remembered")
    return lines


def _row(one: Assessment) -> list[str]:
    held = one.held_out
    return [
        one.family.name,
        str(one.certificate.prompts),
        "none" if one.refusal else f"{one.certificate.lower:.3f}",
        f"{one.certificate.homogeneous:.3f}",
        str(held.attacks),
        f"{held.dsp:.3f}",
        f"{held.low:.3f}–{held.high:.3f}",
    ]


def _slug(name: str) -> str:
    """A file name for the family; a name that does not fit one gets a hash of its own."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in name)[:60]
    return kept if kept == name else f"{kept}-{sha256(name.encode()).hexdigest()[:8]}"
