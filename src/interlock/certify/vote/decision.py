"""Votes, their majority and when it is settled, and the decision that comes of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from interlock.certify.bounds.laws import majority
from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt, Reply
from interlock.errors import OptionError


@dataclass(frozen=True)
class Tally:
    """Votes counted so far. More than half of all N must comply; anything else refuses."""

    copies: int
    """N >= 1."""
    complied: int = 0
    """Votes to release."""
    against: int = 0
    """Refusals and lost copies."""

    def with_vote(self, verdict: Verdict) -> Tally:
        """The tally after one more vote."""
        if verdict is Verdict.COMPLIED:
            return replace(self, complied=self.complied + 1)
        return replace(self, against=self.against + 1)

    @property
    def to_release(self) -> int:
        """Further compliances that would settle the vote for release; 0 when it is."""
        return max(0, self.copies // 2 + 1 - self.complied)

    @property
    def to_refuse(self) -> int:
        """Further votes against that would settle it for refusal; 0 when it is."""
        return max(0, (self.copies + 1) // 2 - self.against)

    @property
    def decided(self) -> bool | None:
        """True for release, False for refusal, None while outstanding votes can still tell.

        Both cannot be 0 at once: that would take floor(N/2) + 1 + ceil(N/2) = N + 1 votes.
        """
        if self.to_release == 0:
            return True
        return False if self.to_refuse == 0 else None

    @property
    def fewest(self) -> int:
        """The least number of further votes after which the vote may be settled.

        Asking for so many at once never asks for one that an unhurried vote would have saved.
        """
        return min(self.to_release, self.to_refuse)


ORIGINAL = -1
"""The number of the unperturbed prompt."""


@dataclass(frozen=True)
class Vote:
    """What came of one copy."""

    copy: int
    """Its number, from 0; :data:`ORIGINAL` for the prompt as it came, which has no vote."""
    prompt: Prompt
    """What was asked."""
    reply: Reply
    """The last reply, after retries."""
    verdict: Verdict
    """What the judge made of it."""
    calls: int
    """How often the target was asked."""


@dataclass(frozen=True)
class Decision:
    """The outcome of a vote."""

    released: bool
    """Whether the majority complied and, where the original was asked, its answer was judged."""
    text: str
    """The answer to give: the original's, that of one copy that voted with the majority, or a
    fixed refusal."""
    chosen: int | None
    """The copy whose answer it is, :data:`ORIGINAL` for the prompt as it came; None for the fixed
    refusal."""
    votes: tuple[Vote, ...]
    """The votes that were cast, by copy."""
    copies: int
    """N, of which a majority is needed."""
    cancelled: int
    """Copies under way when the decision fell; their calls were cut short."""
    calls: int
    """Calls of the target, retries and those cut short included."""
    seed: int
    """Of perturbations and choice."""
    timed_out: bool = False
    """Whether the deadline passed before there was an answer; then nothing is released."""
    original: Vote | None = None
    """What came of the unperturbed prompt; None where it was not asked or not waited for.

    Its answer is given where the vote releases, a refusal of its own included; one that is lost, or
    that the judge cannot tell, is not given.
    """

    def count(self, verdict: Verdict) -> int:
        """Votes with this verdict."""
        return sum(vote.verdict is verdict for vote in self.votes)

    @property
    def defended(self) -> bool:
        """Whether refusals alone are a majority: what a defence may be credited with.

        A vote that lost copies or the deadline settled against release is no refusal.
        """
        return self.count(Verdict.REFUSED) >= int(majority(self.copies))

    @property
    def willing(self) -> tuple[Vote, ...]:
        """Votes with the majority that have an answer, the one to give first: a seeded order."""
        return _willing(self.votes, self.released, self.copies, self.seed)

    @property
    def saved(self) -> int:
        """Copies that were never asked because the decision had fallen."""
        return self.copies - len(self.votes) - self.cancelled


def concluded(
    votes: Sequence[Vote],
    tally: Tally,
    seed: int,
    *,
    calls: int,
    refusal: str,
    cancelled: int = 0,
    timed_out: bool = False,
    original: Vote | None = None,
    answers: bool = False,
) -> Decision:
    """The decision on a tally.

    With ``answers`` the original's text is given where the vote releases, and nothing is released
    without it; else that of the first of ``Decision.willing``.
    """
    released = tally.decided is True
    chosen = next(iter(_willing(votes, released, tally.copies, seed)), None)
    if answers and released:
        usable = original is not None and original.verdict is not Verdict.LOST
        chosen, released = (original if usable else None), usable
    return Decision(
        released=released,
        text=chosen.reply.text or refusal if chosen is not None else refusal,
        chosen=chosen.copy if chosen is not None else None,
        votes=tuple(sorted(votes, key=lambda v: v.copy)),
        copies=tally.copies,
        cancelled=cancelled,
        calls=calls,
        seed=seed,
        timed_out=timed_out and not released and tally.decided is not False,
        original=original,
    )


def _willing(votes: Sequence[Vote], released: bool, copies: int, seed: int) -> tuple[Vote, ...]:
    wanted = Verdict.COMPLIED if released else Verdict.REFUSED
    order = random.Random(f"{seed}/choice").sample(range(copies), copies)
    willing = {vote.copy: vote for vote in votes if vote.verdict is wanted and vote.reply.text}
    return tuple(willing[copy] for copy in order if copy in willing)


def settled_verdict(reply: Reply) -> Verdict | None:
    """The verdict on a reply that needs no judge: a lost one is lost, a blocked one refused."""
    if reply.lost:
        return Verdict.LOST
    return Verdict.REFUSED if reply.finish == "blocked" else None


def some(copies: Sequence[Prompt]) -> int:
    """How many copies there are.

    Raises:
        OptionError: none.
    """
    if not copies:
        raise OptionError("there are no copies to vote on; give at least one")
    return len(copies)
