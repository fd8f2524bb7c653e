"""``POST /v1/completions``: a prompt, asked as the user's one message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.stream import Stream
from interlock.serve.wire_error import WireError, bad_request
from interlock.serve.wires.translated import Given, same
from interlock.serve.wires.wire import COMMENT, DONE, chunks, event


class Completions:
    """OpenAI's older protocol; the model is asked by its chat's."""

    path = "/v1/completions"
    answers = True

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The prompt as the user's text."""
        given = Given(body)
        prompt = given.take("prompt")
        if isinstance(prompt, list) and len(prompt) == 1:
            (prompt,) = prompt
        if not isinstance(prompt, str):
            raise bad_request("give one text", "prompt")
        given.refuse("a vote cannot do this", "echo", "suffix", "best_of", "logprobs")
        chat = given.renamed(
            same(
                "model", "max_tokens", "temperature", "top_p", "n", "stream", "stop", "seed",
                "user", "presence_penalty", "frequency_penalty", "logit_bias", "stream_options",
            )
        )  # fmt: skip
        given.end()
        return chat | {"messages": [{"role": "user", "content": prompt}]}

    def whole(self, answered: Answered) -> dict[str, Any]:
        """The ``text_completion``."""
        chat = answered.completion()
        choices = [_choice(c["index"], _text(c), c["finish_reason"]) for c in chat["choices"]]
        return chat | {"object": "text_completion", "choices": choices}

    async def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """Its pieces."""
        async for chunk in chunks(stream, pause):
            if chunk is None:
                yield COMMENT
                continue
            choices = [
                _choice(c["index"], _text({"message": c["delta"]}), c["finish_reason"])
                for c in chunk["choices"]
            ]
            yield event(chunk | {"object": "text_completion", "choices": choices})
        yield DONE

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body

    def failed(self, error: WireError) -> bytes:
        """The same."""
        return event(error.body, "error")


def _text(choice: Mapping[str, Any]) -> str:
    message = choice["message"]
    return str(message.get("content") or message.get("refusal") or "")


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
