"""An answered request, as the client gets it: one completion, or the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from interlock.certify import Verdict
from interlock.serve.chat import ChatRequest
from interlock.serve.completion import Completion, add_usage
from interlock.serve.vote import Ballot


@dataclass(frozen=True)
class Answered:
    """A request whose decision has fallen and is in the ledger."""

    id: str
    created: int
    """Unix seconds."""
    request: ChatRequest
    ballot: Ballot
    certificate: str | None
    """Id of the certificate that this guard runs under; None for none."""
    doubts: tuple[str, ...]
    """Why the certificate does not speak of this answer; empty where it does."""
    refusal: str
    """The text of a blocked answer."""
    milliseconds: float
    """From arrival to decision."""

    @property
    def usage(self) -> dict[str, Any]:
        """Tokens of all copies, as far as they were told."""
        return add_usage(self.ballot.usages)

    @property
    def about(self) -> dict[str, Any]:
        """The ``interlock`` object of every answer."""
        decision = self.ballot.decision
        return {
            "outcome": self.ballot.outcome,
            "copies": decision.copies,
            "votes": {verdict.value: decision.count(verdict) for verdict in Verdict},
            "cancelled": decision.cancelled,
            "saved": decision.saved,
            "calls": decision.calls,
            "calls_without_usage": self.ballot.uncounted,
            "seed": decision.seed,
            "certificate": self.certificate,
            "certificate_applies": not self.doubts,
            "because": list(self.doubts),
            "milliseconds": round(self.milliseconds, 3),
        }

    def completion(self) -> dict[str, Any]:
        """The ``chat.completion``."""
        choices = [
            {
                "index": number,
                "message": {"role": "assistant", "content": None, "refusal": None} | answer.message,
                "logprobs": answer.logprobs,
                "finish_reason": answer.finish_reason,
            }
            for number, answer in enumerate(self._answers())
        ]
        return {
            **self._head("chat.completion"),
            "choices": choices,
            "usage": self.usage,
            "interlock": self.about,
        }

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The ``chat.completion.chunk`` objects; the first carries ``interlock``."""
        head = self._head("chat.completion.chunk")
        usage = {"usage": None} if self.request.include_usage else {}
        extra: dict[str, Any] = {"interlock": self.about}
        for number, answer in enumerate(self._answers()):
            for piece in answer.pieces():
                yield {**head, "choices": [{"index": number, **piece}], **usage, **extra}
                extra = {}
        if self.request.include_usage:
            yield {**head, "choices": [], "usage": self.usage}

    def _head(self, kind: str) -> dict[str, Any]:
        chosen = self.ballot.chosen
        known = chosen[0].about if chosen else {}
        named = {"model": self.request.model} | known
        return {"id": self.id, "object": kind, "created": self.created, **named}

    def _answers(self) -> tuple[Completion, ...]:
        if self.ballot.chosen:
            return self.ballot.chosen
        said = {"role": "assistant", "content": self.refusal}
        return (Completion(message=said, finish_reason="content_filter"),) * self.request.n
