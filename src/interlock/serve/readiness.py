"""Whether what a guard stands on is there: the ledger that records, the upstream that answers."""

from __future__ import annotations

import asyncio
import time

from interlock.serve.ledger import Ledger
from interlock.serve.ledger_table import Entry, EntryError, LedgerError
from interlock.serve.upstream import LostError, Upstream

PUT_ON_RECORD = 5.0
"""Seconds beyond the deadline of a request that putting its decision on record may take."""
_HOLDS = 5.0  # seconds for which the answer to "is the upstream there?" holds
_LOOKS = 1.0  # seconds that somebody who asks waits for a ledger that failed


class Recorder:
    """Puts decisions on record, and knows whether that works."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._works = ledger, True
        self._unrecorded: Entry | None = None
        self._checking: asyncio.Task[None] | None = None

    async def record(self, entry: Entry, patience: float) -> None:
        """Put one on record within so many seconds.

        Raises:
            LedgerError: it is not.
        """
        try:
            await self._ledger.record(entry, patience)
        except LedgerError as error:
            if not isinstance(error, EntryError):
                self._works, self._unrecorded = False, entry
            raise
        self._works = True

    async def works(self) -> bool:
        """After a failure, whether it works again: without requests nobody else would find out.

        What is tried is the decision that it could not take, which nobody was told.
        """
        if not self._works:
            if self._checking is None or self._checking.done():
                self._checking = asyncio.create_task(self._try())
            await asyncio.wait({self._checking}, timeout=_LOOKS)
        return self._works

    async def _try(self) -> None:
        if self._unrecorded is None:
            return
        try:
            await self._ledger.record(self._unrecorded, PUT_ON_RECORD)
        except LedgerError:
            return
        self._works = True


class Reach:
    """Whether an upstream speaks; asked again after a while."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._known: tuple[float, bool] | None = None

    async def there(self) -> bool:
        """Whether it is."""
        now = time.monotonic()
        if self._known is None or now > self._known[0] + _HOLDS:
            try:
                await self._upstream.models()
                there = True
            except LostError as error:
                there = error.status is not None  # it speaks, though it lists no models
            self._known = now, there
        return self._known[1]
