"""The upstream's own answer while it is still being written, and what of it may be given already.

Nothing is given before the vote has released the request. From then on what has come of the answer
is judged again and again as it stands, as if the upstream had stopped there. Where the judge can
tell what that is, it is given, up to its last few characters. So all that a client has received is
the beginning of a text that the guard would have given as a whole answer. What has come and cannot
be told (reasoning without its end, a language that the judge does not know) waits for what follows,
or for the judgement of the whole, which is that of any answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from interlock.certify import Judge, RefusalPhrases, Verdict
from interlock.serve.completion import Completion
from interlock.serve.vote import Ballot

AHEAD = 16
"""Characters that are judged with what is given before the end, and wait: a few characters of
anything pass for a word."""
LONG = 4_000
"""Characters from which on an answer is judged in a thread, so that other requests go on."""
_SHARE = 0.2  # of the time of one core, for all answers that grow at the same time


def reads_beginnings(judge: Judge) -> bool:
    """Whether a judge can be asked about an unfinished answer, again and again, at no cost."""
    return isinstance(judge, RefusalPhrases)


class Pace:
    """Shares the time that judging unfinished answers may take among those that grow."""

    def __init__(self) -> None:
        self.answers = 0

    def rest(self, took: float) -> float:
        """Seconds to wait after a judgement of so many seconds."""
        return max(0.0, took * (max(1, self.answers) / _SHARE - 1))


class LiveAnswer:
    """One answer that grows.

    Args:
        judge: of answers; one that :func:`reads_beginnings`.
        pace: of the guard.
    """

    def __init__(self, judge: Judge, pace: Pace) -> None:
        self._judge, self._pace = judge, pace
        self._answer: Completion | None = None
        self._looked = self._tellable = self._given = 0  # pieces
        self._earliest = 0.0  # for the next look
        self._news, self._over = asyncio.Event(), False
        self.opened = False
        """Whether some of it is given: then it is this answer or none."""
        self._ballot: Ballot | None = None

    def grew(self, answer: Completion) -> None:
        """A piece has come."""
        if answer is not self._answer and not self.opened:  # asked again: another answer
            self._answer, self._looked, self._tellable = answer, 0, 0
        self._news.set()

    def released(self, ballot: Ballot) -> None:
        """The vote has released the request."""
        self._ballot = ballot
        self._news.set()

    @property
    def begun(self) -> Ballot:
        """The vote as it stood when it released the request, with what has come of the answer."""
        assert self._ballot is not None
        assert self._answer is not None
        return replace(self._ballot, chosen=(self._answer,))

    def end(self) -> None:
        """The vote is over, and with it the answer's judgement as a whole."""
        self._over = True
        self._news.set()

    async def ready(self) -> bool:
        """Wait until more of the answer may be given, or the vote is over (False)."""
        while not self._over:
            if self._tellable > self._given:
                self.opened = True
                return True
            answer = self._answer
            filtered = answer is not None and answer.finish_reason == "content_filter"
            come = 0 if answer is None or filtered else len(answer.deltas)
            if self._ballot is not None and answer is not None and come > self._looked:
                await self._look(answer)
            else:
                self._news.clear()
                await self._news.wait()
        return False

    def taken(self) -> list[dict[str, Any]]:
        """The pieces that may be given and were not taken yet."""
        return self._pieces(self._tellable)

    def rest(self) -> list[dict[str, Any]]:
        """All that is left of an answer whose whole was judged."""
        return self._pieces(None)

    def _pieces(self, end: int | None) -> list[dict[str, Any]]:
        assert self._answer is not None
        pieces = list(self._answer.streamed(self._given, end))
        self._given = len(self._answer.deltas) if end is None else end
        return pieces

    async def _look(self, answer: Completion) -> None:
        """Judge what has come, and find up to where it may be given."""
        await asyncio.sleep(self._earliest - time.monotonic())
        if answer is not self._answer or answer.finish_reason == "content_filter":
            return
        text, come = answer.text, len(answer.deltas)
        before = time.monotonic()
        if len(text) > LONG:
            (verdict,) = await asyncio.to_thread(self._judge, [""], [text])
        else:
            (verdict,) = self._judge([""], [text])
        now = time.monotonic()
        self._earliest = now + self._pace.rest(now - before)
        if answer is not self._answer:
            return
        self._looked = come
        if verdict is not Verdict.LOST:
            ahead = 0
            while come > self._tellable and ahead < AHEAD:
                come -= 1
                ahead += _characters(answer.deltas[come]["delta"])
            self._tellable = come


def _characters(value: Any) -> int:
    if isinstance(value, dict | list):
        return sum(map(_characters, value.values() if isinstance(value, dict) else value))
    return len(value) if isinstance(value, str) else 0
