"""The page at ``/``: status, certificate, recent decisions, and a box to try the vote in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from interlock._version import __version__
from interlock.serve.body import read_body
from interlock.serve.guard import Guard
from interlock.serve.keys import ADMIN, ANYBODY, KeyRing
from interlock.serve.ledger import Entry
from interlock.serve.quotas import Lease
from interlock.serve.strict_json import PlainResponse, read_json
from interlock.serve.upstream import LostError
from interlock.serve.wire_error import WireError, bad_request

_PACKAGE = Path(__file__).parents[1]
SHOWN, CHARTED = 25, 200
"""Decisions in the table, and in the charts."""
# Only what this server sends may run or be fetched; no other page may frame it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}

_OF_CARD = frozenset(
    {"lower", "estimate", "confidence", "family", "attacks", "target", "date", "held_out"}
)
_OF_ENTRY = (
    "outcome", "complied", "refused", "lost", "copies", "calls", "request_id", "stage", "mode",
    "would",
)  # fmt: skip


def add_page(app: FastAPI, guard: Guard, keys: KeyRing, admin_keys: KeyRing) -> None:
    """Add the page and the data behind it.

    The page itself holds nothing. Its data needs an admin key where there are admin keys, else
    one of the guard's keys where there are any. The try-it box shows answers that the vote
    blocks, so it needs an admin key, or a guard that serves only its own machine without keys.
    """

    def allow(request: Request) -> None:
        (admin_keys or keys).check(request.headers.get("authorization"))

    may_try = bool(admin_keys) or (not keys and guard.config.on_loopback)

    html, css, js = _text("guard.html"), _style(), _text("guard.js")

    @app.api_route("/", methods=["GET", "HEAD"])
    async def page() -> Response:
        return Response(html, media_type="text/html", headers=_HEADERS)

    @app.get("/interlock/page.css")
    async def style() -> Response:
        return Response(css, media_type="text/css", headers=_HEADERS)

    @app.get("/interlock/page.js")
    async def script() -> Response:
        return Response(js, media_type="text/javascript", headers=_HEADERS)

    @app.get("/interlock/status")
    async def status(request: Request) -> Response:
        allow(request)
        status = await _status(guard)
        return PlainResponse(status | {"may_try": may_try}, headers={"cache-control": "no-store"})

    @app.post("/interlock/try")
    async def try_it(request: Request) -> Response:
        allow(request)
        if not may_try:
            raise WireError(403, "the try-it box needs an admin key", "admin_key_needed")
        limit, patience = guard.config.limits.request_bytes, guard.config.vote.deadline
        lease = guard.admit(ADMIN if admin_keys else ANYBODY)
        content = await _as_chat(guard, await read_body(request, limit, patience))
        return StreamingResponse(
            _steps(guard, content, request.state.request_id, lease),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )


async def _status(guard: Guard) -> dict[str, Any]:
    deployment, rules = guard.deployment, guard.deployment.rules
    _, state = await guard.ready()
    entries = list(guard.recent)
    return {
        "version": __version__,
        "upstream": deployment.upstream.name,
        "model": deployment.model,
        "defence": rules.name,
        "mode": guard.config.mode,
        "started": guard.started.isoformat(),
        "replica": guard.replica,
        "breaker": guard.breaker.state,
        "active": guard.admission.active,
        "waiting": guard.admission.waiting,
        "ledger": guard.ledger.name,
        "state": state,
        "certificate": _card(guard),
        "recent": [_row(entry) for entry in entries[: -SHOWN - 1 : -1]],
        "series": [
            [entry.time.timestamp(), round(entry.milliseconds, 2), entry.outcome]
            for entry in entries[-CHARTED:]
        ],
    }


def _card(guard: Guard) -> dict[str, Any] | None:
    card = guard.deployment.card
    if card is None:
        return None
    return {
        "id": card.id,
        "applies": not guard.deployment.differs,
        "statement": card.statement(),
        "defence": card.defence_said,
        **{name: value for name, value in asdict(card).items() if name in _OF_CARD},
    }


def _row(entry: Entry) -> dict[str, Any]:
    return {
        **{name: getattr(entry, name) for name in _OF_ENTRY},
        "time": entry.time.isoformat(),
        "milliseconds": round(entry.milliseconds, 1),
        "prompt": entry.prompt_sha256[:10],
        "characters": entry.prompt_characters,
    }


async def _as_chat(guard: Guard, content: bytes) -> bytes:
    """The request that the box stands for."""
    try:
        given = read_json(content)
        text = given["text"]
    except (ValueError, KeyError, TypeError):
        raise bad_request("give an object with a text", "text") from None
    if not isinstance(text, str) or not text.strip():
        raise bad_request("write something first", "text")
    model = guard.deployment.model
    if model is None:
        try:
            model = next((entry["id"] for entry in await guard.upstream.models()), None)
        except LostError as error:
            raise WireError(502, str(error), "upstream_lost") from None
    return json.dumps(
        {"model": model or "default", "messages": [{"role": "user", "content": text}]}
    ).encode()


async def _steps(
    guard: Guard, content: bytes, request_id: str, lease: Lease
) -> AsyncIterator[bytes]:
    """Each step of the vote as it happens, then the decision or the error."""
    steps: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
    work = asyncio.create_task(
        guard.answer(content, request_id, lease=lease, watch=steps.put_nowait)
    )
    work.add_done_callback(lambda _: steps.put_nowait(None))
    sent: dict[int, int] = {}  # characters of each copy's answer that were sent
    try:
        while (step := await steps.get()) is not None:
            if step["event"] == "asked":
                sent[step["copy"]] = 0
            if step["event"] == "text":
                start, sent[step["copy"]] = sent[step["copy"]], len(step["text"])
                step = {**step, "text": step["text"][start:]}
            yield _event(step)
        try:
            answered = work.result()
        except WireError as error:
            yield _event({"event": "error", **error.body})
        else:
            (choice,) = answered.completion()["choices"]
            text = choice["message"]["content"] or json.dumps(choice["message"])
            yield _event({"event": "decision", "text": text, **answered.record})
    finally:
        work.cancel()


def _event(step: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(step).encode() + b"\n\n"


def _text(name: str) -> str:
    return (_PACKAGE / "serve" / "static" / name).read_text("utf-8")


def _style() -> str:
    """The reports' style, so that all pages of the product look alike, and what is new here.

    By its path: to import what makes reports takes seconds and much memory.
    """
    return (_PACKAGE / "report" / "page.css").read_text("utf-8") + _text("guard.css")
