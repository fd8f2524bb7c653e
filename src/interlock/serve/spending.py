"""What one request costs in tokens, calls that were cut short included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from interlock.serve.chat import ChatRequest
from interlock.serve.completion import Completion
from interlock.serve.traces import NoTraces, Traces
from interlock.serve.upstream import Call, LostError, OnText, Upstream

_BYTES = 4  # of text to a token, about; the same rule of thumb as clients use
_ANSWER = 500  # tokens of an answer whose length nobody bounded, before it is known
_LENGTHS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True)
class Spent:
    """Tokens of all calls of a request."""

    prompt: int = 0
    completion: int = 0
    estimated: int = 0
    """How many of these no upstream counted."""

    @property
    def total(self) -> int:
        """Both kinds."""
        return self.prompt + self.completion


class Meter:
    """The upstream, as one request asks it: counts the tokens of every call.

    A call that was ended early, or that the upstream broke off, tells no count. Its prompt was sent
    all the same: it counts as long as the longest that was told of this request, else as its text
    at four bytes a token; of its answer counts what had come. A call that the upstream turned
    away costs nothing. Each call is a span.
    """

    def __init__(self, upstream: Upstream, traces: Traces | None = None) -> None:
        self.name, self._upstream = upstream.name, upstream
        self._traces = traces or NoTraces()
        self._told: list[tuple[int, int]] = []
        self._untold: list[int] = []
        self._body: Mapping[str, Any] = {}

    async def ask(self, call: Call, on_text: OnText) -> Completion:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        heard, answer, sent = "", None, True
        self._body = call.body  # copies are about as long as each other

        def listen(text: str) -> bool:
            nonlocal heard
            heard = text
            return on_text(text)

        try:
            with self._traces.call(call.copy) as headers:
                call = replace(call, headers=headers) if headers else call
                answer = await self._upstream.ask(call, listen)
            heard = max(heard, answer.content, key=len)
        except LostError as error:
            sent = error.status is None
            raise
        finally:
            usage = answer.usage if answer is not None else None
            if usage is not None:
                self._told.append((_count(usage, "prompt"), _count(usage, "completion")))
            elif sent and (answer is None or call.wants == "answer"):
                self._untold.append(_length(heard))
        return answer

    async def models(self) -> list[dict[str, Any]]:
        """See :class:`~interlock.serve.upstream.Upstream`."""
        return await self._upstream.models()

    async def aclose(self) -> None:
        """The upstream outlives the request."""

    @property
    def spent(self) -> Spent:
        """So far."""
        prompt, completion = (sum(counts) for counts in zip((0, 0), *self._told, strict=True))
        longest = max((counts[0] for counts in self._told), default=0)
        each = (longest or _tokens(self._body)) if self._untold else 0
        sent, came = each * len(self._untold), sum(self._untold)
        return Spent(prompt + sent, completion + came, sent + came)


def likely_cost(request: ChatRequest, copies: int) -> int:
    """Tokens that a request will cost, about, before it is voted on."""
    body = request.original.body
    bounds = [body[name] for name in _LENGTHS if isinstance(body.get(name), int)]
    answer = min(_ANSWER, max(bounds, default=_ANSWER))
    calls = copies // 2 + 1 + request.n
    return calls * (_tokens(body) + answer)


def _tokens(body: Mapping[str, Any]) -> int:
    return _length(json.dumps([body.get("messages"), body.get("tools")], ensure_ascii=False))


def _length(text: str) -> int:
    return ceil(len(text.encode("utf-8", "replace")) / _BYTES)


def _count(usage: Mapping[str, Any], kind: str) -> int:
    value = usage.get(f"{kind}_tokens")
    return max(0, value) if isinstance(value, int) else 0
