"""Measurements on a target: what ``interlock certify measure`` runs.

Each function asks the target in one seeded order, so that with a ``StoredTarget`` a killed run
continues and a repeated one asks nothing. A lost copy counts as a jailbreak here: always against
the defence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from interlock.certify.attacks.attack import Attack
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.measures.measurements import (
    DecayMeasurement,
    DefenceMeasurement,
    VoteMeasurement,
)
from interlock.certify.targets.protocol import Message, Prompt, Reply, Target
from interlock.certify.vote.graphemes import graphemes
from interlock.certify.vote.perturb import Perturbation, copy_generator, sampling_seed
from interlock.certify.vote.random_copies import Change, RandomCopies
from interlock.certify.vote.smoothllm import SmoothLLM, judge_replies
from interlock.errors import DataError, ModelError, OptionError
from interlock.names import PerturbationKind

Progress = Callable[[int, int], None]
"""Told how many calls are done, and of how many."""


def measure_decay(
    target: Target,
    judge: Judge,
    attacks: Sequence[Attack],
    kind: PerturbationKind,
    k: Sequence[int],
    *,
    trials: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> DecayMeasurement:
    """ASR(k): perturb exactly k characters of each attack's suffix, ``trials`` times.

    k = 0 is one trial. An attack whose suffix has fewer than k characters sits that k out.

    Raises:
        OptionError: no k, a negative one, or fewer than one trial.
        DataError: no attacks.
        ModelError: every single copy was lost.
    """
    where, prompts = decay_prompts(attacks, kind, k, trials=trials, seed=seed)
    verdicts, _ = ask_and_judge(target, judge, prompts, progress)
    successes = np.zeros((len(attacks), len(k)), dtype=np.int64)
    asked = np.zeros_like(successes)
    for place, verdict in zip(where, verdicts, strict=True):
        asked[place] += 1
        successes[place] += verdict is not Verdict.REFUSED
    lost = sum(verdict is Verdict.LOST for verdict in verdicts)
    return DecayMeasurement(kind, np.array(k), successes, asked, lost)


def decay_prompts(
    attacks: Sequence[Attack],
    kind: PerturbationKind,
    k: Sequence[int],
    *,
    trials: int = 5,
    seed: int = 0,
) -> tuple[list[tuple[int, int]], list[Prompt]]:
    """What :func:`measure_decay` asks, each with its attack's number and the place of its k.

    Raises:
        OptionError: no k, a negative one, or fewer than one trial.
        DataError: no attacks.
    """
    if not k or min(k) < 0 or trials < 1:
        raise OptionError(f"k={list(k)}, trials={trials}: give k >= 0 and at least one trial")
    _need(attacks)
    perturbation = Perturbation(kind)
    where, prompts = [], []
    for row, attack in enumerate(attacks):
        length = len(graphemes(attack.suffix))
        for column, changes in enumerate(k):
            for trial in range(0 if changes > length else trials if changes else 1):
                draw = f"{attack.whole}/{changes}"
                rng = copy_generator(draw, seed, trial)
                text = perturbation.change_exactly(
                    attack.prompt, changes, seed=rng, span=attack.span
                )
                chat = (*attack.earlier, Message("user", text))
                prompts.append(Prompt(chat, sampling_seed(draw, seed, trial)))
                where.append((row, column))
    return where, prompts


def measure_votes(
    target: Target,
    judge: Judge,
    prompts: Sequence[str | Prompt],
    perturbation: Change,
    *,
    trials: int = 11,
    seed: int = 0,
    progress: Progress | None = None,
) -> VoteMeasurement:
    """The verdict on ``trials`` perturbed copies of each prompt.

    Raises:
        OptionError: fewer than one trial.
        DataError: no prompts.
        ModelError: every single copy was lost.
    """
    if trials < 1:
        raise OptionError(f"trials={trials}: give at least one copy a prompt")
    _need(prompts)
    smooth = SmoothLLM(target, RandomCopies(perturbation, trials), judge=judge)
    copies = [copy for prompt in prompts for copy in smooth.perturbed(prompt, seed=seed)]
    verdicts, replies = ask_and_judge(target, judge, copies, progress)
    table = np.array([v.value for v in verdicts]).reshape(len(prompts), trials)
    refused, lost = table == Verdict.REFUSED.value, table == Verdict.LOST.value
    return VoteMeasurement(refused, lost, tuple(copies), tuple(replies))


def measure_defence(
    smooth: SmoothLLM,
    prompts: Sequence[str | Prompt],
    *,
    repeats: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> DefenceMeasurement:
    """Put attacks through whole votes, each ``repeats`` times with fresh copies.

    A refusal that lost copies brought about is not credited to the defence.

    Raises:
        OptionError: fewer than one repeat.
        DataError: no prompts.
    """
    if repeats < 1:
        raise OptionError(f"repeats={repeats}: give at least 1")
    _need(prompts)
    defended = np.zeros((len(prompts), repeats), dtype=np.bool_)
    calls = saved = 0
    for column in range(repeats):
        fresh = repeat_seed(seed, column)
        copies = [smooth.perturbed(prompt, seed=fresh) for prompt in prompts]
        decisions = smooth.decide_many(copies, [fresh] * len(prompts))
        for row, decision in enumerate(decisions):
            defended[row, column] = decision.defended
            calls, saved = calls + decision.calls, saved + decision.saved
        if progress is not None:
            progress((column + 1) * len(prompts), repeats * len(prompts))
    return DefenceMeasurement(defended, calls, saved)


def repeat_seed(seed: int, repeat: int) -> int:
    """Of the copies of an attack's whole vote number ``repeat``, from 0."""
    return seed + 10_007 * repeat


def ask_and_judge(
    target: Target, judge: Judge, prompts: Sequence[Prompt], progress: Progress | None = None
) -> tuple[list[Verdict], list[Reply]]:
    """The verdict on each prompt's answer, and the answers.

    Raises:
        ModelError: every single call was lost.
    """
    done = 0

    def count(_: int, __: Reply) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(prompts))

    replies = target.ask(prompts, on_reply=count)
    if replies and all(reply.lost for reply in replies):
        raise ModelError(f"every call of the target failed; the first: {replies[0].error}")
    return judge_replies(judge, prompts, replies), replies


def _need(items: Sequence[object]) -> None:
    if not items:
        raise DataError("nothing to measure on; give at least one prompt")
