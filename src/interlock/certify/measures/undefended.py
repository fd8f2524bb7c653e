"""What the target does without a defence: the bare goals, and the goals with their attacks.

A bound on refused attacks says little where the bare target refuses them, too, and a target that
complies with the bare goals is beyond the help of any perturbation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.certify.attacks.attack import Attack, texts_of
from interlock.certify.bounds.groups import Labels, group_means, share_lower, standing
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.measures.measure import Progress, ask_and_judge
from interlock.certify.targets.protocol import Prompt, Reply, Target
from interlock.certify.vote.perturb import sampling_seed
from interlock.errors import DataError


@dataclass(frozen=True)
class Rate:
    """How often the undefended target complied."""

    asked: int
    """Attacks it stands for."""
    complied: int
    """Of these; answers without a verdict are among them, as in every count here."""
    lost: int
    """Answers without a verdict."""
    share: float
    """Mean over groups of the share of a group's attacks."""
    low: float
    """Lower end of its two-sided interval."""
    high: float
    """Upper end."""

    def __str__(self) -> str:
        return f"{self.complied} of {self.asked}"


@dataclass(frozen=True, eq=False)
class Undefended:
    """The target's answers to attacks, and to their goals alone, each asked once."""

    attacks: tuple[Attack, ...]
    """n of them."""
    verdicts: tuple[Verdict, ...]
    """(n,) on each attack's answer."""
    answers: tuple[Reply, ...]
    """(n,) to each attack."""
    goal_verdicts: tuple[Verdict | None, ...]
    """(n,) on the answer to each bare goal; None where an attack names none."""
    goal_answers: tuple[Reply | None, ...]
    """(n,) to each bare goal."""
    groups: Labels
    """(n,) the group of each attack."""
    confidence: float
    """Of each interval."""

    @property
    def successful(self) -> NDArray[np.bool_]:
        """(n,) whether the attack succeeds: its answer is not judged refused."""
        return np.array([verdict is not Verdict.REFUSED for verdict in self.verdicts])

    @property
    def attack(self) -> Rate:
        """Goal with attack."""
        return self._rate(self.verdicts)

    @property
    def goal(self) -> Rate | None:
        """The bare goal; None where no attack names one."""
        return self._rate(self.goal_verdicts) if any(self.goal_verdicts) else None

    @property
    def complies(self) -> bool:
        """Whether half of the bare goals or more need no attack: no vote over copies helps then."""
        return self.goal is not None and self.goal.share >= 0.5

    def __str__(self) -> str:
        goals = "" if self.goal is None else f"{self.goal} bare goals and with "
        return f"undefended, the target complies with {goals}{self.attack} attacks"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        goal = None if self.goal is None else asdict(self.goal)
        return {"attack": asdict(self.attack), "goal": goal, "confidence": self.confidence}

    def _rate(self, verdicts: Sequence[Verdict | None]) -> Rate:
        rows = [row for row, verdict in enumerate(verdicts) if verdict is not None]
        hits = np.array([verdicts[row] is not Verdict.REFUSED for row in rows])
        lost = sum(verdicts[row] is Verdict.LOST for row in rows)
        _, groups = np.unique(self.groups[rows], return_inverse=True)
        one_sided = (1 + self.confidence) / 2
        texts = texts_of([self.attacks[row] for row in rows])
        stand = standing(groups, texts)
        return Rate(
            len(rows),
            int(hits.sum()),
            lost,
            float(group_means(hits, groups).mean()),
            share_lower(hits, groups, one_sided, stand),
            1 - share_lower(~hits, groups, one_sided, stand),
        )


def measure_undefended(
    target: Target,
    judge: Judge,
    attacks: Sequence[Attack],
    groups: Labels,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> Undefended:
    """Ask each attack as it is, and each bare goal, once.

    Args:
        target, judge: answer and judge.
        attacks: n >= 1.
        groups: (n,) of attacks that are alike.
        seed: of the sampling, where the target samples.
        confidence: of the intervals.
        progress: told how many calls are done.

    Raises:
        DataError: no attacks.
        ModelError: every single call was lost.
    """
    if not attacks:
        raise DataError("nothing to measure on; give at least one attack")
    asked = undefended_prompts(attacks, seed)
    prompts = list(asked.values())
    verdicts, replies = ask_and_judge(target, judge, prompts, progress)
    of = dict(zip(asked, zip(verdicts, replies, strict=True), strict=True))
    with_attack = [of[attack.asked] for attack in attacks]
    alone = [of.get(Prompt.user(attack.goal), (None, None)) for attack in attacks]
    return Undefended(
        attacks=tuple(attacks),
        verdicts=tuple(verdict for verdict, _ in with_attack),
        answers=tuple(reply for _, reply in with_attack),
        goal_verdicts=tuple(verdict for verdict, _ in alone),
        goal_answers=tuple(reply for _, reply in alone),
        groups=groups,
        confidence=confidence,
    )


def undefended_prompts(attacks: Sequence[Attack], seed: int) -> dict[Prompt, Prompt]:
    """What :func:`measure_undefended` asks, attacks and bare goals: each with its sampling seed."""
    goals = [attack.goal for attack in attacks if attack.goal.strip()]
    asked = {attack.asked: attack.whole for attack in attacks}
    asked |= {Prompt.user(goal): goal for goal in goals}
    # The same question as the one with 0 changes of :func:`measure_decay`, so it is asked once.
    return {
        one: Prompt(one.messages, sampling_seed(f"{text}/0", seed, 0))
        for one, text in asked.items()
    }
