"""``POST /v1/decisions``: the vote alone, for gateways that ask the model themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.stream import Stream
from interlock.serve.wire_error import WireError, bad_request
from interlock.serve.wires.wire import event


class Decisions:
    """A chat request is voted on, and not answered."""

    path = "/v1/decisions"
    answers = False

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """As it is; there is nothing to stream."""
        if body.get("stream"):
            raise bad_request("a decision comes in one piece", "stream")
        return dict(body)

    def whole(self, answered: Answered) -> dict[str, Any]:
        """``decision`` is ``"release"`` or ``"refuse"``."""
        released = answered.ballot.outcome == "released"
        return {
            "id": answered.id,
            "object": "interlock.decision",
            "created": answered.created,
            "model": answered.request.model,
            "decision": "release" if released else "refuse",
            "usage": answered.usage,
            "interlock": answered.about,
        }

    async def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """The one."""
        yield event(self.whole(stream.answered))

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body

    def failed(self, error: WireError) -> bytes:
        """The same."""
        return event(error.body, "error")
