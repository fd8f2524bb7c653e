"""What a defence is: a set of texts to ask, and a rule over the verdicts on their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol, overload, runtime_checkable

from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt
from interlock.certify.vote.decision import Poll, Tally
from interlock.certify.vote.later import Later
from interlock.errors import OptionError

Reading = Callable[[str], Verdict]
"""What an answer to a question of the defence's own says; ``LOST`` where it cannot be read."""


@dataclass(frozen=True)
class Rule:
    """How many votes of one round of questions decide."""

    refuse_at: int | None = None
    """Votes against release (refused, lost) that refuse; None: half of them or more."""
    release_at: int | None = None
    """Compliances that release; None: those that ``refuse_at`` leaves. Votes in between are of two
    minds, and the next round decides."""
    reading: Reading | None = None
    """Of the answers, in place of the judge."""


MAJORITY, ANY = Rule(), Rule(refuse_at=1)


@dataclass(frozen=True)
class Asks(Sequence[Prompt]):
    """What to ask, in order, and how its verdicts decide."""

    rounds: tuple[tuple[Sequence[Prompt], Rule], ...]
    """Questions that are asked together, each round only where the one before was of two minds;
    none is empty."""

    def __post_init__(self) -> None:
        if not self.rounds or not all(prompts for prompts, _ in self.rounds):
            raise OptionError("there are no copies to vote on; give at least one")

    @classmethod
    def of(cls, prompts: Sequence[Prompt], rule: Rule = MAJORITY) -> Asks:
        """One round; what is one already stays as it is, and what is made later is not made.

        Raises:
            OptionError: there are no prompts.
        """
        if isinstance(prompts, Asks):
            return prompts
        return cls(((prompts if isinstance(prompts, Later) else tuple(prompts), rule),))

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """Of all rounds."""
        return tuple(prompt for prompts, _ in self.rounds for prompt in prompts)

    def poll(self) -> Poll:
        """The count before any vote."""
        return Poll(
            tuple(
                Tally(len(prompts), refuse_at=rule.refuse_at, release_at=rule.release_at)
                for prompts, rule in self.rounds
            )
        )

    def reading(self, number: int) -> Reading | None:
        """How the answer to question ``number`` is read; None: the judge reads it."""
        ends = accumulate(len(prompts) for prompts, _ in self.rounds)
        rules = (rule for _, rule in self.rounds)
        return next(
            (rule.reading for end, rule in zip(ends, rules, strict=True) if number < end), None
        )

    def __len__(self) -> int:
        return sum(len(prompts) for prompts, _ in self.rounds)

    @overload
    def __getitem__(self, index: int) -> Prompt: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Prompt]: ...
    def __getitem__(self, index: int | slice) -> Prompt | Sequence[Prompt]:
        if len(self.rounds) == 1:  # as it stands: what is not asked may never be made
            return self.rounds[0][0][index]
        return self.prompts[index]


def unread(read: Verdict | None) -> bool:
    """Whether the judge is asked: there is no reading of the answer, or none could be made."""
    return read is None or read is Verdict.LOST


def with_reading(read: Verdict | None, judged: Verdict | None) -> Verdict:
    """The verdict, of the reading where there is one; a judged refusal where it could not tell."""
    if read is Verdict.LOST:
        return Verdict.REFUSED if judged is Verdict.REFUSED else Verdict.LOST
    verdict = judged if read is None else read
    return Verdict.LOST if verdict is None else verdict


@runtime_checkable
class Defence(Protocol):
    """A set of texts to ask about a prompt, and a rule over the verdicts.

    The rule is monotone: with one more vote against, nothing is released that was not before. So
    a lost answer, which is a vote against, never releases.
    """

    @property
    def name(self) -> str:
        """As it is called on the command line, such as ``"erase"``."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that decides what is asked and how it is counted, in plain values."""

    @property
    def copies(self) -> int | None:
        """N, where the questions are N random copies, drawn alike, of which the majority decides:
        then votes on more than N of them tell more. None for every other rule."""

    @property
    def most(self) -> int:
        """Questions about one prompt at most, whatever it is."""

    def asks(self, prompt: Prompt, *, seed: int = 0) -> Asks:
        """What to ask; the same seed gives the same."""
