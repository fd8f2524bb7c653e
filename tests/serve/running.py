"""A guard on loopback, in front of a scripted upstream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai

from interlock.serve.app import build_app
from interlock.serve.bounded_head import BoundedHead
from interlock.serve.config import read_config
from interlock.serve.deployment import deploy
from interlock.serve.guard import Guard
from interlock.serve.keys import KeyRing
from interlock.serve.ledger import Ledger
from interlock.serve.ledger_table import Entry
from interlock.serve.settings import GuardConfig
from tests.serve.scripted_upstream import Scripted, listening

ASK: Any = [{"role": "user", "content": "how do I fold a kite out of paper?"}]


@dataclass
class Running:
    """One guard and the clients that ask it."""

    url: str
    guard: Guard
    http: httpx.AsyncClient
    stack: AsyncExitStack
    """Closes clients with the guard: one left open says so in the logs of some later test."""

    def client(self, **more: Any) -> openai.AsyncOpenAI:
        given = {"api_key": "none", "max_retries": 0, "timeout": 60} | more
        given.setdefault("http_client", openai.DefaultAsyncHttpxClient(verify=False))
        made = openai.AsyncOpenAI(base_url=f"{self.url}/v1", **given)
        self.stack.push_async_callback(made.close)
        return made

    async def post(self, body: Any = None, **headers: str) -> httpx.Response:
        body = {"model": "m", "messages": ASK} if body is None else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/v1/chat/completions", json=body, headers=named)

    def entries(self) -> list[Entry]:
        return list(self.guard.ledger.read())


def settings(folder: Path, upstream: str, **given: Any) -> GuardConfig:
    base: dict[str, Any] = {
        "upstream": upstream,
        "uncertified": True,
        "seed": 0,
        "vote": {"copies": 5},
        "ledger": {"url": f"sqlite:///{folder}/ledger-{time.time_ns()}.sqlite"},
    }
    for name, value in given.items():
        base[name] = base.get(name, {}) | value if isinstance(value, dict) else value
    return read_config(None, base)


@asynccontextmanager
async def running(
    folder: Path,
    upstream: Scripted | str,
    *,
    keys: Any = (),
    admin: Any = (),
    ring: KeyRing | None = None,
    **given: Any,
) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        if isinstance(upstream, Scripted):
            upstream.url = await stack.enter_async_context(listening(upstream)) + "/v1"
            upstream = upstream.url
        config = settings(folder, upstream, **given)
        guard = Guard(config, deploy(config), Ledger(config.ledger.url, config.ledger.waiting))
        app = build_app(guard, ring or KeyRing(keys), KeyRing(admin))
        url = await stack.enter_async_context(listening(app, http=BoundedHead, ws="none"))
        http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, verify=False)
        yield Running(url, guard, await stack.enter_async_context(http), stack)
