"""One vote with its copies under way at the same time, ended as soon as it is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from interlock.certify.judges.judge import Verdict
from interlock.certify.targets.protocol import Prompt, Reply, is_call
from interlock.certify.vote.asks import Asks, Reading, unread, with_reading
from interlock.certify.vote.decision import (
    ORIGINAL,
    Decision,
    Vote,
    as_original,
    concluded,
    settled_verdict,
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
        self,
        copies: Sequence[Prompt],
        *,
        seed: int = 0,
        original: Prompt | None = None,
        twin: bool | None = None,
        on_release: Callable[[Decision], None] | None = None,
    ) -> Decision:
        """Vote; copies under way when the decision falls are cancelled.

        Args:
            copies: to vote on, in order; the majority of plain prompts decides, ``Asks`` bring
                their own rule.
            seed: of the choice among copies' answers.
            original: asked beside them, for the answer of a released vote; cancelled where the
                vote refuses.
            twin: whether a copy asks just what the original asks, whose answer then is the
                original's and saves a call; None: it is looked for.
            on_release: told the decision when the vote releases and the original's answer, a call
                of its own, may still be on its way; without that answer.

        Raises:
            OptionError: there are no copies.
            InterlockError: the target raised; the other copies are cancelled first.
        """
        asks = Asks.of(copies)
        poll, votes = asks.poll(), list[Vote]()
        running: set[asyncio.Task[Vote]] = set()
        loop = asyncio.get_running_loop()
        end = None if self.deadline is None else loop.time() + self.deadline
        spent = [0] * (len(asks) + 1)  # calls by copy; a cancelled one has no vote to tell
        whole = None
        if twin is None:
            twin = original is not None and any(one.messages == original.messages for one in asks)
        if original is not None and not twin:
            whole = asyncio.create_task(self._ask_one(ORIGINAL, original, spent))
        launched, timed_out, answered = 0, False, None
        first, round_ = 0, -1
        dropped: set[asyncio.Task[Vote]] = set()
        try:
            while not (self.early_stop and poll.decided is not None):
                if poll.start != round_:  # the next round; what is under way of the last is moot
                    round_, launched = poll.start, max(launched, poll.start)
                    first = poll.now.fewest + self.spare
                    if self.early_stop:
                        for task in running:
                            task.cancel()
                        dropped, running = dropped | running, set()
                now = poll.now
                undisputed = first + min(now.complied, now.against) - now.complied - now.against
                wanted = max(now.fewest, min(now.fewest + self.spare, undisputed))
                if not self.early_stop or now.refuse_at == 1:  # a release needs every answer
                    wanted = len(asks)
                while len(running) < wanted and launched < poll.copies:
                    one = self._ask_one(launched, asks[launched], spent, asks.reading(launched))
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
                    poll = poll.with_vote(vote.copy, vote.verdict)
            if original is not None and poll.decided:
                answered = as_original(original, votes)
                if whole is None and answered is None:
                    whole = asyncio.create_task(self._ask_one(ORIGINAL, original, spent))
            if whole is not None and poll.decided:
                for task in running:
                    task.cancel()
                if on_release is not None:
                    cancelled = len(running) + len(dropped)
                    so_far = concluded(
                        votes, poll, seed, calls=sum(spent), refusal="", cancelled=cancelled
                    )
                    on_release(replace(so_far, text="", chosen=None))
                left = None if end is None else max(0.0, end - loop.time())
                done, _ = await asyncio.wait([whole], timeout=left)
                timed_out = not done
        finally:
            unfinished = running | dropped if whole is None else {*running, *dropped, whole}
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)
            # One that failed beside a failed copy, or a refused vote, is no news.
            failed = whole is not None and not whole.cancelled() and whole.exception() is not None
        if whole is not None and not whole.cancelled() and (poll.decided or not failed):
            answered = whole.result()
        return concluded(
            votes,
            poll,
            seed,
            calls=sum(spent),
            refusal=self.refusal,
            cancelled=len(running) + len(dropped),
            timed_out=timed_out,
            original=answered,
            answers=original is not None,
        )

    async def _ask_one(
        self, number: int, prompt: Prompt, spent: list[int], reading: Reading | None = None
    ) -> Vote:
        reply, verdict = Reply.failed("not asked"), Verdict.LOST
        calls, call = 0, is_call(self.target, prompt)
        for _ in range(1 + self.retries):
            spent[number] += call
            calls += call
            try:
                async with asyncio.timeout(self.timeout):
                    reply = await self.target.ask_async(prompt)
                    verdict = settled_verdict(reply) or await self._judged(prompt, reply, reading)
            except TimeoutError:
                reply, verdict = Reply.failed(f"no answer within {self.timeout} s"), Verdict.LOST
            if verdict is not Verdict.LOST:
                break
        return Vote(number, prompt, reply, verdict, calls, own=reading is not None)

    async def _judged(self, prompt: Prompt, reply: Reply, reading: Reading | None) -> Verdict:
        read, judged = None if reading is None else reading(reply.text), None
        if unread(read):
            judged = await self.judge.judge_async(prompt.text, reply.text)
        return with_reading(read, judged)
