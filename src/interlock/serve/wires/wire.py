"""What a protocol is to the guard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from interlock.serve.answered import Answered
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

    def events(self, answered: Answered) -> Iterator[bytes]:
        """The answer as server-sent events."""

    def error(self, error: WireError) -> dict[str, Any]:
        """An error's body."""


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

    def events(self, answered: Answered) -> Iterator[bytes]:
        """Its chunks."""
        yield from map(event, answered.chunks())
        yield DONE

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + json.dumps(data).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
