"""The guard on the wire: what an OpenAI client and an operator find at its base URL."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interlock._version import __version__
from interlock.serve.body import read_body
from interlock.serve.chat import ChatRequest, read_object
from interlock.serve.guard import Guard
from interlock.serve.keys import ADMIN, Client, KeyRing, key_of
from interlock.serve.origin import OwnHosts
from interlock.serve.page import add_page
from interlock.serve.settings import LOOPBACK
from interlock.serve.stream import Stream
from interlock.serve.strict_json import PlainResponse
from interlock.serve.traces import RequestTrace, Traces
from interlock.serve.upstream import LostError
from interlock.serve.wire_error import WireError
from interlock.serve.wires.anthropic import Messages
from interlock.serve.wires.completions import Completions
from interlock.serve.wires.decisions import Decisions
from interlock.serve.wires.litellm import LiteLLM
from interlock.serve.wires.responses import Responses
from interlock.serve.wires.wire import Chat, Wire

T = TypeVar("T")
log = logging.getLogger("interlock.guard")
PROBE = "x-interlock-probe"
WIRES: tuple[Wire, ...] = (Chat(), Completions(), Responses(), Messages(), Decisions(), LiteLLM())
TOLD = (
    "x-request-id", "x-interlock-outcome", "x-interlock-certificate-applies", "x-interlock-calls",
    "x-should-retry", "retry-after",
)  # fmt: skip
"""Headers that a page of another site may read."""
_PATHS = frozenset(wire.path for wire in WIRES)
_EVENTS = "text/event-stream"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
COMMENTS = 5.0
"""Seconds of a stream without anything else, after which a comment keeps it open."""
_NO_LIST = frozenset({400, 404, 405, 501})
"""What an upstream answers that has no list of models."""
_GONE = 499  # as nginx has it: the client left


class GoneError(Exception):
    """The client hung up."""


def build_app(guard: Guard, keys: KeyRing, admin_keys: KeyRing) -> FastAPI:
    """The ASGI application.

    Args:
        guard: not started yet; the application starts and closes it.
        keys: who may ask; without any, everybody.
        admin_keys: who may see the page's data, everybody where there are none; and who alone may
            send probes and acknowledge alarms.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await guard.start()
        yield
        await guard.aclose()

    app = FastAPI(
        title="interlock guard",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    config = guard.config
    if not keys:
        hosts = {*LOOPBACK, config.host, *config.auth.hosts} if config.on_loopback else set()
        named = hosts or config.auth.hosts
        app.add_middleware(
            OwnHosts,
            hosts=() if "*" in named else tuple(named),
            origins=config.auth.origins,
            who="this guard has no keys and",
            option="auth.hosts",
        )
    app.add_middleware(_RequestIds, traces=guard.traces)
    if config.auth.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.auth.origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            expose_headers=TOLD,
        )
    app.add_exception_handler(WireError, _wire_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(GoneError, _gone_error)
    app.add_exception_handler(ClientDisconnect, _gone_error)
    app.add_exception_handler(Exception, _unforeseen)

    def client_of(request: Request) -> Client:
        authorization = key_of(request.headers)
        if admin_keys and admin_keys.knows(authorization):
            return ADMIN
        return keys.client(authorization)

    def is_probe(request: Request) -> bool:
        asked = request.headers.get(PROBE, "") not in ("", "0")
        return asked and admin_keys.knows(key_of(request.headers))

    async def read(request: Request, wire: Wire) -> ChatRequest:
        try:
            lease = request.state.lease = guard.admit(client_of(request))
            limit, patience = guard.config.limits.request_bytes, guard.config.vote.deadline
            content = await read_body(request, limit, patience)
            chat = wire.chat(read_object(content))
            return guard.read(chat, lease.client, answers=wire.answers)
        except WireError as error:
            guard.turn_away(error, request.state.request_id)
            raise

    def add(wire: Wire) -> None:
        async def answer(request: Request) -> Response:
            try:
                return await answered(request, wire, await read(request, wire))
            except WireError as error:
                return PlainResponse(
                    wire.error(error), error.status, {**error.headers, **error.said}
                )

        # A plain route: FastAPI's own would look for what it may have to read and check.
        app.add_route(wire.path, answer, methods=["POST"])

    async def answered(request: Request, wire: Wire, chat: ChatRequest) -> Response:
        request_id, probe = request.state.request_id, is_probe(request)
        lease = request.state.lease
        if not chat.stream:
            work = guard.answer(chat, request_id, probe=probe, lease=lease, answers=wire.answers)
            done = await unless_gone(request, work)
            return PlainResponse(wire.whole(done), headers=done.headers)
        task = asyncio.create_task(guard.stream(chat, request_id, probe=probe, lease=lease))
        try:
            waited = unless_gone(request, asyncio.wait({task}, timeout=guard.config.vote.head))
            await waited
        except BaseException:
            await _given_up(task)
            raise
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        if task.done():
            headers |= task.result().answered.headers
        else:
            headers |= dict.fromkeys(
                ("x-interlock-outcome", "x-interlock-certificate-applies"), "pending"
            )
        return _Events(wire, task, headers)

    for wire in WIRES:
        add(wire)

    @app.post("/interlock/acknowledge")
    async def acknowledge(request: Request) -> Response:
        if not admin_keys:
            raise WireError(403, "acknowledging an alarm needs an admin key", "admin_key_needed")
        admin_keys.check(key_of(request.headers))
        await guard.acknowledge()
        return PlainResponse({"alarms": guard.drift.alarms})

    @app.get("/v1/models")
    async def models(request: Request) -> Any:
        client_of(request)
        return {"object": "list", "data": await _models(guard)}

    @app.get("/v1/models/{model:path}")
    async def model(request: Request, model: str) -> Any:
        client_of(request)
        for entry in await _models(guard):
            if entry["id"] == model:
                return entry
        raise WireError(404, f"no model {model!r}", "model_not_found", param="model")

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Any:
        return {"alive": True}

    @app.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        ready, state = await guard.ready()
        return PlainResponse(state, 200 if ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST

        return Response(guard.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})

    if guard.config.page:
        add_page(app, guard, keys, admin_keys)
    return app


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work; when the client hangs up, cancel it.

    Raises:
        GoneError: the client hung up.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise GoneError
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.wait({task, gone})


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _models(guard: Guard) -> list[dict[str, Any]]:
    try:
        listed = await guard.upstream.models()
    except LostError as error:
        if error.status not in _NO_LIST:
            raise WireError(502, str(error), "upstream_lost") from None
        listed = []
    served = guard.deployment.model
    if served is None:
        return listed
    named = [entry for entry in listed if entry["id"] == served]
    bare = {"id": served, "object": "model", "created": 0, "owned_by": "upstream"}
    return named or [bare]


class _Events(StreamingResponse):
    """Comments until there is a stream, then the stream; whoever leaves takes its calls along."""

    def __init__(self, wire: Wire, task: asyncio.Task[Stream], headers: dict[str, str]) -> None:
        super().__init__(self._events(wire, task), media_type=_EVENTS, headers=headers)
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await _given_up(self._task)

    async def _events(self, wire: Wire, task: asyncio.Task[Stream]) -> AsyncIterator[bytes]:
        while not task.done():
            yield b": the vote is under way\n\n"
            await asyncio.wait({task}, timeout=COMMENTS)
        try:
            async for piece in wire.events(task.result(), COMMENTS):
                yield piece
        except WireError as error:
            yield wire.failed(error)
        except Exception as error:
            log.error("a stream failed: %s", type(error).__name__)
            yield wire.failed(
                WireError(500, "the guard failed; nothing more is released", "guard_failed")
            )


async def _given_up(task: asyncio.Task[Stream]) -> None:
    """End what is under way for nobody any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        await task.result().aclose()


def _wire_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, WireError)
    return PlainResponse(error.body, error.status, {**error.headers, **error.said})


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message, code = str(error.detail), "method_not_allowed"
    if error.status_code == 404:
        paths = ", ".join(wire.path for wire in WIRES)
        message = f"no {request.url.path}; the guard answers {paths} and /v1/models"
        code = "not_found"
    response = _wire_error(request, WireError(error.status_code, message, code))
    response.headers.update(error.headers or {})  # which methods are allowed
    return response


def _gone_error(_: Request, __: Exception) -> Response:
    return Response(status_code=_GONE)


def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("request %s failed: %s", request.state.request_id, type(error).__name__)
    answer = WireError(500, "the guard failed; nothing is released", "guard_failed")
    response = _wire_error(request, answer)
    response.headers["x-request-id"] = request.state.request_id  # beyond the middleware's reach
    return response


class _RequestIds:
    """``x-request-id`` from end to end: the client's own where it is a sane one.

    And in every answer what is left of a quota; and a trace of each request for a model.
    """

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = Headers(scope=scope)
        given = head.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"req-{secrets.token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = request_id
        # A base address with a slash at its end, and a client that puts one before its path.
        plain = re.sub("/{2,}", "/", scope["path"]).removesuffix("/")
        if plain in _PATHS:
            scope["path"] = plain
        elif len(scope["path"]) > 1:
            scope["path"] = scope["path"].removesuffix("/")

        traced: RequestTrace | None = None

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                lease = scope["state"].get("lease")
                headers.update(lease.headers if lease is not None else {})
                if traced is not None:
                    traced.answered(message["status"], headers.get("x-interlock-outcome"))
            await send(message)

        if scope["path"] not in _PATHS:
            await self._app(scope, receive, marked)
            return
        with self._traces.request(scope["path"], head) as trace:
            traced = trace
            await self._app(scope, receive, marked)
