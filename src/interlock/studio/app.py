"""The studio on the wire: a page, and what it asks."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from interlock._version import __version__
from interlock.errors import InterlockError
from interlock.serve.body import read_body, read_bytes
from interlock.serve.origin import OwnHosts
from interlock.serve.settings import LOOPBACK
from interlock.serve.shell import add_shell
from interlock.serve.strict_json import PlainResponse
from interlock.serve.wire_error import WireError
from interlock.studio.models import listed
from interlock.studio.photos import BYTES, sample_photo, samples, uploaded
from interlock.studio.prompts import offered
from interlock.studio.requests import (
    Asked,
    Attacked,
    Certified,
    Changed,
    Explained,
    Named,
    Removed,
    Voted,
    read,
)
from interlock.studio.studio import Studio

log = logging.getLogger("interlock.studio")
STATIC = Path(__file__).parent / "static"
SCRIPTS = ("state.js", "photo.js", "patch.js", "prompt.js", "studio.js")
TOKEN = "x-interlock-token"
"""Header of every request but those for the page: no page of another site can send it."""
REQUEST, PATIENCE = 2**20, 60.0
"""Bytes of a request that is no photo, and seconds until all of one must be there."""
KINDS = frozenset({"model", "explain", "attack", "shield", "certify", "vote"})


def build_app(studio: Studio, token: str | None = None) -> FastAPI:
    """The ASGI application.

    It answers requests that name this machine and come from no page of another site; all but the
    page's own files need the token, which only the page is given.

    Args:
        studio: closed with the application.
        token: of this run; None draws one.
    """
    token = token or secrets.token_urlsafe(24)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(studio.close)

    app = FastAPI(
        title="interlock studio",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(OwnHosts, hosts=tuple(LOOPBACK), who="this studio")
    app.add_exception_handler(InterlockError, _in_one_line)
    app.add_exception_handler(HTTPException, _no_such_thing)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_exception_handler(ClientDisconnect, lambda *_: Response(status_code=499))
    html = (STATIC / "studio.html").read_text("utf-8").replace("%TOKEN%", escape(token))
    add_shell(app, html, [STATIC / "studio.css"], [STATIC / name for name in SCRIPTS])

    def allow(request: Request) -> None:
        given = request.headers.get(TOKEN, "").encode("utf-8", "replace")
        if not secrets.compare_digest(given, token.encode()):
            raise WireError(403, "the studio was started anew; load the page again", "token")

    def state() -> Response:
        value = {"version": __version__, "parts": studio.board.numbers, "jobs": studio.jobs.shown}
        return PlainResponse(value, headers={"cache-control": "no-store"})

    def get(path: str, value: Callable[..., Any]) -> None:
        async def answer(request: Request) -> Response:
            allow(request)
            said = await run_in_threadpool(value, **request.path_params)
            return PlainResponse(said, headers={"cache-control": "no-store"})

        app.add_api_route(path, answer, methods=["GET"])

    def post(path: str, kind: type[Asked], act: Callable[[Any], None]) -> None:
        async def answer(request: Request) -> Response:
            allow(request)
            asked = read(kind, await read_body(request, REQUEST, PATIENCE))
            await run_in_threadpool(act, asked)
            return state()

        app.add_api_route(path, answer, methods=["POST"])

    @app.get("/api/state")
    async def now(request: Request) -> Response:
        allow(request)
        return state()

    @app.put("/api/photo")
    async def photo(request: Request, name: str = "photo") -> Response:
        allow(request)
        stored = await read_bytes(request, BYTES, PATIENCE)
        await run_in_threadpool(lambda: studio.show(uploaded(stored, name)))
        return state()

    def part(name: str) -> dict[str, Any]:
        known = studio.board.get(name)
        if known is None:
            raise WireError(404, f"there is no {name} now", "not_said")
        return {"number": known[0], "part": known[1]}

    get("/api/parts/{name}", part)
    get("/api/offers", _offers)
    get("/api/models", _models)
    post("/api/sample", Named, lambda asked: studio.show(sample_photo(asked.name)))
    post("/api/model", Named, lambda asked: studio.load(asked.name))
    post("/api/explain", Explained, lambda asked: studio.explain(asked.target))
    post("/api/remove", Removed, lambda asked: studio.remove(asked.regions))
    post("/api/patch", Changed, lambda asked: studio.change_patch(_given(asked)))
    post("/api/attack", Attacked, lambda asked: studio.make_patch(asked.steps))
    post("/api/shield", Asked, lambda _: studio.ask_shield())
    post("/api/certify", Certified, lambda asked: studio.certify(asked.area))
    post("/api/vote", Voted, lambda a: studio.vote(a.prompt, a.defence, a.target))
    post("/api/stop", Named, lambda asked: _stop(studio, asked.name))
    return app


def _offers() -> dict[str, Any]:
    """What can be chosen at once."""
    from interlock.certify import read_attacks

    return {"samples": samples(), "defences": offered(), "attack": read_attacks()[0].prompt}


def _models() -> dict[str, Any]:
    """What can be loaded; folders are looked through for it."""
    return {"models": listed("classifier"), "targets": listed("chat model")}


def _stop(studio: Studio, kind: str) -> None:
    if kind not in KINDS:
        raise WireError(400, f"{kind}: no such work", "invalid_request")
    studio.jobs.stop(kind)


def _given(asked: Changed) -> dict[str, Any]:
    return asked.model_dump(exclude_none=True)


async def _in_one_line(_: Request, error: Exception) -> Response:
    wire = error if isinstance(error, WireError) else WireError(400, str(error), "not_possible")
    return PlainResponse(wire.body, wire.status, wire.headers)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    wire = WireError(error.status_code, f"{request.url.path}: {error.detail}", "not_said")
    return PlainResponse(wire.body, wire.status, {**wire.headers, **(error.headers or {})})


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("%s failed: %s", request.url.path, type(error).__name__)
    wire = WireError(500, f"the studio failed ({type(error).__name__})", "failed")
    return PlainResponse(wire.body, wire.status, wire.headers)
