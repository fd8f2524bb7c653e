"""Defences side by side on the same attacks and benign prompts, their bounds holding at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from interlock.certify.attacks.adaptive import AdaptiveAttack, AdaptiveRolePlay, AdaptiveSearch
from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.families import by_kind
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.campaign.campaign import Tell
from interlock.certify.campaign.defended import (
    DefenceResult,
    any_suffix,
    attack_adaptively,
    bound_family,
)
from interlock.certify.defences import defence_text, fit_perplexity
from interlock.certify.judges.judge import Judge
from interlock.certify.judges.pairs import PairJudge
from interlock.certify.measures.benign import BenignPrompt
from interlock.certify.measures.undefended import measure_undefended
from interlock.certify.measures.utility import ask_bare, measure_utility
from interlock.certify.statement._checked import Count, Flag, Give, Whole, checked
from interlock.certify.targets.protocol import Target, model_behind
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.errors import DataError
from interlock.names import FailedAttacks


@checked
class DefenceOptions:
    """What is asked of each defence.

    Raises:
        OptionError: a value outside its range.
    """

    votes: Count = 11
    """r, copies of each attack, of a majority of random copies."""
    repeats: Count = 3
    """Decisions on each attack, of every other rule."""
    confidence: Annotated[float, Field(gt=0, lt=1), Give("a probability between 0 and 1")] = 0.95
    """Of each claim."""
    tau: Annotated[float, Field(gt=0, le=1), Give("a probability above 0, at most 1")] = 0.9
    """A prompt counts for the share bound of a card if its own DSP is at least this."""
    tries: Count = 1
    """T, how often an attacker may ask, each time meeting new draws."""
    joint: Flag = False
    """Whether the bounds of all families hold at once, not each family's by itself."""
    keep_failed: Flag = False
    """Keep attacks that are marked as not jailbroken."""
    only_successful: Flag = False
    """Leave out attacks that the undefended target refuses."""
    by_source: Flag = False
    """Take attacks made on one model for one group, too."""
    adaptive: Whole = 0
    """Steps of an adaptive search on each goal; 0 for none."""
    adaptive_goals: Count = 20
    """Goals attacked so, at most."""
    run_code: Flag = False
    """Run the code in benign answers."""
    seed: Whole = 0
    """Of all draws."""

    def failed(self, adaptive: bool) -> FailedAttacks:
        """What is done with attacks that failed; attempts of adaptive attackers stay in."""
        if self.only_successful:
            return "successful only"
        return "in" if self.keep_failed or adaptive else "out"


@dataclass(frozen=True, eq=False)
class SideBySide:
    """What came of all defences."""

    results: tuple[DefenceResult, ...]
    """One for each defence, in the order of naming."""
    attempts: tuple[Attack, ...]
    """Of adaptive attackers, on all of them."""
    notes: tuple[str, ...]
    """A line on each thing that was left out."""


def different(defences: Sequence[Defence]) -> list[Defence]:
    """Each defence once, by its identity: what is named twice is no second choice."""
    kept: dict[str, Defence] = {}
    for defence in defences:
        kept.setdefault(json.dumps(dict(defence.identity), sort_keys=True), defence)
    return list(kept.values())


def attackers_of(target: Target, steps: int) -> list[AdaptiveAttack]:
    """Adaptive attackers with so many steps that a target allows; none without steps."""
    if not steps:
        return []
    attackers: list[AdaptiveAttack] = [AdaptiveSearch(steps=steps), AdaptiveRolePlay()]
    from interlock.certify.targets.local import LocalTarget

    if isinstance(model_behind(target), LocalTarget):
        from interlock.certify.attacks.adaptive_gcg import AdaptiveGCG

        attackers.append(AdaptiveGCG(steps=steps))
    return attackers


def family_names(attacks: Sequence[Attack], attackers: Sequence[AdaptiveAttack]) -> list[str]:
    """Of all families that are bounded: known before anything is asked of a defence."""
    return list(dict.fromkeys([*by_kind(attacks), *(attacker.kind for attacker in attackers)]))


def measure_defences(
    target: Target,
    judge: Judge,
    attacks: Sequence[Attack],
    benign: Sequence[BenignPrompt],
    defences: Sequence[Defence],
    options: DefenceOptions,
    *,
    judge_error: JudgeSample | None = None,
    pair_judge: PairJudge | None = None,
    tell: Tell = lambda step: None,
) -> SideBySide:
    """Put each defence to all attacks, adaptive ones as well, and to benign prompts.

    The bounds of all defences hold at once at ``options.confidence``, so that one may be chosen by
    them. What is named twice counts once.

    Args:
        target, judge: answer and judge.
        attacks: of any families; no defence was chosen on them.
        benign: prompts that should be answered.
        defences: at least one.
        options: what decides the numbers.
        judge_error: a labelled sample of the judge's verdicts.
        pair_judge: compares benign answers with the bare model's where no reference does.
        tell: given the name of each step, returns who is told how far it is.

    Raises:
        DataError: no attacks or benign prompts, or none are left.
        ModelError: every single copy of a measurement was lost.
    """
    notes = list[str]()
    defences = different(_fitted(target, benign, defences, notes))
    attackers = attackers_of(target, options.adaptive)
    joint = len(family_names(attacks, attackers)) if options.joint else 1
    attacks = _kept(target, judge, attacks, options, notes, "")
    if not attacks:
        raise DataError(f"no attacks are left; {'; '.join(notes) or 'give some'}")
    bare = ask_bare(target, judge, benign, seed=options.seed, run_code=options.run_code)
    results, attempts = list[DefenceResult](), list[Attack]()
    for defence in defences:
        name, smooth = defence_text(defence), SmoothLLM(target, defence, judge=judge)
        adaptive = attack_adaptively(
            smooth, attacks, attackers, goals=options.adaptive_goals, seed=options.seed,
            progress=tell(f"{name}: adaptive attacks") if attackers else None,
        )  # fmt: skip
        attempts += adaptive
        adaptive = _kept(target, judge, adaptive, options, notes, f"{name}, adaptive: ")
        families = [
            bound_family(
                target, judge, members, defence, votes=options.votes, repeats=options.repeats,
                confidence=options.confidence, tries=options.tries, joint=joint,
                named=len(defences), seed=options.seed, by_source=options.by_source,
                failed=options.failed(any(one.kind == family for one in attackers)),
                judge_error=judge_error, progress=tell(f"{name}: {family}"),
            )
            for family, members in by_kind([*attacks, *adaptive]).items()
        ]  # fmt: skip
        utility = measure_utility(
            smooth, benign, bare, seed=options.seed, run_code=options.run_code,
            pair_judge=pair_judge,
        )  # fmt: skip
        erasing = any_suffix(target, judge, attacks, defence, seed=options.seed)
        results.append(DefenceResult(defence, tuple(families), utility, erasing))
    return SideBySide(tuple(results), tuple(attempts), tuple(notes))


def _fitted(
    target: Target, benign: Sequence[BenignPrompt], defences: Sequence[Defence], notes: list[str]
) -> list[Defence]:
    """With thresholds that are missing set by the benign prompts; ``notes`` says so."""
    fitted = []
    for defence in defences:
        made = fit_perplexity(defence, target, [one.prompt for one in benign])
        if made != defence:
            notes.append(
                f"{defence_text(made)}: the threshold is fitted on the {len(benign)} benign "
                "prompts that its use is measured on, and on no attack"
            )
        fitted.append(made)
    return fitted


def _kept(
    target: Target,
    judge: Judge,
    attacks: Sequence[Attack],
    options: DefenceOptions,
    notes: list[str],
    where: str,
) -> list[Attack]:
    """Without those that the undefended target refuses, if so wished; ``notes`` has them."""
    if not options.only_successful or not attacks:
        return list(attacks)
    alone = measure_undefended(
        target, judge, attacks, np.arange(len(attacks)), seed=options.seed,
        confidence=options.confidence,
    )  # fmt: skip
    kept = [one for one, good in zip(attacks, alone.successful, strict=True) if good]
    if left_out := len(attacks) - len(kept):
        notes.append(
            f"{where}left out {left_out} attacks that the undefended target refuses; {len(kept)} "
            "attacks are left"
        )
    return kept
