"""How many requests are voted on at once, and how many may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock.serve.wire_error import WireError


class Admission:
    """A bounded number of places, and a bounded queue before them.

    Args:
        active: requests at once, >= 1.
        queue: that may wait, >= 0.
    """

    def __init__(self, active: int, queue: int) -> None:
        self._places, self._queue = asyncio.Semaphore(active), queue
        self.active = 0
        """Requests inside."""
        self.waiting = 0
        """Requests in the queue."""

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """Wait for a place, hold it for the block.

        Args:
            patience: seconds to wait at most.

        Raises:
            WireError: 429, where the queue is full or the wait was too long.
        """
        if self._places.locked() and self.waiting >= self._queue:
            raise _busy("the guard is busy and its queue is full")
        self.waiting += 1
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError:
            raise _busy("the guard is busy; no place came free in time") from None
        finally:
            self.waiting -= 1
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            self._places.release()


def _busy(why: str) -> WireError:
    return WireError(429, why, "guard_busy", retry_after=1.0)
