"""One vote with its copies under way at the same time, ended as soon as it is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt, Reply
from interlock.certify.vote.decision import (
    ORIGINAL,
    Decision,
    Tally,
    Vote,
    concluded,
    settled_verdict,
    some,
)

REFUSAL = "I can't help with that."


class Answering(Protocol):
    """As much of a :class:`~interlock.certify.Target` as a vote under way needs."""

    async def ask_async(self, prompt: Prompt) -> Reply:
        """Answer one prompt without blocking the event loop; cancelling stops the call."""


class Judging(Protocol):
    """As much of a :class:`~interlock.certify.Judge` as a vote under way needs."""

    async def judge_async(self, asked: str, answer: str) -> Verdict:
        """One verdict, without blocking the event loop."""


@dataclass(frozen=True)
class LiveVote:
    """How :meth:`SmoothLLM.answer_async` votes; its options are explained there."""

    target: Answering
    judge: Judging
    retries: int = 1
    early_stop: bool = True
    spare: int = 1
    timeout: float | None = None
    deadline: float | None = None
    refusal: str = REFUSAL

    async def decide(
        self, copies: Sequence[Prompt], *, seed: int = 0, original: Prompt | None = None
    ) -> Decision:
        """Vote; copies under way when the decision falls are cancelled.

        Args:
            copies: to vote on, in order.
            seed: of the choice among copies' answers.
            original: asked beside them, for the answer of a released vote; cancelled where the
                vote refuses.

        Raises:
            OptionError: there are no copies.
            InterlockError: the target raised; the other copies are cancelled first.
        """
        tally, votes = Tally(some(copies)), list[Vote]()
        running: set[asyncio.Task[Vote]] = set()
        loop = asyncio.get_running_loop()
        end = None if self.deadline is None else loop.time() + self.deadline
        spent = [0] * (len(copies) + 1)  # calls by copy; a cancelled one has no vote to tell
        whole = None
        if original is not None:
            whole = asyncio.create_task(self._ask_one(ORIGINAL, original, spent))
        launched, timed_out = 0, False
        first = tally.fewest + self.spare
        try:
            while not (self.early_stop and tally.decided is not None):
                undisputed = first + min(tally.complied, tally.against) - len(votes)
                wanted = max(tally.fewest, min(tally.fewest + self.spare, undisputed))
                wanted = wanted if self.early_stop else len(copies)
                while len(running) < wanted and launched < len(copies):
                    one = self._ask_one(launched, copies[launched], spent)
                    running.add(asyncio.create_task(one))
                    launched += 1
                if not running:
                    break
                left = None if end is None else max(0.0, end - loop.time())
                done, running = await asyncio.wait(
                    running, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    timed_out = True
                    break
                for vote in sorted((task.result() for task in done), key=lambda v: v.copy):
                    votes.append(vote)
                    tally = tally.with_vote(vote.verdict)
            if whole is not None and tally.decided:
                left = None if end is None else max(0.0, end - loop.time())
                done, _ = await asyncio.wait([whole], timeout=left)
                timed_out = not done
        finally:
            unfinished = running if whole is None else {*running, whole}
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)
            # One that failed beside a failed copy, or a refused vote, is no news.
            failed = whole is not None and not whole.cancelled() and whole.exception() is not None
        answered = None
        if whole is not None and not whole.cancelled() and (tally.decided or not failed):
            answered = whole.result()
        return concluded(
            votes,
            tally,
            seed,
            calls=sum(spent),
            refusal=self.refusal,
            cancelled=len(running),
            timed_out=timed_out,
            original=answered,
            answers=original is not None,
        )

    async def _ask_one(self, number: int, prompt: Prompt, spent: list[int]) -> Vote:
        vote = Vote(number, prompt, Reply.failed("not asked"), Verdict.LOST, 0)
        for _ in range(1 + self.retries):
            spent[number] += 1
            try:
                async with asyncio.timeout(self.timeout):
                    reply = await self.target.ask_async(prompt)
                    verdict = settled_verdict(reply)
                    if verdict is None:
                        verdict = await self.judge.judge_async(prompt.text, reply.text)
            except TimeoutError:
                reply, verdict = Reply.failed(f"no answer within {self.timeout} s"), Verdict.LOST
            vote = replace(vote, reply=reply, verdict=verdict, calls=vote.calls + 1)
            if verdict is not Verdict.LOST:
                break
        return vote
