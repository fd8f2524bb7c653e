"""How many requests are voted on at once, and how many may wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock.serve.wire_error import WireError


class Admission:
    """A bounded number of places, and a bounded queue before them; first come, first served.

    Args:
        active: requests at once, >= 1.
        queue: that may wait, >= 0.
    """

    def __init__(self, active: int, queue: int) -> None:
        self._most, self._queue = active, queue
        self._line: deque[asyncio.Future[None]] = deque()
        self.active = 0
        """Requests inside."""

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._line)

    def resize(self, active: int, queue: int) -> None:
        """Other bounds from now on; who is inside, or waits, stays."""
        self._most, self._queue = active, queue
        self._let_in()

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """Wait for a place, hold it for the block.

        Args:
            patience: seconds to wait at most.

        Raises:
            WireError: 429, where the queue is full or the wait was too long.
        """
        if self.active < self._most and not self._line:
            self.active += 1
        elif len(self._line) >= self._queue:
            raise _busy("the guard is busy and its queue is full")
        else:
            await self._wait(patience)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, patience: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # the place came as the client left
                self._leave()
            elif turn in self._line:
                self._line.remove(turn)
            if isinstance(error, TimeoutError):
                raise _busy("the guard is busy; no place came free in time") from None
            raise

    def _leave(self) -> None:
        self.active -= 1
        self._let_in()

    def _let_in(self) -> None:
        """Hand places over: the one who gets one is inside before he runs again."""
        while self._line and self.active < self._most:
            turn = self._line.popleft()
            if not turn.cancelled():
                self.active += 1
                turn.set_result(None)


def _busy(why: str) -> WireError:
    return WireError(429, why, "guard_busy", retry_after=1.0)
