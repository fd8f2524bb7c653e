"""SmoothLLM: ask perturbed copies, let the majority decide (arXiv 2310.03684, algorithm 1).

A copy votes to release (the target complied) or to refuse. The answer is released only when more
than half of all N copies complied; a tie refuses. A copy that is lost after its retries votes to
refuse, so that no failure can release what a fault-free vote would have blocked. (Measurements
count a lost copy the other way, as a jailbreak: there that is the cautious side.)

The vote decides whether to answer; what is answered is the prompt as it came. A copy's answer,
which the paper gives, is one to a garbled question.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import get_args

from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.phrases import RefusalPhrases
from interlock.certify.targets.protocol import Message, Prompt, Reply, Target
from interlock.certify.vote.decision import (
    ORIGINAL,
    Decision,
    Tally,
    Vote,
    concluded,
    settled_verdict,
    some,
)
from interlock.certify.vote.live_vote import REFUSAL, LiveVote
from interlock.certify.vote.perturb import Perturbation, sampling_seed
from interlock.errors import OptionError
from interlock.names import AnswerFrom


class SmoothLLM:
    """Answer prompts by the vote of perturbed copies.

    Args:
        target: the model that is asked.
        perturbation: applied to each message of the user; all others stay as they are.
        copies: N >= 1.
        judge: tells refusals from compliance.
        retries: further calls for a copy whose reply or verdict was lost, >= 0.
        early_stop: end the vote when no outstanding copy can change it. The decision is that of
            all N votes; the answer may be that of another copy.
        spare: copies asked at once beyond the fewest that could decide, >= 0, as long as no two
            votes differ, and one more for each vote in the minority; only in
            :meth:`answer_async`, where one more often saves a second round trip.
        timeout: seconds for one call in :meth:`answer_async`; None for the target's own limit.
        deadline: seconds for the whole vote there; an undecided vote then refuses.
        refusal: given when the majority refused and no refusing copy has an answer.
        answer_from: ``"original"``: a released prompt gets the answer to the prompt as it came, one
            call more, judged as well: a refusal of its own is passed on, and what the judge cannot
            tell is not released. ``"copy"``: that of a copy that voted to release, as in the paper.

    Raises:
        OptionError: an option outside its range.
    """

    def __init__(
        self,
        target: Target,
        perturbation: Perturbation,
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
        self.target, self.perturbation, self.copies = target, perturbation, copies
        self.judge: Judge = judge if judge is not None else RefusalPhrases()
        self.retries, self.early_stop, self.spare = retries, early_stop, spare
        if answer_from not in get_args(AnswerFrom):
            raise OptionError(f"answer_from={answer_from!r}: give 'original' or 'copy'")
        self.timeout, self.deadline, self.refusal = timeout, deadline, refusal
        self.answer_from = answer_from

    def perturbed(self, prompt: str | Prompt, *, seed: int = 0) -> list[Prompt]:
        """The N copies of a prompt; the same seed gives the same copies.

        A target that samples is asked with a seed of each copy's own, a hash of both seeds, the
        chat and the copy's number, so that no two prompts share the sampling's noise.
        """
        prompt = Prompt.user(prompt) if isinstance(prompt, str) else prompt
        columns = []
        for number, message in enumerate(prompt.messages):
            texts = [message.content] * self.copies
            if message.role == "user":
                texts = self.perturbation.copies(message.content, self.copies, seed=seed + number)
            columns.append([Message(message.role, text) for text in texts])
        chat = json.dumps([prompt.seed, prompt.as_chat()])
        return [
            Prompt(tuple(row), sampling_seed(chat, seed, j))
            for j, row in enumerate(zip(*columns, strict=True))
        ]

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
        tallies = [Tally(some(copies)) for copies in votes_on]
        votes: list[list[Vote]] = [[] for _ in votes_on]
        while True:
            asked: list[tuple[int, int]] = []  # which vote, which of its copies
            for i, copies in enumerate(votes_on):
                done, size = len(votes[i]), len(copies)
                if self.early_stop:
                    size = tallies[i].fewest if tallies[i].decided is None else 0
                asked += [(i, n) for n in range(done, min(done + size, len(copies)))]
            if not asked:
                break
            cast = self._ask([(n, votes_on[i][n]) for i, n in asked])
            for (i, _), vote in zip(asked, cast, strict=True):
                votes[i].append(vote)
                tallies[i] = tallies[i].with_vote(vote.verdict)
        asked_for = originals if originals is not None else [None] * len(votes_on)
        released = {i: o for i, o in enumerate(asked_for) if o is not None and tallies[i].decided}
        answered = dict(
            zip(released, self._ask([(ORIGINAL, o) for o in released.values()]), strict=True)
        )
        return [
            concluded(
                votes[i],
                tallies[i],
                seed,
                calls=sum(vote.calls for vote in votes[i])
                + (answered[i].calls if i in answered else 0),
                refusal=self.refusal,
                original=answered.get(i),
                answers=asked_for[i] is not None,
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

    def _ask(self, copies: Sequence[tuple[int, Prompt]]) -> list[Vote]:
        """One round: ask, judge, and ask again for what was lost."""
        votes = [Vote(n, p, Reply.failed("not asked"), Verdict.LOST, 0) for n, p in copies]
        for _ in range(1 + self.retries):
            lost = [i for i, vote in enumerate(votes) if vote.verdict is Verdict.LOST]
            if not lost:
                break
            prompts = [votes[i].prompt for i in lost]
            replies = self.target.ask(prompts)
            verdicts = judge_replies(self.judge, prompts, replies)
            for i, reply, verdict in zip(lost, replies, verdicts, strict=True):
                calls = votes[i].calls + 1
                votes[i] = replace(votes[i], reply=reply, verdict=verdict, calls=calls)
        return votes


def judge_replies(
    judge: Judge, prompts: Sequence[Prompt], replies: Sequence[Reply]
) -> list[Verdict]:
    """Verdicts on replies: a lost one is lost, a blocked one refused, the judge has the others."""
    settled = [settled_verdict(reply) for reply in replies]
    open_ = [i for i, verdict in enumerate(settled) if verdict is None]
    judged = judge([prompts[i].text for i in open_], [replies[i].text for i in open_])
    verdict_of = dict(zip(open_, judged, strict=True))
    return [verdict_of[i] if verdict is None else verdict for i, verdict in enumerate(settled)]
