"""``POST /beta/litellm_basic_guardrail_api``: LiteLLM's proxy asks whether a request may go on.

Its "generic guardrail API" sends what a client asked in several forms: the chat's messages, and all
texts in them once more. The messages are voted on like those of a chat; a text that none of them
holds is voted on as the user's. The model is asked by the proxy, with the request as it came.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.stream import Stream
from interlock.serve.wire_error import WireError, bad_request
from interlock.serve.wires.translated import Given, listed
from interlock.serve.wires.wire import event

_NO_TEXTS = frozenset({"role", "type", "id", "tool_call_id"})


class LiteLLM:
    """A decision in LiteLLM's words: ``NONE`` lets a request through, ``BLOCKED`` does not."""

    path = "/beta/litellm_basic_guardrail_api"
    answers = False

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The messages, and what else of the request is text."""
        given = Given(body)
        given.drop("litellm_call_id", "litellm_trace_id", "litellm_version")
        given.drop("request_data", "request_headers")
        if given.take("input_type") != "request":
            raise bad_request("this guard decides about requests: set mode: pre_call", "input_type")
        options = given.take("additional_provider_specific_params") or {}
        name, model = Given(options, "additional_provider_specific_params"), given.take("model")
        model = name.take("model") or model
        name.end()
        rows, texts = given.take("structured_messages"), given.take("texts")
        tools, calls, images = (given.take(name) for name in ("tools", "tool_calls", "images"))
        given.end()
        messages = list(listed(rows, "structured_messages")) if rows else []
        held = list(_texts(messages))
        for text in listed(texts or [], "texts"):
            if not (isinstance(text, str) and any(text in one for one in held)):
                messages.append({"role": "user", "content": text})
        if calls and not rows:
            messages.append({"role": "user", "content": json.dumps(calls)})
        if images and not rows:
            urls = listed(images, "images")
            parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
            messages.append({"role": "user", "content": parts})
        return {"model": model, "messages": messages} | ({"tools": tools} if tools else {})

    def whole(self, answered: Answered) -> dict[str, Any]:
        """``action``, and for a refused request ``blocked_reason``."""
        if answered.ballot.outcome == "released":
            said: dict[str, Any] = {"action": "NONE"}
        else:
            said = {"action": "BLOCKED", "blocked_reason": answered.refusal}
        return said | {"interlock": answered.about}

    async def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """The one."""
        yield event(self.whole(stream.answered))

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body

    def failed(self, error: WireError) -> bytes:
        """The same."""
        return event(error.body, "error")


def _texts(value: Any) -> Iterator[str]:
    """All texts of messages, without the words that say what they are."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in _NO_TEXTS:
                yield from _texts(one)
