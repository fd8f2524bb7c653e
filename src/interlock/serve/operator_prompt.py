"""The operator's system prompt before every chat that the upstream is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from interlock.serve.completion import Completion
from interlock.serve.upstream import Call, OnText, Upstream


class PromptedUpstream:
    """Ask an upstream with a system prompt before the chat, as the certificate was measured.

    Args:
        upstream: asked.
        system: the prompt. Clients do not see it; what they send follows it.
    """

    def __init__(self, upstream: Upstream, system: str) -> None:
        self.name, self._upstream = upstream.name, upstream
        self._first = {"role": "system", "content": system}

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        if call.wants != "answer":  # about the text alone
            return await self._upstream.ask(call, on_text)
        body = {**call.body, "messages": [self._first, *call.body["messages"]]}
        return await self._upstream.ask(replace(call, body=body), on_text)

    async def models(self) -> list[dict[str, Any]]:
        """Those of the upstream."""
        return await self._upstream.models()

    async def aclose(self) -> None:
        """Close the upstream's connections."""
        await self._upstream.aclose()
