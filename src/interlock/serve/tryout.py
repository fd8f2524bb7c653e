"""One request that somebody watches: the steps of its vote, what came of it, and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from interlock.certify.vote.decision import Vote
from interlock.serve.answered import Answered, UndecidedError
from interlock.serve.chat import ChatRequest
from interlock.serve.coverage import measured_options
from interlock.serve.deployment import Deployment
from interlock.serve.guard import Guard
from interlock.serve.marks import marks
from interlock.serve.quotas import Lease
from interlock.serve.reasons import reason
from interlock.serve.strict_json import read_json
from interlock.serve.upstream import LostError
from interlock.serve.wire_error import WireError, bad_request


async def asked_for(guard: Guard, content: bytes) -> ChatRequest:
    """The request that the try-it box stands for.

    Args:
        guard: whose request it will be.
        content: an object with ``text``, the user's message, which is asked as the attacks of the
            certificate were; or with ``request``, the body of ``POST /v1/chat/completions``.

    Raises:
        WireError: it is neither, or one that may not be voted on.
    """
    try:
        given = read_json(content)
    except ValueError:
        given = None
    if not isinstance(given, dict) or not {"text", "request"} & given.keys():
        raise bad_request("give an object with a text, or with a request", "text")
    if "request" in given:
        if not isinstance(given["request"], dict):
            raise bad_request("give the request as an object", "request")
        return guard.read({"model": await _model(guard)} | given["request"])
    text = given["text"]
    if not isinstance(text, str) or not text.strip():
        raise bad_request("write something first", "text")
    card = guard.deployment.card
    options = measured_options(card.target_identity) if card is not None else {}
    messages = [{"role": "user", "content": text}]
    return guard.read(options | {"model": await _model(guard), "messages": messages})


async def _model(guard: Guard) -> str:
    if guard.deployment.model is not None:
        return guard.deployment.model
    try:
        listed = await guard.upstream.models()
    except LostError as error:
        raise WireError(502, str(error), "upstream_lost") from None
    return next((entry["id"] for entry in listed), "default")


async def steps(
    guard: Guard, request: ChatRequest, request_id: str, lease: Lease
) -> AsyncIterator[bytes]:
    """Each step of the vote as it happens, then what it came to, as server-sent events."""
    watched: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
    work = asyncio.create_task(
        guard.answer(request, request_id, lease=lease, watch=watched.put_nowait)
    )
    work.add_done_callback(lambda _: watched.put_nowait(None))
    before = request.original.prompt.text
    sent: dict[int, int] = {}  # characters of each copy's answer that were sent
    try:
        yield _event({"event": "original", "text": before})
        while (step := await watched.get()) is not None:
            if step["event"] == "asked":
                sent[step["copy"]] = 0
                step = {**step, "marks": marks(before, step["text"])}
            if step["event"] == "text":
                start, sent[step["copy"]] = sent[step["copy"]], len(step["text"])
                step = {**step, "text": step["text"][start:]}
            yield _event(step)
        try:
            answered = work.result()
        except UndecidedError as error:
            yield _event({**outcome(guard.deployment, error.answered), "text": error.message})
        except WireError as error:
            yield _event({"event": "error", **error.body})
        else:
            yield _event(outcome(guard.deployment, answered))
    finally:
        work.cancel()


def outcome(deployment: Deployment, answered: Answered) -> dict[str, Any]:
    """What a request came to: its answer, each vote and what it rests on, the cost, the claim."""
    (choice, *_) = answered.completion()["choices"]
    said = choice["message"]
    decision, usage = answered.ballot.decision, answered.usage
    original = decision.original

    def cast(vote: Vote) -> dict[str, Any]:
        why, words = reason(deployment.rules.judge, vote)
        return {"copy": vote.copy, "verdict": vote.verdict.value, "why": why, "words": words}

    return {
        "event": "decision",
        "text": said["content"] or said["refusal"] or json.dumps(said),
        **answered.record,
        "cast": [] if answered.ballot.repeated else [cast(vote) for vote in decision.votes],
        "original": None if original is None else {**cast(original), "text": original.reply.text},
        "usage": {name: usage[f"{name}_tokens"] for name in ("prompt", "completion")},
        "cut": answered.ballot.cut,
        "covered": covered(deployment, answered.request),
    }


def covered(deployment: Deployment, request: ChatRequest) -> dict[str, Any]:
    """Whether the certificate speaks of a request: way by way, and what else stands against it."""
    claim = deployment.coverage(request)
    return {
        "guard": list(deployment.differs),
        "ways": [
            {
                "channel": use.channel,
                "where": use.where,
                "holds": use.holds,
                "policy": use.policy,
                "means": use.means,
                "covered": speaks,
            }
            for use, speaks in claim.ways
        ],
        "differences": list(claim.differences),
    }


def _event(step: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(step).encode() + b"\n\n"
