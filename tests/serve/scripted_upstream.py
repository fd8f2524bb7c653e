"""Upstreams that do as they are told: in this process, and as a server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interlock.serve.completion import Completion
from interlock.serve.upstream import Call, LostError, OnText

YES, NO = "Sure, here is how to do it, step by step.", "I can't help with that request, sorry."
Rule = Callable[[str], str]
Fault = Callable[["Exchange"], Awaitable[None]]


def last_user_text(body: Any) -> str:
    content = next(m for m in reversed(body["messages"]) if m["role"] == "user")["content"]
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


def usage(written: int) -> dict[str, int]:
    return {"prompt_tokens": 7, "completion_tokens": written, "total_tokens": 7 + written}


class InProcess:
    """Answers by a function of the user's last text; what ``fails`` names is lost."""

    name = "scripted"

    def __init__(
        self,
        rule: Rule,
        delay: Callable[[str], float] = lambda _: 0.0,
        fails: Callable[[str, int], bool] = lambda _, __: False,
    ) -> None:
        self.rule, self.delay, self.fails = rule, delay, fails
        self.bodies: list[Any] = []
        self.times: dict[str, int] = {}
        self.cancelled = 0

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        text = last_user_text(call.body)
        self.bodies.append(call.body)
        self.times[text] = self.times.get(text, 0) + 1
        try:
            await asyncio.sleep(self.delay(text))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails(text, self.times[text]):
            raise LostError("told to fail")
        said = self.rule(text)
        on_text(said)
        message = {"role": "assistant", "content": said}
        return Completion(message=message, finish_reason="stop", usage=usage(len(said.split())))

    async def models(self) -> list[dict[str, Any]]:
        return [{"id": "m", "object": "model", "created": 0, "owned_by": "tests"}]

    async def aclose(self) -> None:
        pass


class Exchange:
    """One request to the server, and the means to answer it well or badly."""

    def __init__(self, server: Scripted, body: Any, headers: dict[str, str], send: Any) -> None:
        self.server, self.body, self.headers, self._send = server, body, headers, send
        self.said = server.rule(last_user_text(body)) if "messages" in body else ""

    async def start(self, status: int = 200, kind: str = "text/event-stream", **more: str) -> None:
        headers = {"content-type": kind} | {k.replace("_", "-"): v for k, v in more.items()}
        pairs = [(k.encode(), v.encode()) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def whole(
        self, status: int, content: bytes, kind: str = "application/json", **h: str
    ) -> None:
        await self.start(status, kind, **h)
        await self.write(content, more=False)

    async def chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish} | more
        data = {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
        await self.write(f"data: {json.dumps(data)}\n\n".encode())

    async def done(self) -> None:
        if (self.body.get("stream_options") or {}).get("include_usage"):
            data = {"id": "x", "choices": [], "usage": usage(len(self.said.split()))}
            await self.write(f"data: {json.dumps(data)}\n\n".encode())
        await self.write(b"data: [DONE]\n\n", more=False)

    async def stream_well(self) -> None:
        await self.start()
        await self.chunk({"role": "assistant", "content": ""})
        for word in self.said.split(" "):
            await self.chunk({"content": word + " "})
            await asyncio.sleep(self.server.pause)
            self.server.words_sent += 1
        await self.chunk({}, "stop")
        await self.done()

    async def stream_at_once(self) -> None:
        """All events in one piece, as a server close by sends a short answer."""
        deltas = [{"content": word + " "} for word in self.said.split(" ")]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        events: list[Any] = [{"id": "x", "model": "m", "choices": [one]} for one in choices]
        events.append({"choices": [], "usage": usage(len(self.said.split()))})
        lines = [*map(json.dumps, events), "[DONE]"]
        await self.whole(
            200, "".join(f"data: {line}\n\n" for line in lines).encode(), "text/event-stream"
        )

    async def answer_whole(self) -> None:
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": self.said},
        }
        data = {"choices": [choice], "model": "m", "usage": usage(len(self.said.split()))}
        await self.whole(200, json.dumps(data).encode())


class Scripted:
    """A chat completions server on loopback; ``step`` answers each request."""

    def __init__(self, rule: Rule, step: Fault | None = None, pause: float = 0.0) -> None:
        self.rule, self.pause = rule, pause
        self.step: Fault = step or Exchange.stream_well
        self.seen: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.busy = self.most_busy = self.left = self.words_sent = 0
        self.asked_models = 0
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        content = b""
        while True:
            message = await receive()
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        self.paths.append(f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}")
        if scope["path"].endswith("/models"):
            self.asked_models += 1
            exchange = Exchange(self, {}, headers, send)
            entry = {"id": "m", "object": "model", "created": 1, "owned_by": "tests"}
            await exchange.whole(200, json.dumps({"object": "list", "data": [entry]}).encode())
            return
        body = json.loads(content)
        self.seen.append(body)
        self.headers.append(headers)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        gone = asyncio.create_task(self._gone(receive))
        work = asyncio.create_task(self.step(Exchange(self, body, headers, send)))
        try:
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() and not work.done():
                self.left += 1
        finally:
            for task in (gone, work):
                task.cancel()
            await asyncio.wait({gone, work})
            self.busy -= 1
        if work.done() and not work.cancelled() and work.exception() is not None:
            raise work.exception()  # uvicorn drops the connection

    async def _gone(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue


class _Unheard(HttpToolsProtocol):
    """Says nothing of what a scripted upstream does to its connections; it was told to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.Logger("scripted", logging.CRITICAL)


@asynccontextmanager
async def listening(app: Any, **more: Any) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port of loopback; gives the base address.

    What uvicorn says of it from a warning on goes where pytest's ``caplog`` hears it, unless it is
    a scripted upstream.
    """
    given = {"host": "127.0.0.1", "port": 0, "log_config": None, "log_level": "warning"}
    scripted = {"http": _Unheard, "lifespan": "auto"}
    own = scripted if isinstance(app, Scripted) else {"lifespan": "on"}
    config = uvicorn.Config(app, **given | own | more)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:
        if task.done():
            await task
            raise RuntimeError("the server did not start")
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = isinstance(app, Scripted)
        await task
