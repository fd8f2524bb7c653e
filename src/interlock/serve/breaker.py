"""A circuit breaker: an upstream that keeps failing is left alone for a while.

Small and of its own making: the known libraries count a cancelled call as a failure or a success,
and cancelling is what a vote does all day; here it is neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from interlock.serve.completion import Completion
from interlock.serve.upstream import Call, LostError, OnText, Upstream
from interlock.serve.wire_error import WireError

State = Literal["closed", "open", "trying"]


class Breaker:
    """Opens after so many failed calls in a row; after a pause lets one request try.

    Args:
        failures: calls in a row, >= 1.
        pause: seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self, failures: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._pause, self._clock = failures, pause, clock
        self._failed = 0
        self._opened: float | None = None
        self._trying_until: float | None = None

    @property
    def state(self) -> State:
        """``trying``: the pause is over, and the upstream has not answered yet."""
        if self._opened is None:
            return "closed"
        return "open" if self._clock() < self._opened + self._pause else "trying"

    def admit(self) -> None:
        """Let a request through.

        Raises:
            WireError: 503, while the upstream counts as down.
        """
        if self._opened is None:
            return
        now = self._clock()
        free = max(self._opened + self._pause, self._trying_until or 0.0)
        if now < free:
            raise WireError(
                503,
                "the upstream does not answer; nothing is released until it does",
                "upstream_down",
                retry_after=free - now,
            )
        self._trying_until = now + self._pause  # one request; the next after another pause

    def succeeded(self) -> None:
        """A call was answered."""
        self._failed, self._opened, self._trying_until = 0, None, None

    def failed(self) -> None:
        """A call was lost."""
        self._failed += 1
        if self._failed >= self._limit:
            self._opened = self._clock()


class WatchedUpstream:
    """An upstream whose calls are reported to a breaker. A busy upstream (429) is not down."""

    def __init__(self, upstream: Upstream, breaker: Breaker) -> None:
        self.name, self._upstream, self._breaker = upstream.name, upstream, breaker

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        if call.wants != "answer":  # the upstream may well answer where it reads no text
            return await self._upstream.ask(call, on_text)
        try:
            answer = await self._upstream.ask(call, on_text)
        except LostError as error:
            if error.status != 429:
                self._breaker.failed()
            raise
        except WireError:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return answer

    async def models(self) -> list[dict[str, Any]]:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        return await self._upstream.models()

    async def aclose(self) -> None:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        await self._upstream.aclose()
