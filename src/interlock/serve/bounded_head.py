"""Connections: heads of requests are bounded, and who leaves has left with all that he asked.

uvicorn's fast parser by itself takes heads of any length, for ever; and of several requests that
came at once it tells only the last that its client is gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 512 * 1024
"""Far beyond what clients send; a connection with a longer head is closed."""
HEAD_SECONDS = 75.0
"""For a whole head, from the connection's or the request's first moment."""
log = logging.getLogger("interlock.guard")


class _Strangers(logging.LoggerAdapter[logging.Logger]):
    """Whoever reaches the port can send what is no HTTP: a warning each would flood the log."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger, {})
        self.level = logger.level
        self.client: tuple[str, int] | None = None

    def warning(self, msg: object, *_: Any, **__: Any) -> None:
        log.debug(json.dumps({"message": str(msg), "client": (self.client or [None])[0]}))


class _Transport:
    """Sends nothing to who has left: asyncio would log a line for each piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


class BoundedHead(HttpToolsProtocol):
    """Closes a connection whose next request does not get beyond its head.

    And where the client hangs up, each of its requests under way hears of it.
    """

    _head: int | None = 0  # bytes of a head that is coming; None where it has come
    _timer: asyncio.TimerHandle | None = None
    _asked: tuple[RequestResponseCycle, ...] = ()  # requests without their whole answer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._strangers = _Strangers(self.logger)
        self.logger = self._strangers  # type: ignore[assignment]

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        reached: Any = _Transport(transport)
        super().connection_made(reached)
        self._strangers.client = self.client
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = 0
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head has come; what follows is bounded by ``limits.request_bytes``."""
        self._head = None
        self._rest()
        super().on_headers_complete()
        self._asked = (*(one for one in self._asked if not one.response_complete), self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._rest()
        for one in self._asked:
            if not one.response_complete:
                one.disconnected = True
            one.message_event.set()
        self._asked = ()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._rest()
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
