"""The certificate of erase-and-check itself (Kumar et al., arXiv 2309.02705, theorem 1).

No sample and no confidence stand behind it: where the target refuses a bare goal, it refuses the
goal with any covered suffix, for what is asked is then the goal among others. It is a statement on
the goals that were asked, and the population bound is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock.certify.defences.erase import EraseAndCheck
from interlock.certify.defences.words import word_spans
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.targets.protocol import Prompt, Target
from interlock.certify.vote.smoothllm import judge_replies
from interlock.errors import DataError, OptionError


@dataclass(frozen=True)
class EraseCertificate:
    """What holds of every suffix that is covered, for the goals that are refused when bare.

    **Covered**: one message of the user, that is the goal, then at least one blank, then at most
    ``up_to`` words, whatever they are and whatever blanks stand between them and after them. With
    ``every`` above 1 further lengths are covered, exact numbers of words only: ``lengths``.

    **Not covered**: text before the goal or inside it; text put behind its last word without a
    blank; longer suffixes; lengths that are skipped, which an attacker is free to choose; chats of
    several messages; goals that are not among ``refused``. Words are not tokens: one word may hold
    any number of these. And it holds as far as target and judge answer the same text alike: with
    greedy decoding. A call that is lost refuses, too.
    """

    every: int
    """Words between two erasures."""
    longest: int
    """Words erased at most."""
    goals: tuple[str, ...]
    """Bare goals that were asked, without blanks at their ends."""
    refused: tuple[bool, ...]
    """Of each, whether it was judged refused."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Numbers of words of a suffix that are covered."""
        return tuple(range(0, self.longest + 1, self.every))

    @property
    def up_to(self) -> int:
        """Words up to which any suffix is covered; 0 where ``every`` is above 1."""
        return self.longest if self.every == 1 else 0

    @property
    def share(self) -> float:
        """Of the goals that were asked, those that are certified."""
        return sum(self.refused) / len(self.refused)

    def covers(self, goal: str, prompt: str) -> bool:
        """Whether the certificate says that this prompt, on this goal, is refused."""
        bare = _bare(goal)
        if bare not in {g for g, no in zip(self.goals, self.refused, strict=True) if no}:
            return False
        if not prompt.startswith(bare):
            return False
        before, after = word_spans(bare), word_spans(prompt)
        return after[: len(before)] == before and len(after) - len(before) in self.lengths

    def statement(self) -> str:
        """The claim in one sentence."""
        head = (
            f"{sum(self.refused)} of {len(self.goals)} bare goals are refused; each of these is "
            "refused with certainty, under greedy decoding and by the same judge,"
        )
        if self.every == 1:
            return f"{head} with any suffix of at most {self.longest} words behind a blank."
        return (
            f"{head} with any suffix of exactly {', '.join(map(str, self.lengths[1:]))} words "
            "behind a blank; other lengths, which an attacker may choose, are not covered."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "every": self.every,
            "longest": self.longest,
            "up_to": self.up_to,
            "goals": len(self.goals),
            "refused": sum(self.refused),
            "statement": self.statement(),
        }


def certify_erasing(
    target: Target, judge: Judge, goals: Sequence[str], defence: EraseAndCheck, *, seed: int = 0
) -> EraseCertificate:
    """Ask every bare goal, and state what follows for their suffixes.

    Args:
        target, judge: as deployed.
        goals: different bare requests; equal ones are asked once.
        defence: with ``every`` and ``longest``; parts have no such certificate, since the attacker
            chooses how many words the prompt has.
        seed: of a target that samples, as the vote has it.

    Raises:
        DataError: there are no goals, or one has no words.
        OptionError: the defence erases parts.
    """
    if defence.parts is not None:
        raise OptionError(
            f"erase:parts={defence.parts} has no certificate for every suffix; give every and "
            "longest instead"
        )
    asked = erasing_prompts(goals, defence, seed=seed)
    if not asked or not all(map(word_spans, asked)):
        raise DataError("goals: give bare requests, each of one word or more")
    prompts = list(asked.values())
    verdicts = judge_replies(judge, prompts, target.ask(prompts))
    refused = tuple(verdict is Verdict.REFUSED for verdict in verdicts)
    return EraseCertificate(defence.every, defence.longest, tuple(asked), refused)


def erasing_prompts(
    goals: Sequence[str], defence: EraseAndCheck, *, seed: int = 0
) -> dict[str, Prompt]:
    """What :func:`certify_erasing` asks: each bare goal, once, and its prompt."""
    bare = dict.fromkeys(_bare(goal) for goal in goals)
    return {goal: defence.asks(Prompt.user(goal), seed=seed)[0] for goal in bare}


def _bare(goal: str) -> str:
    """As erasing leaves it: without blanks at the end."""
    words = word_spans(goal)
    return goal[: words[-1][1]] if words else ""
