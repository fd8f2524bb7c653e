"""A model in this process behind the guard, such as the embedded one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from interlock.certify import Prompt, Target
from interlock.certify.targets.protocol import Message
from interlock.serve.completion import Completion
from interlock.serve.upstream import Call, LostError, OnText
from interlock.serve.wire_error import bad_request

_UNABLE = ("tools", "functions", "response_format", "logprobs", "audio")


class LocalUpstream:
    """Ask a :class:`~interlock.certify.Target` of this process.

    Its decoding options are those it was made with; ``temperature``, ``max_tokens`` and the like
    of a request change nothing.

    Args:
        target: the model.
        model: the name that clients ask for.
        timeout: seconds for one call, waiting for its turn included.
    """

    def __init__(self, target: Target, model: str, timeout: float = 30.0) -> None:
        self.name, self.model, self._target = f"{model}, in this process", model, target
        self.timeout = timeout

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        prompt = self._prompt(call)
        try:
            async with asyncio.timeout(self.timeout):
                reply = await self._target.ask_async(prompt)
        except TimeoutError:
            raise LostError(f"no answer within {self.timeout:g} s") from None
        if reply.lost:
            raise LostError(reply.error or "lost")
        on_text(reply.text)
        finish = "content_filter" if reply.finish == "blocked" else reply.finish
        counts = (reply.prompt_tokens, reply.completion_tokens)
        return Completion(
            message={"role": "assistant", "content": reply.text},
            finish_reason=finish,
            usage={
                "prompt_tokens": counts[0],
                "completion_tokens": counts[1],
                "total_tokens": sum(counts),
            },
            about={"model": self.model},
        )

    def _prompt(self, call: Call) -> Prompt:
        if call.wants == "surprise":
            return replace(Prompt.user(str(call.body["prompt"])), wants="surprise")
        for name in _UNABLE:
            if call.body.get(name):
                raise bad_request(f"the model {self.model} cannot do this", name)
        messages = tuple(_plain(message) for message in call.body["messages"])
        seed = call.body.get("seed")
        return Prompt(messages, seed if isinstance(seed, int) else 0)

    async def models(self) -> list[dict[str, Any]]:
        """The one model."""
        return [{"id": self.model, "object": "model", "created": 0, "owned_by": "interlock"}]

    async def aclose(self) -> None:
        """Nothing is open."""


def _plain(message: dict[str, Any]) -> Message:
    role, content = message["role"], message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return Message("system" if role == "developer" else role, content or "")
