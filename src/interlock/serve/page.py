"""The page at ``/``: status, certificate, recent decisions, and a box to try the vote in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from interlock._version import __version__
from interlock.serve.body import read_body
from interlock.serve.channels import CHANNELS, CLAIMED, Policies
from interlock.serve.guard import Guard
from interlock.serve.in_words import in_words
from interlock.serve.keys import ADMIN, ANYBODY, KeyRing, key_of
from interlock.serve.ledger_table import Entry
from interlock.serve.shell import STATIC, add_shell
from interlock.serve.strict_json import PlainResponse
from interlock.serve.tryout import asked_for, steps
from interlock.serve.wire_error import WireError

SHOWN, CHARTED = 25, 200
"""Decisions in the table, and in the charts."""
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
        (admin_keys or keys).check(key_of(request.headers))

    may_try = bool(admin_keys) or (not keys and guard.config.on_loopback)

    page = (STATIC / "guard.html").read_text("utf-8")
    add_shell(app, page, [STATIC / "guard.css"], [STATIC / "guard.js"])

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
        try:
            chat = await asked_for(guard, await read_body(request, limit, patience))
        except WireError as error:
            guard.turn_away(error, request.state.request_id)
            raise
        return StreamingResponse(
            steps(guard, chat, request.state.request_id, lease),
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
        "asks": in_words(rules.defence),
        "mode": guard.config.mode,
        "started": guard.started.isoformat(),
        "replica": guard.replica,
        "breaker": guard.breaker.state,
        "active": guard.admission.active,
        "waiting": guard.admission.waiting,
        "ledger": guard.ledger.name,
        "state": state,
        "certificate": _card(guard),
        "channels": _channels(guard),
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


def _channels(guard: Guard) -> list[dict[str, Any]]:
    """What this guard does with each way in, and whether a certificate may speak of it."""
    policies: Policies = guard.config.policy
    return [
        {
            "channel": channel.name,
            "holds": channel.holds,
            "policy": (policy := policies.of(channel.name)),
            "means": channel.means(policy),
            "covered": policy in CLAIMED,
        }
        for channel in CHANNELS.values()
    ]


def _row(entry: Entry) -> dict[str, Any]:
    return {
        **{name: getattr(entry, name) for name in _OF_ENTRY},
        "time": entry.time.isoformat(),
        "milliseconds": round(entry.milliseconds, 1),
        "prompt": entry.prompt_sha256[:10],
        "characters": entry.prompt_characters,
    }
