"""The vote: ask what a defence asks, and let its rule decide.

SmoothLLM's rule is the majority of perturbed copies (arXiv 2310.03684, algorithm 1).

A copy votes to release (the target complied) or to refuse. The answer is released only when more
than half of all N copies complied; a tie refuses. A copy that is lost after its retries votes to
refuse, so that no failure can release what a fault-free vote would have blocked: that holds of
every defence. (Measurements count a lost copy the other way, as a jailbreak: there that is the
cautious side.)

The vote decides whether to answer; what is answered is the prompt as it came. A copy's answer,
which the paper gives, is one to a garbled question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import get_args

from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.phrases import RefusalPhrases
from interlock.certify.targets.protocol import Prompt, Reply, Target, is_call
from interlock.certify.vote.asks import Asks, Defence, Reading, unread, with_reading
from interlock.certify.vote.decision import (
    ORIGINAL,
    Decision,
    Vote,
    as_original,
    concluded,
    settled_verdict,
)
from interlock.certify.vote.live_vote import REFUSAL, LiveVote
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.random_copies import RandomCopies
from interlock.errors import OptionError
from interlock.names import AnswerFrom


class SmoothLLM:
    """Answer prompts by the vote of perturbed copies, or by another defence.

    Args:
        target: the model that is asked.
        perturbation: applied to each message of the user; all others stay as they are. Or a
            :class:`~interlock.certify.vote.asks.Defence`, which says itself what is asked.
        copies: N >= 1, of a perturbation.
        judge: tells refusals from compliance.
        retries: further calls for a copy whose reply or verdict was lost, >= 0.
        early_stop: end the vote when no outstanding copy can change it. The decision is that of
            all N votes; the answer may be that of another copy.
        spare: copies asked at once beyond the fewest that could decide, >= 0, as long as no two
            votes differ, and one more for each vote in the minority; only in
            :meth:`answer_async`, where one more often saves a second round trip. Where any refusal
            refuses, all are asked at once there: a release needs every answer.
        timeout: seconds for one call in :meth:`answer_async`; None for the target's own limit.
        deadline: seconds for the whole vote there; an undecided vote then refuses.
        refusal: given when the majority refused and no refusing copy has an answer.
        answer_from: ``"original"``: a released prompt gets the answer to the prompt as it came, one
            call more, judged as well: a refusal of its own is passed on, and what the judge cannot
            tell is not released. Where a copy asks just that (erase-and-check does), its answer is
            taken. ``"copy"``: that of a copy that voted to release, as in the paper.

    Raises:
        OptionError: an option outside its range.
    """

    def __init__(
        self,
        target: Target,
        perturbation: Perturbation | Defence,
        copies: int = 11,
        judge: Judge | None = None,
        *,
        retries: int = 1,
        early_stop: bool = True,
        spare: int = 1,
        timeout: float | None = None,
        deadline: float | None = None,
        refusal: str = REFUSAL,
        answer_from: AnswerFrom = "original",
    ) -> None:
        if copies < 1 or retries < 0 or spare < 0:
            raise OptionError(f"copies={copies}, retries={retries}, spare={spare}: out of range")
        for name, seconds in (("timeout", timeout), ("deadline", deadline)):
            if seconds is not None and not seconds > 0:
                raise OptionError(f"{name}={seconds}: give seconds above 0, or None")
        self.target = target
        self.defence: Defence = (
            RandomCopies(perturbation, copies)
            if isinstance(perturbation, Perturbation)
            else perturbation
        )
        self.judge: Judge = judge if judge is not None else RefusalPhrases()
        self.retries, self.early_stop, self.spare = retries, early_stop, spare
        if answer_from not in get_args(AnswerFrom):
            raise OptionError(f"answer_from={answer_from!r}: give 'original' or 'copy'")
        if answer_from == "copy" and self.defence.copies is None:
            raise OptionError(
                f"answer_from='copy': what {self.defence.name} asks has no answer to give; take "
                "'original'"
            )
        self.timeout, self.deadline, self.refusal = timeout, deadline, refusal
        self.answer_from = answer_from

    def perturbed(self, prompt: str | Prompt, *, seed: int = 0) -> Asks:
        """What is asked about a prompt: its N copies; the same seed gives the same."""
        prompt = Prompt.user(prompt) if isinstance(prompt, str) else prompt
        return self.defence.asks(prompt, seed=seed)

    def answer(self, prompt: str | Prompt, *, seed: int = 0) -> Decision:
        """Vote on one prompt, and answer it."""
        original = self._original(prompt)
        return self.decide(self.perturbed(prompt, seed=seed), seed=seed, original=original)

    async def answer_async(self, prompt: str | Prompt, *, seed: int = 0) -> Decision:
        """Vote on one prompt with its copies, and the prompt itself, under way at the same time."""
        copies, original = self.perturbed(prompt, seed=seed), self._original(prompt)
        return await self.decide_async(copies, seed=seed, original=original)

    def _original(self, prompt: str | Prompt) -> Prompt | None:
        if self.answer_from == "copy":
            return None
        return Prompt.user(prompt) if isinstance(prompt, str) else prompt

    def decide(
        self, copies: Sequence[Prompt], *, seed: int = 0, original: Prompt | None = None
    ) -> Decision:
        """Vote on copies made elsewhere, in order, in rounds of the fewest that could decide.

        The majority of plain prompts decides; :class:`~interlock.certify.vote.asks.Asks` bring a
        rule of their own.

        ``original`` is asked once the vote has released it, for its answer.

        Raises:
            OptionError: there are no copies.
        """
        return self.decide_many([copies], [seed], originals=[original])[0]

    def decide_many(
        self,
        votes_on: Sequence[Sequence[Prompt]],
        seeds: Sequence[int],
        *,
        originals: Sequence[Prompt | None] | None = None,
    ) -> list[Decision]:
        """Independent votes side by side, so that a target can answer their rounds in batches.

        Raises:
            OptionError: a vote has no copies.
        """
        asks = [Asks.of(copies) for copies in votes_on]
        polls = [one.poll() for one in asks]
        votes: list[list[Vote]] = [[] for _ in asks]
        next_ = [0] * len(asks)
        while True:
            asked: list[tuple[int, int]] = []  # which vote, which of its copies
            for i, poll in enumerate(polls):
                start, size = next_[i], poll.copies
                if self.early_stop:
                    start = max(start, poll.start)
                    size = poll.now.fewest if poll.decided is None else 0
                next_[i] = max(start, min(start + size, poll.copies))
                asked += [(i, n) for n in range(start, next_[i])]
            if not asked:
                break
            cast = self._ask([(n, asks[i][n], asks[i].reading(n)) for i, n in asked])
            for (i, n), vote in zip(asked, cast, strict=True):
                votes[i].append(vote)
                polls[i] = polls[i].with_vote(n, vote.verdict)
        wanted = originals if originals is not None else [None] * len(asks)
        released = {i: one for i, one in enumerate(wanted) if one is not None and polls[i].decided}
        asked_it = {i: as_original(one, votes[i]) for i, one in released.items()}
        answered = {i: vote for i, vote in asked_it.items() if vote is not None}
        open_ = [(i, one) for i, one in released.items() if i not in answered]
        more = self._ask([(ORIGINAL, one, None) for _, one in open_])
        answered |= {i: vote for (i, _), vote in zip(open_, more, strict=True)}
        return [
            concluded(
                votes[i],
                polls[i],
                seed,
                calls=sum(vote.calls for vote in votes[i])
                + (answered[i].calls if i in answered else 0),
                refusal=self.refusal,
                original=answered.get(i),
                answers=wanted[i] is not None,
            )
            for i, seed in enumerate(seeds)
        ]

    async def decide_async(
        self, copies: Sequence[Prompt], *, seed: int = 0, original: Prompt | None = None
    ) -> Decision:
        """Vote on copies made elsewhere; those under way when the decision falls are cancelled.

        ``original`` is asked beside them, and cancelled where the vote refuses.

        Raises:
            OptionError: there are no copies.
            InterlockError: the target raised; the other copies are cancelled first.
        """
        options = {field.name: getattr(self, field.name) for field in fields(LiveVote)}
        return await LiveVote(**options).decide(copies, seed=seed, original=original)

    def _ask(self, copies: Sequence[tuple[int, Prompt, Reading | None]]) -> list[Vote]:
        """One round: ask, judge, and ask again for what was lost."""
        votes = [
            Vote(n, p, Reply.failed("not asked"), Verdict.LOST, 0, own=reading is not None)
            for n, p, reading in copies
        ]
        for _ in range(1 + self.retries):
            lost = [i for i, vote in enumerate(votes) if vote.verdict is Verdict.LOST]
            if not lost:
                break
            prompts = [votes[i].prompt for i in lost]
            replies = self.target.ask(prompts)
            readings = [copies[i][2] for i in lost]
            verdicts = judge_replies(self.judge, prompts, replies, readings)
            for i, reply, verdict in zip(lost, replies, verdicts, strict=True):
                calls = votes[i].calls + is_call(self.target, votes[i].prompt)
                votes[i] = replace(votes[i], reply=reply, verdict=verdict, calls=calls)
        return votes


def judge_replies(
    judge: Judge,
    prompts: Sequence[Prompt],
    replies: Sequence[Reply],
    readings: Sequence[Reading | None] | None = None,
) -> list[Verdict]:
    """Verdicts on replies: a lost one is lost, a blocked one refused, the judge has the others.

    What has a reading is read by it. Where that cannot tell, a refusal to answer is one all the
    same.
    """
    verdicts = [settled_verdict(reply) for reply in replies]
    read = [
        reading(reply.text) if reading is not None and verdict is None else None
        for reading, reply, verdict in zip(
            readings or [None] * len(replies), replies, verdicts, strict=True
        )
    ]
    asked = [i for i, verdict in enumerate(verdicts) if verdict is None and unread(read[i])]
    judged = judge([prompts[i].text for i in asked], [replies[i].text for i in asked])
    verdict_of = dict(zip(asked, judged, strict=True))
    return [
        verdict if verdict is not None else with_reading(read[i], verdict_of.get(i))
        for i, verdict in enumerate(verdicts)
    ]
