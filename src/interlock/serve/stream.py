"""An answer on its way to a client that asked for a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.completion import FIRST
from interlock.serve.live import LiveAnswer

Piece = tuple[int, dict[str, Any]]
"""The number of a choice, and its ``delta``, ``logprobs`` and ``finish_reason``."""


class Stream:
    """The pieces of an answer, in order: all there, or as they come.

    Args:
        answered: the decision, which is on record.
        live: an answer of which not all has come.
        work: the vote that waits for its end; cancelled with the stream.
        finish: puts what was counted in the end on record; raises a ``WireError`` where the answer
            has no end.
    """

    def __init__(
        self,
        answered: Answered,
        live: LiveAnswer | None = None,
        work: asyncio.Task[Answered] | None = None,
        finish: Callable[[Answered], Awaitable[Answered]] | None = None,
    ) -> None:
        self.answered = answered
        """After the last piece with all that was counted."""
        self._live, self._work, self._finish = live, work, finish

    @property
    def live(self) -> bool:
        """Whether not all of it was there when it began."""
        return self._live is not None

    async def pieces(self, pause: float) -> AsyncIterator[Piece | None]:
        """Each piece of each choice; the last one has the reason of its end.

        None stands for ``pause`` seconds without any: the stream is to be kept open.

        Raises:
            WireError: the rest will not come.
        """
        if self._live is None or self._work is None or self._finish is None:
            for piece in self.answered.pieces():
                yield piece
            return
        yield 0, FIRST
        while True:
            try:
                async with asyncio.timeout(pause):
                    more = await self._live.ready()
            except TimeoutError:
                yield None
                continue
            if not more:
                break
            for delta in self._live.taken():
                yield 0, delta
        self.answered = await self._finish(await self._work)
        if self.answered.ballot.outcome == "released":  # else the upstream withheld it unjudged
            for delta in self._live.rest():
                yield 0, delta
        yield 0, self.answered.ballot.chosen[0].last

    async def aclose(self) -> None:
        """Give up what has not come."""
        if self._work is not None and not self._work.done():
            self._work.cancel()
            await asyncio.wait({self._work})
