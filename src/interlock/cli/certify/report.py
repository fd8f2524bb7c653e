"""The runs behind ``certify report``: the whole way in one page, and the paper's figures."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock._files import make_folder, write_atomically
from interlock._pictures import png_bytes
from interlock.certify import CertificateCard, PopulationCertificate
from interlock.certify.bounds.votes import read_votes
from interlock.certify.campaign.assessment import Assessment
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.figure import draw_check, draw_decays, draw_utility
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.result import CampaignResult
from interlock.certify.measures.curve_file import save_curves
from interlock.certify.measures.family_decay import save_decays
from interlock.certify.statement.comparison import Compared, compare_runs, read_run
from interlock.cli.certify.question import Question, calls
from interlock.cli.terminal import Terminal, table
from interlock.errors import OutputError
from interlock.names import Missing
from interlock.report import (
    Chapter,
    campaign_chapters,
    comparison_chapter,
    figures_chapter,
    render_page,
)
from interlock.report.campaigns import utility_lines


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
    compare: Path | None = None,
) -> Report:
    """Run the whole way, with at most ``benign`` benign prompts, and write page and results.

    ``compare`` is the folder of another run, set beside this one.
    """
    made = run_campaign(question, options, terminal, benign=benign, compare=compare)
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
    compare: Path | None = None,
    link: str = "",
) -> Report:
    """Run the whole way and write all but the page.

    Args:
        question: whom to ask, about what.
        options: what decides the numbers.
        terminal: told the outcome, and the progress.
        benign: prompts used of those given; all when None.
        compare: folder of another run; None for none.
        link: where ``question.out`` lies, seen from the page.
    """
    start = time.monotonic()
    other = None if compare is None else read_run(compare)  # before this run overwrites it
    file, prompts = question.read_attacks(terminal), question.read_benign()[:benign]
    with question.open() as asks, terminal.steps(lines=True) as tell:
        campaign = Campaign(
            asks.target, asks.judge, file.attacks, prompts, options, judge_error=asks.error,
            tell=tell, pair_judge=asks.pair_judge,
        )  # fmt: skip
        result = campaign.run()
        asked = calls(asks.target, terminal)
    seconds = time.monotonic() - start
    result, paths = _keep_cards(result, question.out)
    pictures = _write(question.out, result)
    for note in result.notes:
        terminal.note(note)
    outcome = result.to_dict() | {"calls": asked, "seconds": round(seconds, 1)} | file.left_out
    for row in outcome["families"]:
        path = paths.get(row["family"])
        row["certificate"] = None if path is None else str(path)
    compared = []
    if other is not None:
        compared = compare_runs(outcome["families"], other["families"], options.confidence)
        outcome["compared"] = {"with": str(compare), "families": [asdict(one) for one in compared]}
    write_atomically(question.out / "results.json", json.dumps(outcome, indent=1) + "\n")
    for line in _lines(result, paths, asked):
        terminal.say(line)
    if compare is not None:
        say_compared(compared, compare, terminal)
    files = [*(path.name for path in paths.values()), "results.json", "counts.json", "curves.json"]
    downloads = [f"{link}{name}" for name in files]
    chapters = campaign_chapters(result, pictures=pictures, calls=asked, downloads=downloads)
    if other is not None:
        chapters.insert(1, comparison_chapter(compared, str(compare), options.confidence))
    return Report(chapters, outcome, result.certified)


def say_compared(compared: Sequence[Compared], other: Path, terminal: Terminal) -> None:
    """A line for each family of attacks that another run met, too."""
    for one in compared:
        terminal.say(
            f"{one.family}, beside {other}: {one.this:.3f} and {one.other:.3f} refused, "
            f"difference {one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}] over "
            f"{one.groups} groups"
        )
    if not compared:
        terminal.note(f"{other}: no attack was certified on in both runs")


def from_votes(
    path: Path,
    copies: int,
    confidence: float,
    tau: float,
    missing: Missing,
    terminal: Terminal,
    *,
    tries: int = 1,
) -> tuple[dict[str, Any], bool]:
    """The bounds of votes that were counted elsewhere, and whether voting helps."""
    file = read_votes(path)
    bound = PopulationCertificate.from_votes(
        file.votes, copies, confidence, missing=missing, tries=tries, groups=file.groups,
        texts=file.prompts,
    )  # fmt: skip
    certified = not bound.refusal
    share = bound.share(tau).lower
    outcome = {
        "prompts": bound.prompts,
        "groups": bound.effective,
        "trials": bound.trials,
        "copies": copies,
        "confidence": confidence,
        "method": bound.method,
        "certified": certified,
        "refusal": bound.refusal,
        "tries": tries,
        "lower": bound.lower,
        "estimate": bound.estimate,
        "share_tau": tau,
        "share_lower": share,
        "formula": bound.homogeneous,
        "alpha": float(bound.votes.mean()),
    }
    terminal.say(bound.statement())
    if file.groups is None:
        terminal.say(
            "every row was taken for an independent attack; give a column 'group' where some share "
            "a goal, a template or a suffix"
        )
    if not certified:  # told all the same: a bound that is shown only where it is good fails
        terminal.say(f"lower bound: {bound.lower:.3f}")
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
        path = out / f"certificate-{slug(family)}.json"
        if family in result.cards:
            cards[family], paths[family] = keep_card(result.cards[family], path)
        else:
            path.unlink(missing_ok=True)
    return replace(result, cards=cards), paths


def keep_card(card: CertificateCard, path: Path) -> tuple[CertificateCard, Path]:
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
    lines = [f"{name}: {one}" for name, one in result.without_defence.items()]
    if offer is None:
        return [*lines, f"no setting: {result.choice.reason}"]
    lines += [
        f"setting: {offer.kind}, q = {offer.rate:.0%}, N = {offer.copies}; "
        f"{offer.utility.mean_calls:.1f} calls for a benign prompt",
        *utility_lines(offer),
    ]
    head = ["family", "attacks", "groups", "undefended", "at least", "card", "formula", "held out"]
    head += ["measured", "interval"]
    lines += table([head, *map(_row, result.assessments)])
    lines += [
        f"{one.family.name}: {int(one.votes.lost.sum())} of {one.votes.lost.size} copies were lost "
        "and count as jailbreaks"
        for one in result.assessments
        if one.votes.lost.any()
    ]
    lines += [f"{one.family.name}: {one.family.clusters()}" for one in result.assessments]
    for one in result.assessments:
        lines += [one.statement(), *([one.refusal] if one.refusal else [])]
    lines += [f"certificate {card.id}: {paths[name]}" for name, card in result.cards.items()]
    lines.append(f"{asked['asked']} calls, {asked['remembered']} remembered")
    return lines


def _row(one: Assessment) -> list[str]:
    held = one.held_out
    checked = ["0", "", ""]
    if held is not None:
        checked = [str(held.attacks), f"{held.dsp:.3f}", f"{held.low:.3f}–{held.high:.3f}"]
    return [
        one.family.name,
        str(one.certificate.prompts),
        str(one.certificate.effective),
        f"{one.undefended.attack.share:.3f}",
        f"{one.certificate.lower:.3f}",
        "none" if one.refusal else "yes",
        f"{one.certificate.homogeneous:.3f}",
        *checked,
    ]


def slug(name: str) -> str:
    """A file name for the family; a name that does not fit one gets a hash of its own."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in name)[:60]
    return kept if kept == name else f"{kept}-{sha256(name.encode()).hexdigest()[:8]}"
