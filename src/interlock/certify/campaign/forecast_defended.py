"""What defences side by side will ask and could promise at best, told before anything is asked.

Votes on random copies, the bare model's answers and the bare goals are asked whatever comes back:
they are counted one by one, equal prompts once. Of every other rule the first refusal may be the
last question, so that the most is told, and the first questions are certain. Adaptive attackers
stop when they succeed; what is told is what they ask where they never do, of prompts that nobody
knows yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interlock.certify.attacks.adaptive import AdaptiveAttack
from interlock.certify.attacks.attack import Attack, texts_of
from interlock.certify.attacks.clusters import find_clusters
from interlock.certify.attacks.families import by_kind
from interlock.certify.bounds.counts import joint_confidence
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.call_counter import (
    BestBound,
    CallCounter,
    Forecast,
    Tokens,
    first_asked,
)
from interlock.certify.campaign.defended import bare_goals, chosen_goals
from interlock.certify.campaign.side_by_side import (
    DefenceOptions,
    attackers_of,
    different,
    family_names,
)
from interlock.certify.defences import EraseAndCheck, defence_text
from interlock.certify.defences.erase_certificate import erasing_prompts
from interlock.certify.measures.benign import BenignPrompt
from interlock.certify.measures.measure import repeat_seed
from interlock.certify.measures.undefended import undefended_prompts
from interlock.certify.measures.utility import bare_prompt
from interlock.certify.targets.protocol import Prompt
from interlock.certify.targets.store import StoredTarget
from interlock.certify.vote.asks import Asks, Defence
from interlock.certify.vote.random_copies import RandomCopies


@dataclass(frozen=True)
class DefenceBound(BestBound):
    """The bound that a defence gets where every vote on each attack is a refusal."""

    defence: str
    """By its text."""

    @property
    def title(self) -> str:
        """Defence and family."""
        return f"{self.defence}, {self.family}"


def forecast_defended(
    target: StoredTarget,
    attacks: Sequence[Attack],
    benign: Sequence[BenignPrompt],
    defences: Sequence[Defence],
    options: DefenceOptions,
    tokens: Tokens,
    *,
    judge_error: JudgeSample | None = None,
) -> Forecast:
    """Count what :func:`~interlock.certify.campaign.side_by_side.measure_defences` asks.

    Args:
        target: with the store of answers that need not be asked again; it is asked nothing.
        attacks, benign, defences, options, judge_error: as the run takes them.
        tokens: counts those of a prompt.
    """
    defences, counter = different(defences), CallCounter(target, tokens)
    attackers, seed = attackers_of(target, options.adaptive), options.seed
    counter.add("attacks, undefended", list(undefended_prompts(attacks, seed).values()))
    # Where none of the attacks succeeds undefended the run ends there.
    bare = [bare_prompt(one, seed) for one in benign]
    counter.add("benign prompts, undefended", bare, () if options.only_successful else None)
    compared = sum(
        _count(counter, defence, attacks, bare, attackers, options) for defence in defences
    )
    names = family_names(attacks, attackers)
    joint = len(defences) * (len(names) if options.joint else 1)
    bounds = tuple(
        _best(defence, name, attacks, attackers, options, joint, judge_error)
        for defence in defences
        for name in names
    )
    return counter.forecast(bounds, options.confidence, compared)


def _count(
    counter: CallCounter,
    defence: Defence,
    attacks: Sequence[Attack],
    bare: Sequence[Prompt],
    attackers: Sequence[AdaptiveAttack],
    options: DefenceOptions,
) -> int:
    """The steps of one defence; how many benign answers may differ from the bare model's.

    The original's answer is the bare model's. That of a copy that asks the same, and is taken in
    its place, is none where the target samples.
    """
    name, seed = defence_text(defence), options.seed
    voting, seeds = _voting(defence, options)
    for kind, members in by_kind(attacks).items():
        asked = _asked(voting, [attack.asked for attack in members], seeds)
        _add(counter, f"{name}: {kind}", asked, options, all_=isinstance(defence, RandomCopies))
    chosen = chosen_goals(attacks, options.adaptive_goals)
    for attacker in attackers:
        texts = [attacker.widest(goal, start) for goal, start in chosen]
        chats = [Prompt.user(text) for text in texts]
        widest = [*chats, *(one for asks in _asked(defence, chats) for one in asks)]
        calls = attacker.most_calls(defence.most) * len(chosen)
        counter.add_unknown(f"{name}: search of {attacker.kind}", calls, widest)
        # The votes that decide, and the attempt and its goal without a defence.
        votes = (voting.most * len(seeds) + 2) * len(chosen)
        counter.add_unknown(f"{name}: {attacker.kind}", votes, widest)
    asked = _asked(defence, bare, [seed])
    _add(counter, f"{name}: benign prompts", asked, options)
    if isinstance(defence, EraseAndCheck) and (goals := bare_goals(attacks, defence)):
        alone = list(erasing_prompts(goals, defence, seed=seed).values())
        counter.add(f"{name}: bare goals", alone, () if options.only_successful else None)
    return sum(
        any(copy.messages == prompt.messages for copy in asks)
        for asks, prompt in zip(asked, bare, strict=True)
    )


def _add(
    counter: CallCounter,
    name: str,
    asked: Sequence[Asks],
    options: DefenceOptions,
    *,
    all_: bool = False,
) -> None:
    """A step of decisions, of which the first questions are certain, or all."""
    prompts = [prompt for asks in asked for prompt in asks]
    first = [prompt for asks in asked for prompt in first_asked(asks)]
    certain = [] if options.only_successful else None if all_ else first
    counter.add(name, prompts, certain)


def _voting(defence: Defence, options: DefenceOptions) -> tuple[Defence, list[int]]:
    """Whose questions about an attack are asked, and the seeds of its decisions."""
    if isinstance(defence, RandomCopies):
        more = max(options.votes, defence.copies)
        return RandomCopies(defence.change, more), [options.seed]
    return defence, [repeat_seed(options.seed, column) for column in range(options.repeats)]


def _asked(defence: Defence, prompts: Sequence[Prompt], seeds: Sequence[int] = (0,)) -> list[Asks]:
    return [defence.asks(prompt, seed=seed) for seed in seeds for prompt in prompts]


def _best(
    defence: Defence,
    family: str,
    attacks: Sequence[Attack],
    attackers: Sequence[AdaptiveAttack],
    options: DefenceOptions,
    joint: int,
    judge_error: JudgeSample | None,
) -> DefenceBound:
    """Of one family; attempts that are not made yet are taken to be unlike each other."""
    members = by_kind(attacks).get(family, [])
    labels, texts = list[int](), texts_of(members)
    if members:
        labels = find_clusters(members, by_source=options.by_source).groups.tolist()
    made = sum(attacker.kind == family for attacker in attackers)
    new = made * len(chosen_goals(attacks, options.adaptive_goals))
    labels += range(len(set(labels)), len(set(labels)) + new)
    texts += [f"attempt {number}" for number in range(new)]
    copies, trials, error = 1, options.repeats, None
    if isinstance(defence, RandomCopies):
        copies, error = defence.copies, judge_error
        trials = max(options.votes, copies)
    alone, grouped = (
        PopulationCertificate.from_votes(
            np.ones((len(labels), trials), dtype=bool), copies,
            joint_confidence(options.confidence, joint), judge=error, groups=groups,
            tries=options.tries, texts=texts,
        ).lower
        for groups in (None, labels)
    )  # fmt: skip
    return DefenceBound(
        family, len(labels), len(set(labels)), alone, grouped, defence_text(defence)
    )
