"""Votes, their majority and when it is settled, and the decision that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from interlock.certify.judges import Verdict
from interlock.certify.targets.protocol import Prompt, Reply


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


@dataclass(frozen=True)
class Vote:
    """What came of one copy."""

    copy: int
    """Its number, from 0."""
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
    """Whether the majority complied."""
    text: str
    """The answer to give: of one copy that voted with the majority, or a fixed refusal."""
    chosen: int | None
    """The copy whose answer it is; None for the fixed refusal."""
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
    """Whether the deadline passed before a majority was reached; then nothing is released."""

    def count(self, verdict: Verdict) -> int:
        """Votes with this verdict."""
        return sum(vote.verdict is verdict for vote in self.votes)

    @property
    def saved(self) -> int:
        """Copies that were never asked because the decision had fallen."""
        return self.copies - len(self.votes) - self.cancelled
