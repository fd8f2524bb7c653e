"""The run behind ``certify report --defence``: defences side by side on the same attacks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.certify import write_attacks
from interlock.certify.campaign.assessment import target_name
from interlock.certify.campaign.defended import DefenceResult
from interlock.certify.campaign.defended_card import defended_card
from interlock.certify.campaign.side_by_side import DefenceOptions, measure_defences
from interlock.certify.defences import defence_text, parse_defence, with_classifier
from interlock.certify.statement.comparison import Compared, compare_defences, read_defences
from interlock.certify.targets.classified import classifier_identity
from interlock.cli.certify.question import Question, calls
from interlock.cli.certify.report import keep_card, say_compared, slug
from interlock.cli.terminal import Terminal, table
from interlock.report import Chapter, comparison_chapter, render_page
from interlock.report.studies import Grid, grids_chapter

_HEAD = (
    "defence", "attacks", "n", "groups", "undefended", "certified", "estimate", "calls", "tokens",
)  # fmt: skip
_NOTE = (
    "Undefended: the share of the attacks that succeed without a defence. Certified: the lower "
    "bound on the share of such attacks that are judged refused. The bounds of all defences named "
    "hold at once, so that one may be chosen by them. Calls and tokens: mean of "
    "a decision, early stopping on."
)


def side_by_side(
    question: Question,
    texts: Sequence[str],
    options: DefenceOptions,
    terminal: Terminal,
    *,
    benign: int | None = None,
    compare: Path | None = None,
) -> dict[str, Any]:
    """Measure each defence on all attacks and benign prompts; writes page and results.

    ``compare`` is the folder of another run of defences, set beside this one.

    Raises:
        InterlockError: a defence that is none, or something cannot be opened or asked.
    """
    other = None if compare is None else read_defences(compare)  # before this run overwrites it
    start, defences = time.monotonic(), [parse_defence(text) for text in texts]
    file, prompts = question.read_attacks(terminal), question.read_benign()[:benign]
    with question.open() as asks, terminal.steps(lines=True) as tell:
        defences = [with_classifier(one, classifier_identity(asks.target)) for one in defences]
        made = measure_defences(
            asks.target, asks.judge, file.attacks, prompts, defences, options,
            judge_error=asks.error, pair_judge=asks.pair_judge, tell=tell,
        )  # fmt: skip
        asked, identity = calls(asks.target, terminal), asks.target.identity
    results = made.results
    for note in made.notes:
        terminal.note(note)
    if made.attempts:
        write_attacks(made.attempts, question.out / "adaptive.jsonl")
    rows = [result.to_dict() for result in results]
    cards = [
        line
        for result, row in zip(results, rows, strict=True)
        for line in _keep_cards(result, row["families"], options.tau, question.out)
    ]
    outcome: dict[str, Any] = {
        "target": target_name(identity),
        "judge": dict(asks.judge.identity),
        "notes": list(made.notes),
        "defences": rows,
        "calls": asked,
        "seconds": round(time.monotonic() - start, 1),
        **file.left_out,
    }
    chapters, compared = _chapters(results), list[Compared]()
    if other is not None:
        this = {row["defence"]: row["families"] for row in rows}
        compared = compare_defences(this, other, options.confidence)
        outcome["compared"] = {"with": str(compare), "families": [asdict(one) for one in compared]}
        chapters.append(comparison_chapter(compared, str(compare), options.confidence))
    write_atomically(question.out / "defences.json", json.dumps(outcome, indent=1) + "\n")
    page = render_page("Defences side by side", chapters)
    path = write_atomically(question.out / "defences.html", page)
    for line in [*_lines(results), *cards]:
        terminal.say(line)
    if compare is not None:
        say_compared(compared, compare, terminal)
    terminal.say(f"{asked['asked']} calls, {asked['remembered']} remembered; report: {path}")
    return {"report": str(path), **outcome}


def _keep_cards(
    result: DefenceResult, rows: Sequence[dict[str, Any]], tau: float, out: Path
) -> list[str]:
    """Write a defence's card of each family, and say so in the family's row and in a line; one of
    an earlier run does not outlive the refusal of this one."""
    lines, name = [], defence_text(result.defence)
    for one, row in zip(result.families, rows, strict=True):
        path = out / f"certificate-{slug(one.family)}-{slug(name)}.json"
        if (card := defended_card(one, result.defence, tau)) is None:
            path.unlink(missing_ok=True)
            lines.append(f"{name}, {one.family}: {one.refusal}")
        else:
            card, path = keep_card(card, path)
            lines.append(f"certificate {card.id}: {path}")
        row["certificate"] = None if card is None else str(path)
    return lines


def _rows(results: Sequence[DefenceResult]) -> list[list[str]]:
    return [
        [
            defence_text(result.defence),
            one.family,
            str(len(one.attacks)),
            str(one.clusters.effective),
            f"{one.undefended.attack.share:.3f}",
            f"{one.certificate.lower:.3f}",
            f"{one.certificate.estimate:.3f}",
            f"{one.cost.calls:.1f}",
            f"{one.cost.prompt_tokens + one.cost.answer_tokens:.0f}",
        ]
        for result in results
        for one in result.families
    ]


def _benign(results: Sequence[DefenceResult]) -> list[list[str]]:
    rows = []
    for result in results:
        one = result.benign
        low, high = one.interval()
        rows.append(
            [
                defence_text(result.defence),
                f"{one.released} of {one.asked}",
                f"{low:.3f}–{high:.3f}",
                f"{one.bare_answered} of {one.asked}",
                f"{one.as_good} of {one.compared}",
                f"{one.right} of {one.checked}",
                f"{one.bare_right} of {one.checked}",
                f"{one.mean_calls:.1f}",
            ]
        )
    return rows


_BENIGN = (
    "defence", "benign released", "interval", "bare answers", "as good", "right", "bare right",
    "calls",
)  # fmt: skip


def _lines(results: Sequence[DefenceResult]) -> list[str]:
    lines = [*table([list(_HEAD), *_rows(results)]), *table([list(_BENIGN), *_benign(results)])]
    lines += _sentences(results)
    return lines


def _sentences(results: Sequence[DefenceResult]) -> list[str]:
    lines = []
    for result in results:
        name = defence_text(result.defence)
        lines += [one.statement(name) for one in result.families]
        if result.erasing is not None:
            lines.append(f"{name}, apart from any bound: {result.erasing.statement()}")
    return lines


def _chapters(results: Sequence[DefenceResult]) -> list[Chapter]:
    attacks = Grid("Attacks refused", _HEAD, _rows(results))
    benign = Grid("Benign prompts", _BENIGN, _benign(results))
    note = " ".join([_NOTE, *_sentences(results)])
    return [grids_chapter("Defences", "defences", [attacks, benign], note)]
