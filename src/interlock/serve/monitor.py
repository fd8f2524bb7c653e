"""Votes that are only watched: every request is answered, and the vote is put on record.

For a rollout: the ledger says what a guard would have refused, before it refuses anything.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace

from interlock.certify import Decision, Verdict
from interlock.certify.vote.decision import ORIGINAL, settled_verdict
from interlock.errors import InterlockError
from interlock.names import VoteOutcome
from interlock.serve.completion import Completion, MalformedError
from interlock.serve.upstream import Call, LostError
from interlock.serve.vote import PATIENCE, PAUSE, Ballot, Matter, hold_vote
from interlock.serve.wire_error import WireError


async def watch_vote(matter: Matter, *, voted: bool) -> Ballot:
    """Answer a request as it came, whatever the vote on it says.

    Args:
        matter: as :func:`~interlock.serve.vote.hold_vote` has it; its deadline is for vote and
            answer.
        voted: whether there is a vote.

    Raises:
        WireError: the upstream says that the request itself is wrong, or the guard's key.
    """
    deadline, answers = matter.deadline, matter.answers
    own = _Own(matter)
    end = None if deadline is None else time.monotonic() + deadline
    answering = asyncio.create_task(own.answer(matter.request.n)) if answers else None
    try:
        ballot = None
        if voted:
            ballot = await _voted(hold_vote(replace(matter, answers=False, live=None)))
        if answering is not None:
            left = None if end is None else max(0.001, end - time.monotonic())
            await asyncio.wait({answering}, timeout=left)
            if answering.done():
                answering.result()
    finally:
        if answering is not None:
            answering.cancel()
            await asyncio.wait({answering})
    would = None
    if voted:
        would = "undecided" if ballot is None else await own.judged(ballot.outcome)
    late = answering is not None and answering.cancelled()
    return own.ballot(ballot, would, late, given=not answers or len(own.chosen) == matter.request.n)


async def _voted(vote: Awaitable[Ballot]) -> Ballot | None:
    """The vote; None where the request went wrong for it, which its answer may not."""
    try:
        return await vote
    except WireError:
        return None


@dataclass
class _Own:
    """The calls of the request as it came."""

    matter: Matter
    chosen: list[Completion] = field(default_factory=list)
    calls: int = 0
    retry_after: float | None = None

    async def answer(self, count: int) -> None:
        """So many answers, side by side, each asked again where it was lost."""
        tasks = [asyncio.create_task(self._one()) for _ in range(count)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _one(self) -> None:
        call = Call(self.matter.request.original.body, self.matter.request_id)
        for left in reversed(range(1 + self.matter.rules.retries)):
            self.calls += 1
            end = "cancelled"
            try:
                answer = await self.matter.upstream.ask(call, lambda _: False)
                answer.reply()
                end = "ok"
                self.chosen.append(answer)
                return
            except (LostError, MalformedError) as error:
                end = "lost"
                wait = error.retry_after or 0.0 if isinstance(error, LostError) else 0.0
                if isinstance(error, LostError) and error.status == 429:
                    self.retry_after = max(self.retry_after or 0.0, wait)
                if left:
                    await asyncio.sleep(min(wait, PATIENCE) + random.uniform(0, PAUSE))
            finally:
                if self.matter.on_call is not None:
                    self.matter.on_call(end)

    async def judged(self, outcome: VoteOutcome) -> VoteOutcome:
        """What a guard would have made of the vote's outcome and these answers."""
        if outcome != "released":
            return outcome
        for answer in self.chosen:
            reply = answer.reply()
            verdict = settled_verdict(reply)
            if verdict is None:
                try:
                    asked = self.matter.request.original.prompt.text
                    verdict = await self.matter.rules.judge.judge_async(asked, reply.text)
                except InterlockError:
                    verdict = Verdict.LOST
            if verdict is Verdict.LOST:
                return "undecided"
        return outcome

    def ballot(
        self, vote: Ballot | None, would: VoteOutcome | None, late: bool, *, given: bool
    ) -> Ballot:
        """All of it, with the answers where there are as many as were asked for."""
        chosen = tuple(self.chosen) if given else ()
        usages = tuple(answer.usage for answer in self.chosen if answer.usage is not None)
        withheld = any(answer.finish_reason == "content_filter" for answer in chosen)
        base = vote or Ballot(_NO_VOTE, (), (), 0, 0, None)
        decision = replace(
            base.decision, released=given, calls=base.decision.calls + self.calls, timed_out=late
        )
        waits = [wait for wait in (base.retry_after, self.retry_after) if wait is not None]
        return replace(
            base,
            decision=decision,
            chosen=chosen,
            usages=(*base.usages, *usages),
            uncounted=base.uncounted + self.calls - len(usages),
            retry_after=max(waits) if waits and not given else None,
            filtered=(base.filtered - {ORIGINAL}) | ({ORIGINAL} if withheld else set()),
            watched=True,
            would=would,
        )


_NO_VOTE = Decision(
    released=False, text="", chosen=None, votes=(), copies=0, cancelled=0, calls=0, seed=0
)
