"""What a protocol is to the guard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from interlock.serve.answered import Answered
from interlock.serve.stream import Stream
from interlock.serve.wire_error import WireError


class Wire(Protocol):
    """One route: how its requests are read, and how answers look."""

    path: str
    answers: bool
    """Whether the request is answered, or only decided."""

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request as ``POST /v1/chat/completions`` would have it.

        Raises:
            WireError: 400, with the field that is wrong.
        """

    def whole(self, answered: Answered) -> dict[str, Any]:
        """The answer in one piece."""

    def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """The answer as server-sent events, in order; one at least every ``pause`` seconds.

        Raises:
            WireError: the rest will not come.
        """

    def error(self, error: WireError) -> dict[str, Any]:
        """An error's body."""

    def failed(self, error: WireError) -> bytes:
        """An error as the last event of a stream."""


class Chat:
    """``POST /v1/chat/completions``."""

    path = "/v1/chat/completions"
    answers = True

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """As it is."""
        return dict(body)

    def whole(self, answered: Answered) -> dict[str, Any]:
        """The ``chat.completion``."""
        return answered.completion()

    async def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """Its chunks."""
        async for chunk in chunks(stream, pause):
            yield COMMENT if chunk is None else event(chunk)
        yield DONE

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body

    def failed(self, error: WireError) -> bytes:
        """The same."""
        return event(error.body, "error")


async def chunks(stream: Stream, pause: float) -> AsyncIterator[dict[str, Any] | None]:
    """The ``chat.completion.chunk`` objects of an answer; None where there is none yet.

    The first carries ``interlock``; where not all of the answer was there, so does the last, which
    knows all that was counted.
    """
    head, begun = stream.answered.chunk, False
    async for piece in stream.pieces(pause):
        if piece is None:
            yield None
            continue
        number, said = piece
        chunk = {**head, "choices": [{"index": number, **said}]}
        if not begun or (stream.live and said["finish_reason"] is not None):
            chunk["interlock"] = stream.answered.about
        begun = True
        yield chunk
    if stream.answered.request.include_usage:
        yield {**head, "usage": stream.answered.usage}


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(data).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
COMMENT = b": there is more to come\n\n"
"""Keeps a stream open; no client shows it."""
