"""The run behind ``certify report --defence``: defences side by side on the same attacks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock._files import write_atomically
from interlock.certify import write_attacks
from interlock.certify.attacks.adaptive import AdaptiveAttack, AdaptiveRolePlay, AdaptiveSearch
from interlock.certify.attacks.families import by_kind
from interlock.certify.campaign.assessment import target_name
from interlock.certify.campaign.defended import (
    DefenceResult,
    any_suffix,
    attack_adaptively,
    bound_family,
)
from interlock.certify.campaign.utility import ask_bare, measure_utility
from interlock.certify.defences import defence_text, parse_defence
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.cli.certify.question import Question, calls
from interlock.cli.terminal import Terminal, table
from interlock.report import Chapter, render_page
from interlock.report.studies import Grid, grids_chapter

_HEAD = (
    "defence", "attacks", "n", "groups", "undefended", "certified", "estimate", "calls", "tokens",
)  # fmt: skip
_NOTE = (
    "Undefended: the share of the attacks that succeed without a defence. Certified: the lower "
    "bound on the share of such attacks that are judged refused, each by itself. Of several "
    "defences the best bound is chosen on its own votes: it holds only if that one was named "
    "beforehand. Calls and tokens: mean of a decision, early stopping on."
)


@dataclass(frozen=True)
class Defended:
    """What is asked of each defence."""

    votes: int = 11
    """r, copies of each attack, of a majority of random copies."""
    repeats: int = 3
    """Decisions on each attack, of every other rule."""
    confidence: float = 0.95
    """Of each bound."""
    by_source: bool = False
    """Take attacks made on one model for one group, too."""
    adaptive: int = 0
    """Steps of an adaptive search on each goal; 0 for none."""
    adaptive_goals: int = 20
    """Goals attacked so, at most."""
    run_code: bool = False
    """Run the code in benign answers."""
    seed: int = 0
    """Of all draws."""


def side_by_side(
    question: Question,
    texts: Sequence[str],
    options: Defended,
    terminal: Terminal,
    *,
    benign: int | None = None,
) -> dict[str, Any]:
    """Measure each defence on all attacks and benign prompts; writes page and results.

    Raises:
        InterlockError: a defence that is none, or something cannot be opened or asked.
    """
    start, defences = time.monotonic(), [parse_defence(text) for text in texts]
    file, prompts = question.read_attacks(terminal), question.read_benign()[:benign]
    results, attempts = list[DefenceResult](), list[Any]()
    with question.open() as (target, judge, error), terminal.steps(lines=True) as tell:
        pair_judge = question.make_pair_judge(target.store)
        bare = ask_bare(target, judge, prompts, seed=options.seed, run_code=options.run_code)
        for defence in defences:
            name = defence_text(defence)
            smooth = SmoothLLM(target, defence, judge=judge)
            adaptive = (
                attack_adaptively(
                    smooth, file.attacks, _attackers(target.target, options.adaptive),
                    goals=options.adaptive_goals, seed=options.seed,
                    progress=tell(f"{name}: adaptive attacks"),
                )
                if options.adaptive
                else []
            )  # fmt: skip
            attempts += adaptive
            families = [
                bound_family(
                    target, judge, attacks, defence, votes=options.votes, repeats=options.repeats,
                    confidence=options.confidence, seed=options.seed, judge_error=error,
                    by_source=options.by_source,
                    failed="in" if question.keep_failed else "out",
                    progress=tell(f"{name}: {kind}"),
                )
                for kind, attacks in by_kind([*file.attacks, *adaptive]).items()
            ]  # fmt: skip
            results.append(
                DefenceResult(
                    defence,
                    tuple(families),
                    measure_utility(
                        smooth, prompts, bare, seed=options.seed, run_code=options.run_code,
                        pair_judge=pair_judge,
                    ),
                    any_suffix(target, judge, file.attacks, defence, seed=options.seed),
                )
            )  # fmt: skip
        asked, identity = calls(target, terminal), target.identity
    if attempts:
        write_attacks(attempts, question.out / "adaptive.jsonl")
    outcome: dict[str, Any] = {
        "target": target_name(identity),
        "judge": dict(judge.identity),
        "defences": [result.to_dict() for result in results],
        "calls": asked,
        "seconds": round(time.monotonic() - start, 1),
        **file.left_out,
    }
    write_atomically(question.out / "defences.json", json.dumps(outcome, indent=1) + "\n")
    page = render_page("Defences side by side", _chapters(results))
    path = write_atomically(question.out / "defences.html", page)
    for line in _lines(results):
        terminal.say(line)
    terminal.say(f"{asked['asked']} calls, {asked['remembered']} remembered; report: {path}")
    return {"report": str(path), **outcome}


def _attackers(target: Any, steps: int) -> list[AdaptiveAttack]:
    attackers: list[AdaptiveAttack] = [AdaptiveSearch(steps=steps), AdaptiveRolePlay()]
    from interlock.certify.targets.local import LocalTarget

    if isinstance(target, LocalTarget):
        from interlock.certify.attacks.adaptive_gcg import AdaptiveGCG

        attackers.append(AdaptiveGCG(steps=steps))
    return attackers


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
