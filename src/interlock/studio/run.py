"""Serve the studio on this machine until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import uvicorn

from interlock.serve.bounded_head import BoundedHead
from interlock.serve.listener import BACKLOG, Server, address_of, listen
from interlock.studio.app import build_app
from interlock.studio.models import never_run_code
from interlock.studio.studio import Given, Studio

HOST = "127.0.0.1"
"""And nowhere else: the page loads what it is told, and shows photos."""


def serve(given: Given, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; work under way is stopped.

    Args:
        given: what the studio begins with.
        port: 0 for any.
        on_ready: told the address, once the page is there.

    Raises:
        InterlockError: it cannot listen there, or a model cannot be loaded.
    """
    listener = listen(HOST, port)
    try:
        never_run_code()
        studio = Studio(given)
        logging.getLogger("uvicorn").setLevel("WARNING")
        served = uvicorn.Config(
            build_app(studio),
            log_config=None,
            access_log=False,
            http=BoundedHead,
            ws="none",
            backlog=BACKLOG,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        server = Server(served)
        server.on_ready = lambda: on_ready(address_of(listener))
        with asyncio.Runner(loop_factory=served.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    finally:
        listener.close()
