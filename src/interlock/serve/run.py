"""Serve a guard until it is told to stop; what is under way is finished first."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import uvicorn

from interlock.serve.access import check_tls, open_keys, renew_tls
from interlock.serve.app import build_app
from interlock.serve.bounded_head import BoundedHead
from interlock.serve.deployment import Deployment, deploy
from interlock.serve.guard import Guard, ledger_salt
from interlock.serve.ledger import Ledger
from interlock.serve.listener import BACKLOG, Server, address_of, listen
from interlock.serve.readiness import PUT_ON_RECORD
from interlock.serve.reload import Reloader
from interlock.serve.settings import GuardConfig

_KEEP_ALIVE = 75  # seconds; more than clients keep a connection, so that none meets a closed one
_SWITCH = 0.0005  # seconds after which the ledger's thread and the event loop take turns
_NEW_OBJECTS = 5000  # between two collections; Python's own 700 come many times in each request
_GRACE = int(PUT_ON_RECORD) + 1  # seconds beyond the deadline of a request that is under way


def serve(read: Callable[[], GuardConfig], on_ready: Callable[[str, Deployment], None]) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP has the settings read again.

    Args:
        read: the settings as they are now.
        on_ready: told the address and what is deployed, once requests are answered.

    Raises:
        ConfigError: the settings cannot be served; nothing was opened to the network.
        InterlockError: the certificate, the model or the ledger cannot be opened.
    """
    with _deaf_to_reloads():
        _serve(read, on_ready)


def _serve(read: Callable[[], GuardConfig], on_ready: Callable[[str, Deployment], None]) -> None:
    config = read()
    salt = ledger_salt(config)
    keys, admin = open_keys(config, salt)
    check_tls(config)
    listener = listen(config.host, config.port)
    try:
        deployment = deploy(config)
        ledger = Ledger(config.ledger.url, config.ledger.waiting)
        guard = Guard(config, deployment, ledger, salt)
        _log_to_stderr(config.log.level)
        served = uvicorn.Config(
            build_app(guard, keys, admin),
            log_config=None,
            access_log=False,
            http=BoundedHead,
            ws="none",
            backlog=BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            server_header=False,
            proxy_headers=False,
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
        )

        def renew(config: GuardConfig) -> None:
            if served.ssl is not None:
                renew_tls(served.ssl, config)

        server = _Server(served, Reloader(guard, keys, admin, read, renew))

        def ready() -> None:
            sys.setswitchinterval(_SWITCH)
            gc.freeze()  # what is loaded by now stays; looking through it again costs milliseconds
            gc.set_threshold(_NEW_OBJECTS, 10, 10)
            scheme = "http" if config.tls_cert is None else "https"
            on_ready(address_of(listener, scheme), deployment)

        server.on_ready = ready
        with asyncio.Runner(loop_factory=served.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    finally:
        listener.close()


@contextmanager
def _deaf_to_reloads() -> Iterator[None]:
    """Until requests are answered there is nothing to reload; by default SIGHUP would end it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


class _Server(Server):
    def __init__(self, config: uvicorn.Config, reloader: Reloader) -> None:
        super().__init__(config)
        self._reloader = reloader

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way, as long as the settings of now allow."""
        deadline = self._reloader.guard.config.vote.deadline
        self.config.timeout_graceful_shutdown = int(deadline) + _GRACE
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Besides, SIGHUP has the settings read again."""
        with super().capture_signals():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reloader.ask)
            yield


class _JsonLines(logging.Formatter):
    """One JSON object a line; what the guard says of a request is one already."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        try:
            facts: Any = json.loads(said)
        except ValueError:
            facts = {"message": said.partition("\n")[0]}  # what follows may hold a client's words
        if record.exc_info and record.exc_info[0] is not None:
            facts["exception"] = record.exc_info[0].__name__
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": time, "level": record.levelname.lower()}
        return json.dumps(head | (facts if isinstance(facts, dict) else {"message": said}))


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    for name in ("interlock.guard", "uvicorn", "asyncio", "aiohttp", "opentelemetry"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level.upper() if name == "interlock.guard" else "WARNING")
