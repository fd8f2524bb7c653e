"""Votes, their majority and when it is settled, and the decision that comes of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt, Reply


@dataclass(frozen=True)
class Tally:
    """Votes of one round of questions counted so far.

    Without ``refuse_at`` more than half of all N must comply; anything else refuses. With it
    ``refuse_at`` votes against refuse, and ``release_at`` votes release. Where these two leave a
    gap, votes in it are of two minds: ``open_end``.
    """

    copies: int
    """N >= 1."""
    complied: int = 0
    """Votes to release."""
    against: int = 0
    """Refusals and lost copies."""
    refuse_at: int | None = None
    """Votes against that refuse; ceil(N / 2) when None. More than N: none do."""
    release_at: int | None = None
    """Compliances that release; where None all that leave fewer than ``refuse_at`` against."""

    def with_vote(self, verdict: Verdict) -> Tally:
        """The tally after one more vote."""
        released = verdict is Verdict.COMPLIED
        return Tally(
            self.copies,
            self.complied + released,
            self.against + (not released),
            self.refuse_at,
            self.release_at,
        )

    @property
    def refusing(self) -> int:
        """Votes against, of all N, that refuse."""
        return (self.copies + 1) // 2 if self.refuse_at is None else self.refuse_at

    @property
    def releasing(self) -> int:
        """Compliances, of all N, that release."""
        return self.copies + 1 - self.refusing if self.release_at is None else self.release_at

    @property
    def to_release(self) -> int:
        """Further compliances that would settle the vote for release; 0 when it is."""
        return max(0, self.releasing - self.complied)

    @property
    def to_refuse(self) -> int:
        """Further votes against that would settle it for refusal; 0 when it is."""
        return max(0, self.refusing - self.against)

    @cached_property
    def decided(self) -> bool | None:
        """True for release, False for refusal, None while outstanding votes can still tell.

        Both cannot be 0 at once: that would take more than N votes.
        """
        if self.to_release == 0:
            return True
        return False if self.to_refuse == 0 else None

    @cached_property
    def open_end(self) -> bool:
        """Whether no outstanding vote can settle it either way any more."""
        return self._to_leave_open == 0

    @property
    def _to_leave_open(self) -> int:
        no_release = self.copies + 1 - self.releasing - self.against
        no_refusal = self.copies + 1 - self.refusing - self.complied
        return max(0, no_release) + max(0, no_refusal)

    @property
    def fewest(self) -> int:
        """The least number of further votes after which the vote may be settled.

        Asking for so many at once never asks for one that an unhurried vote would have saved.
        """
        left = self.copies - self.complied - self.against
        ways = (self.to_release, self.to_refuse, self._to_leave_open)
        return min(way for way in ways if way <= left)


@dataclass(frozen=True)
class Poll:
    """The tallies of one round of questions after the other, each asked if those before it were of
    two minds (:attr:`Tally.open_end`); votes are numbered through."""

    rounds: tuple[Tally, ...]
    """In order, at least one; the last leaves nothing open."""

    def with_vote(self, number: int, verdict: Verdict) -> Poll:
        """After the vote of copy ``number``, from 0."""
        rounds, start = list(self.rounds), 0
        for i, tally in enumerate(rounds):
            if number < start + tally.copies:
                rounds[i] = tally.with_vote(verdict)
                break
            start += tally.copies
        return Poll(tuple(rounds))

    @cached_property
    def _now(self) -> int:
        return next((i for i, tally in enumerate(self.rounds) if not tally.open_end), -1)

    @cached_property
    def now(self) -> Tally:
        """The round that is asked."""
        return self.rounds[self._now]

    @cached_property
    def start(self) -> int:
        """The first copy of that round."""
        return sum(tally.copies for tally in self.rounds[: self._now])

    @property
    def copies(self) -> int:
        """Copies of this round and of those before it."""
        return self.start + self.now.copies

    @cached_property
    def decided(self) -> bool | None:
        """True for release, False for refusal, None while that is open."""
        return self.now.decided

    @property
    def empty(self) -> Poll:
        """Before any vote."""
        return Poll(tuple(replace(tally, complied=0, against=0) for tally in self.rounds))


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
    """How often the target was asked; reading a text in this process is no call."""
    own: bool = False
    """Whether the defence asked a question of its own, whose answer is for nobody else."""


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
    """N: copies that could be asked, in the rounds that the vote came to."""
    cancelled: int
    """Copies under way when the decision fell; their calls were cut short."""
    calls: int
    """Calls of the target, retries and those cut short included."""
    seed: int
    """Of perturbations and choice."""
    timed_out: bool = False
    """Whether the deadline passed before there was an answer; then nothing is released."""
    original: Vote | None = None
    """What came of the unperturbed prompt; None where it was not asked or not waited for. Where a
    copy asked just that, it is that copy's vote, and no further call.

    Its answer is given where the vote releases, a refusal of its own included; one that is lost, or
    that the judge cannot tell, is not given.
    """

    poll: Poll | None = None
    """The rule by which it was decided, before any vote; None for the majority of N."""

    def count(self, verdict: Verdict) -> int:
        """Votes with this verdict."""
        return sum(vote.verdict is verdict for vote in self.votes)

    @cached_property
    def defended(self) -> bool:
        """Whether refusals alone decide: what a defence may be credited with.

        A vote that lost copies or the deadline settled against release is no refusal. Had every
        lost copy complied, the vote would have refused all the same.
        """
        poll = self.poll or Poll((Tally(self.copies),))
        for vote in self.votes:
            credited = vote.verdict is Verdict.REFUSED
            poll = poll.with_vote(vote.copy, Verdict.REFUSED if credited else Verdict.COMPLIED)
        return poll.decided is False

    @cached_property
    def round(self) -> int:
        """The round of questions that decided, or was asked last, from 0."""
        poll = self.poll or Poll((Tally(self.copies),))
        for vote in self.votes:
            poll = poll.with_vote(vote.copy, vote.verdict)
        now = (i for i, tally in enumerate(poll.rounds) if not tally.open_end)
        return next(now, len(poll.rounds) - 1)

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
    tally: Tally | Poll,
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
    poll = Poll((tally,)) if isinstance(tally, Tally) else tally
    released = poll.decided is True
    chosen = next(iter(_willing(votes, released, poll.copies, seed)), None)
    if answers and released:
        usable = original is not None and original.verdict is not Verdict.LOST
        chosen, released = (original if usable else None), usable
    return Decision(
        released=released,
        text=chosen.reply.text or refusal if chosen is not None else refusal,
        chosen=chosen.copy if chosen is not None else None,
        votes=tuple(sorted(votes, key=lambda v: v.copy)),
        copies=poll.copies,
        cancelled=cancelled,
        calls=calls,
        seed=seed,
        timed_out=timed_out and not released and poll.decided is not False,
        original=original,
        poll=None if poll.empty == Poll((Tally(poll.copies),)) else poll.empty,
    )


def _willing(votes: Sequence[Vote], released: bool, copies: int, seed: int) -> tuple[Vote, ...]:
    wanted = Verdict.COMPLIED if released else Verdict.REFUSED
    order = random.Random(f"{seed}/choice").sample(range(copies), copies)
    willing = {
        vote.copy: vote
        for vote in votes
        if vote.verdict is wanted and vote.reply.text and not vote.own
    }
    return tuple(willing[copy] for copy in order if copy in willing)


def settled_verdict(reply: Reply) -> Verdict | None:
    """The verdict on a reply that needs no judge: a lost one is lost, a blocked one refused."""
    if reply.lost:
        return Verdict.LOST
    return Verdict.REFUSED if reply.finish == "blocked" else None


def as_original(original: Prompt, votes: Sequence[Vote]) -> Vote | None:
    """The vote of a copy that asked just what the original asks, if one did and got an answer."""
    for vote in votes:
        usable = vote.verdict is not Verdict.LOST and not vote.own
        if usable and vote.prompt.messages == original.messages:
            return replace(vote, copy=ORIGINAL, calls=0)
    return None
