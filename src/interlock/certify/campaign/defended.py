"""Any defence against any attacks: the population bound, what it costs, what benign users get.

A defence that is named beforehand is chosen on nothing, so all attacks of a family count for its
bound. What is counted depends on its rule: of random copies whose majority decides each copy's
vote (r of them for N), of everything else whole decisions, so that the certificate is one of a
"vote of one copy" that is the decision itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from interlock.certify.attacks.adaptive import AdaptiveAttack
from interlock.certify.attacks.attack import Attack, attacks_hash, texts_of
from interlock.certify.attacks.clusters import Clusters, find_clusters
from interlock.certify.attacks.families import LEAST
from interlock.certify.bounds.counts import joint_confidence
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.assessment import target_name
from interlock.certify.campaign.by_attack import by_attack
from interlock.certify.defences import EraseAndCheck, defence_text
from interlock.certify.defences.erase_certificate import EraseCertificate, certify_erasing
from interlock.certify.judges.judge import Judge
from interlock.certify.measures.measure import Progress, measure_votes, repeat_seed
from interlock.certify.measures.outcome import Utility
from interlock.certify.measures.undefended import Undefended, measure_undefended
from interlock.certify.statement.claim import claim
from interlock.certify.targets.protocol import Identity, Target
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.decision import Decision
from interlock.certify.vote.random_copies import RandomCopies
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.errors import DataError, OptionError
from interlock.names import FailedAttacks

_FAR = 500_000_003
"""Between the seeds that an adaptive attacker searches with and those that decide over it."""


@dataclass(frozen=True)
class Cost:
    """What one decision costs on average; lost calls and retries included."""

    calls: float
    """Calls of the target, early stopping on, the answer to a released prompt included."""
    prompt_tokens: float
    """Tokens read, as the target counts them; 0 where it does not say."""
    answer_tokens: float
    """Tokens written, likewise."""

    @classmethod
    def of(cls, decisions: Sequence[Decision]) -> Cost:
        """The mean over decisions, at least one."""
        replies = [
            [vote.reply for vote in one.votes]
            + ([one.original.reply] if one.original is not None and one.original.calls else [])
            for one in decisions
        ]
        return cls(
            float(np.mean([one.calls for one in decisions])),
            float(np.mean([sum(reply.prompt_tokens for reply in row) for row in replies])),
            float(np.mean([sum(reply.completion_tokens for reply in row) for row in replies])),
        )

    def to_dict(self) -> dict[str, float]:
        """Plain values."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class DefendedFamily:
    """One defence against one family of attacks."""

    family: str
    """The attacks' kind."""
    attacks: tuple[Attack, ...]
    """All that voted, n."""
    clusters: Clusters
    """Groups of attacks that are alike: what the bound takes for independent draws."""
    certificate: PopulationCertificate
    """Of votes, or of whole decisions (``copies`` 1). Only the former has the judge's counted error
    inside: an error on one answer weighs otherwise in a rule over many."""
    whole: bool
    """Whether whole decisions were counted."""
    judge: Mapping[str, Any]
    """The judge's identity."""
    asked: Identity
    """The target's."""
    undefended: Undefended
    """The same attacks, and their bare goals, without a defence."""
    lost: int
    """Votes without a verdict; they count as jailbreaks."""
    cost: Cost
    """Of a decision on an attack."""
    failed: FailedAttacks = "out"
    """What was done with attacks that failed."""
    confidence: float = 0.95
    """Of the claim; that of the bound itself is higher where several hold together."""
    joint: int = 1
    """Families whose bounds hold at once."""
    named: int = 1
    """Defences that were named, whose bounds hold at once: so one may be chosen by its bound."""
    seed: int = 0
    """Of all draws."""

    @property
    def refusal(self) -> str:
        """Why there is no certificate card; empty where there is one.

        By the number of groups alone, never by the votes that the bound is made of: a bound that
        is kept only where it looks good does not hold.
        """
        if self.clusters.effective >= LEAST:
            return ""
        return f"No certificate: {self.clusters}; a card stands on {LEAST} groups or more."

    def statement(self, defence: str) -> str:
        """The bound in one sentence."""
        bound = self.certificate
        return claim(
            lower=bound.lower, confidence=self.confidence, joint=self.joint, named=self.named,
            tries=bound.tries, family=self.family, attacks=len(self.attacks),
            groups=self.clusters.effective, failed=self.failed,
            judge=self.judge, judge_error=None if bound.judge is None else asdict(bound.judge),
            target=target_name(self.asked), identity=self.asked, defence=defence,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        bound = self.certificate
        return {
            "family": self.family,
            "attacks": len(self.attacks),
            "attacks_sha256": attacks_hash(self.attacks),
            "groups": self.clusters.effective,
            "refusal": self.refusal,
            "ties": self.clusters.counts,
            "counted": "decisions" if self.whole else "votes",
            "copies": bound.copies,
            "trials": bound.trials,
            "tries": bound.tries,
            "confidence": self.confidence,
            "joint": self.joint,
            "named": self.named,
            "method": bound.method,
            "lower": bound.lower,
            "estimate": bound.estimate,
            "judge_counted": self.certificate.judge is not None,
            "undefended": self.undefended.to_dict(),
            "failed": self.failed,
            "lost": self.lost,
            "cost": self.cost.to_dict(),
            "by_attack": by_attack(self.attacks, self.clusters.groups, bound, self.undefended),
        }


@dataclass(frozen=True, eq=False)
class DefenceResult:
    """One defence: against each family, and for benign users."""

    defence: Defence
    """It."""
    families: tuple[DefendedFamily, ...]
    """Those of the file first, adaptive ones after them."""
    benign: Utility
    """What benign users get."""
    erasing: EraseCertificate | None
    """Of erase-and-check its own certificate, which is another statement than the bounds."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        text = defence_text(self.defence)
        return {
            "defence": text,
            "identity": dict(self.defence.identity),
            "families": [
                {**one.to_dict(), "statement": one.statement(text)} for one in self.families
            ],
            "benign": self.benign.to_dict(),
            "any_suffix": None if self.erasing is None else self.erasing.to_dict(),
        }


def bound_family(
    target: Target,
    judge: Judge,
    attacks: Sequence[Attack],
    defence: Defence,
    *,
    votes: int = 11,
    repeats: int = 1,
    confidence: float = 0.95,
    tries: int = 1,
    joint: int = 1,
    named: int = 1,
    seed: int = 0,
    by_source: bool = False,
    failed: FailedAttacks = "out",
    judge_error: JudgeSample | None = None,
    progress: Progress | None = None,
) -> DefendedFamily:
    """Put a defence to attacks of one kind, and bound what share of such attacks it refuses.

    Args:
        target, judge: answer and judge.
        attacks: of one family, none of which the defence was chosen on.
        defence: to deploy.
        votes: r, copies of each attack, N at least; of a majority of random copies only.
        repeats: decisions on each attack, of every other rule, each with new draws.
        confidence: of the claim, in (0, 1).
        tries: T, how often an attacker may ask, each time meeting new draws; of a deterministic
            rule on a target that does not sample all tries end alike.
        joint: families whose bounds shall hold at once.
        named: defences of which one may be chosen by its bound, whose bounds shall hold at once.
        seed: of all draws.
        by_source: take attacks made on one model for one group, too.
        failed: what was done with attacks that are marked as failed, as the claim says it.
        judge_error: a labelled sample of the judge's verdicts; counted for votes alone.
        progress: told how many of the calls or decisions are done.

    Raises:
        DataError: no attacks, or of several families.
        OptionError: votes or repeats below 1.
        ModelError: every single copy was lost.
    """
    if votes < 1 or repeats < 1:
        raise OptionError(f"votes={votes}, repeats={repeats}: give at least 1")
    kinds = {attack.kind for attack in attacks}
    if len(kinds) != 1:
        raise DataError(f"{len(kinds)} families of attacks: give those of one")
    clusters, asked = find_clusters(attacks, by_source=by_source), [a.asked for a in attacks]
    whole = not isinstance(defence, RandomCopies)
    columns = [repeat_seed(seed, column) for column in range(repeats if whole else 1)]
    smooth = SmoothLLM(target, defence, judge=judge)
    decided = []
    for column in columns:
        copies_of = [smooth.perturbed(prompt, seed=column) for prompt in asked]
        decided.append(smooth.decide_many(copies_of, [column] * len(asked)))
        if progress is not None and whole:
            progress(len(decided) * len(asked), len(columns) * len(asked))
    lost = 0
    if isinstance(defence, RandomCopies):
        copies = defence.copies
        measured = measure_votes(
            target, judge, asked, defence.change, trials=max(votes, copies), seed=seed,
            progress=progress,
        )  # fmt: skip
        table, lost = measured.refused, int(measured.lost.sum())
    else:
        copies, judge_error = 1, None
        table = np.array([[one.defended for one in column] for column in decided]).T
        lost = sum(_lost(one) for column in decided for one in column)
    return DefendedFamily(
        family=kinds.pop(),
        attacks=tuple(attacks),
        clusters=clusters,
        certificate=PopulationCertificate.from_votes(
            table, copies, joint_confidence(confidence, joint * named), judge=judge_error,
            groups=clusters.groups, tries=tries, texts=texts_of(attacks),
        ),
        whole=whole,
        judge=dict(judge.identity),
        asked=dict(target.identity),
        undefended=measure_undefended(
            target, judge, attacks, clusters.groups, seed=seed, confidence=confidence
        ),
        lost=lost,
        cost=Cost.of(decided[0]),
        failed=failed,
        confidence=confidence,
        joint=joint,
        named=named,
        seed=seed,
    )  # fmt: skip


def attack_adaptively(
    smooth: SmoothLLM,
    attacks: Sequence[Attack],
    attackers: Sequence[AdaptiveAttack],
    *,
    goals: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Attack]:
    """Every attacker on each of the first goals, from a suffix that is known for it.

    Attempts that fail are kept: the families that they form stand for what such attackers get.

    Args:
        smooth: the defence and whom it asks.
        attacks: of whose goals; their suffixes are what an attacker starts from.
        attackers: see :mod:`interlock.certify.attacks.adaptive`.
        goals: at most so many.
        seed: of the searches, apart from the draws that decide over them.
        progress: told how many of the searches are done.
    """
    chosen, made = chosen_goals(attacks, goals), list[Attack]()
    for attacker in attackers:
        for goal, start in chosen:
            number = len(made)
            made.append(attacker.run(smooth, goal, start=start, seed=seed + _FAR + 101 * number))
            if progress is not None:
                progress(len(made), len(attackers) * len(chosen))
    return made


def chosen_goals(attacks: Sequence[Attack], goals: int) -> list[tuple[str, str]]:
    """The first goals, at most so many, each with a suffix to start from, where one is known."""
    first: dict[str, Attack] = {}
    for attack in attacks:
        kept = first.setdefault(attack.goal, attack)
        if kept.shape != "suffix" and attack.shape == "suffix":
            first[attack.goal] = attack
    return [
        (goal, attack.suffix if attack.shape == "suffix" else "")
        for goal, attack in list(first.items())[:goals]
    ]


def any_suffix(
    target: Target, judge: Judge, attacks: Sequence[Attack], defence: Defence, *, seed: int = 0
) -> EraseCertificate | None:
    """Erase-and-check's own certificate on the attacks' bare goals; None of any other defence."""
    goals = bare_goals(attacks, defence)
    if not goals or not isinstance(defence, EraseAndCheck):
        return None
    return certify_erasing(target, judge, goals, defence, seed=seed)


def bare_goals(attacks: Sequence[Attack], defence: Defence) -> list[str]:
    """The goals that :func:`any_suffix` asks bare; none for a defence that it says nothing of."""
    if not isinstance(defence, EraseAndCheck) or defence.parts is not None:
        return []
    return [attack.goal for attack in attacks if attack.goal.strip()]


def _lost(decision: Decision) -> int:
    return sum(vote.verdict == "lost" for vote in decision.votes)
