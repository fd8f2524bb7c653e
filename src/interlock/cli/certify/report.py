"""The runs behind ``certify report``: the whole way in one page, and the paper's figures."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock._files import make_folder, write_atomically
from interlock.certify import CertificateCard, PopulationCertificate, read_votes
from interlock.certify.attacks.attack import attacks_hash
from interlock.certify.campaign.assessment import Assessment, target_name
from interlock.certify.campaign.campaign import Campaign, CampaignOptions
from interlock.certify.campaign.curve_file import save_curves
from interlock.certify.campaign.family_decay import save_decays
from interlock.certify.campaign.figure import draw_check, draw_decays, draw_utility, png_bytes
from interlock.cli.certify.question import Question, calls
from interlock.cli.terminal import Terminal, table
from interlock.errors import OutputError
from interlock.names import Missing
from interlock.report import Chapter, campaign_chapters, figures_chapter, render_page

if TYPE_CHECKING:
    from interlock.certify.targets.protocol import Identity


@dataclass(frozen=True)
class Report:
    """What a campaign wrote, and whether it ended in a certificate."""

    chapters: list[Chapter]
    """For a page."""
    told: dict[str, Any]
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
    facts = {"target": made.told["target"], "made": time.strftime("%Y-%m-%d %H:%M")}
    page = render_page("How sure can you be?", made.chapters, facts=facts)
    path = write_atomically(question.out / "index.html", page)
    terminal.say(f"report: {path}")
    return replace(made, told={"report": str(path), **made.told})


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
    with question.open() as (target, judge, error), terminal.steps() as tell:
        campaign = Campaign(target, judge, attacks, prompts, options, judge_error=error, tell=tell)
        assessments = campaign.assessments
        undefended = campaign.undefended
        asked = calls(target)
        cards = [(one, one.card(target.identity, judge)) for one in assessments]
    seconds = time.monotonic() - start
    written = _keep_cards(campaign, cards, question.out)
    pictures = _write(question.out, campaign, undefended, target.identity, attacks_hash(attacks))
    told = _told(campaign, target.identity, written, asked, seconds) | file.left_out
    write_atomically(question.out / "results.json", json.dumps(told, indent=1) + "\n")
    for line in _lines(campaign, written, asked):
        terminal.say(line)
    chapters = campaign_chapters(
        campaign,
        {name: card for name, (card, _) in written.items()},
        pictures=pictures,
        undefended=undefended,
        calls=asked,
        downloads=[f"{link}{path.name}" for _, path in written.values()]
        + [f"{link}{name}" for name in ("results.json", "counts.json", "curves.json")],
    )
    return Report(chapters, told, campaign.family.name in written)


def from_votes(
    path: Path, copies: int, confidence: float, tau: float, missing: Missing, terminal: Terminal
) -> tuple[dict[str, Any], bool]:
    """The bounds of votes that were counted elsewhere, and whether there is a certificate."""
    found = PopulationCertificate.from_votes(read_votes(path), copies, confidence, missing=missing)
    certified = not found.refusal
    share = found.share(tau).lower
    told = {
        "prompts": found.prompts,
        "trials": found.trials,
        "copies": copies,
        "confidence": confidence,
        "method": found.method,
        "certified": certified,
        "refusal": found.refusal,
        "lower": found.lower if certified else None,
        "estimate": found.estimate,
        "share_tau": tau,
        "share_lower": share if certified else None,
        "formula": found.homogeneous,
        "alpha": float(found.votes.mean()),
    }
    if certified:
        terminal.say(found.statement())
        terminal.say(f"at least {share:.1%} of the attacks have a DSP of {tau:g} or more")
    terminal.say(
        f"estimate {found.estimate:.3f}; the published formula says {found.homogeneous:.3f}"
    )
    return told, certified


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


def _write(
    out: Path, campaign: Campaign, undefended: float, identity: Identity, digest: str
) -> dict[str, bytes]:
    """Counts, curves and figures; returns the figures."""
    options = campaign.options
    made_from = {
        "target": dict(identity),
        "judge": dict(campaign.judge.identity),
        "attacks_sha256": digest,
        "seed": options.seed,
    }
    save_decays(campaign.decays, out / "counts.json", made_from)
    save_curves(campaign.fits, out / "curves.json")
    pictures = {
        "asr": draw_decays(campaign.decays, options.epsilon),
        "utility": draw_utility(campaign.offers, undefended, options.utility),
    }
    if campaign.assessments:
        pictures["check"] = draw_check(campaign.assessments)
    for name, picture in pictures.items():
        write_atomically(out / f"{name}.png", picture)
    return pictures


def _keep_cards(
    campaign: Campaign,
    cards: Sequence[tuple[Assessment, CertificateCard | None]],
    out: Path,
) -> dict[str, tuple[CertificateCard, Path]]:
    """Write each card; one of an earlier run does not outlive the refusal of this one."""
    made = {one.family.name: card for one, card in cards}
    written = {}
    for family in campaign.families:
        card, path = made.get(family.name), out / f"certificate-{_slug(family.name)}.json"
        if card is not None:
            written[family.name] = _keep(card, path)
        else:
            path.unlink(missing_ok=True)
    return written


def _keep(card: CertificateCard, path: Path) -> tuple[CertificateCard, Path]:
    """Write a card, unless the same certificate is there already: then its date stays."""
    try:
        earlier = CertificateCard.load(path)
        if replace(card, date=earlier.date) == earlier:
            return earlier, path
    except OutputError:
        pass
    return card, card.save(path)


def _told(
    campaign: Campaign,
    identity: Identity,
    written: dict[str, tuple[CertificateCard, Path]],
    asked: dict[str, int],
    seconds: float,
) -> dict[str, Any]:
    offer = campaign.choice.offer
    return {
        "target": target_name(identity),
        "family": campaign.family.name,
        "setting": None
        if offer is None
        else {"perturbation": offer.kind, "rate": offer.rate, "copies": offer.copies},
        "no_setting": campaign.choice.reason,
        "offers": [one.to_dict() for one in campaign.offers],
        "families": [
            one.to_dict()
            | {
                "certificate": str(written[one.family.name][1])
                if one.family.name in written
                else None
            }
            for one in campaign.assessments
        ],
        "calls": asked,
        "seconds": round(seconds, 1),
    }


def _lines(
    campaign: Campaign, written: dict[str, tuple[CertificateCard, Path]], asked: dict[str, int]
) -> list[str]:
    """The outcome for people."""
    offer = campaign.choice.offer
    if offer is None:
        return [f"no setting: {campaign.choice.reason}"]
    lines = [
        f"setting: {offer.kind}, q = {offer.rate:.0%}, N = {offer.copies}; benign prompts "
        f"answered: {offer.utility.answered} of {offer.utility.asked}"
    ]
    head = ["family", "attacks", "certified", "formula", "held out", "measured", "interval"]
    rows = [_row(one) for one in campaign.assessments]
    lines += table([head, *rows])
    lines += [
        f"{one.family.name}: {int(one.votes.lost.sum())} of {one.votes.lost.size} copies were lost "
        "and count as jailbreaks"
        for one in campaign.assessments
        if one.votes.lost.any()
    ]
    lines += [one.refusal for one in campaign.assessments if one.refusal]
    lines += [card.statement() for card, _ in written.values()]
    lines += [f"certificate {card.id}: {path}" for card, path in written.values()]
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
