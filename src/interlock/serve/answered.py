"""An answered request, as the client gets it: one completion, or the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from interlock.certify import Verdict
from interlock.names import GuardMode
from interlock.serve.chat import ChatRequest
from interlock.serve.completion import Completion, add_usage
from interlock.serve.spending import Spent
from interlock.serve.vote import Ballot
from interlock.serve.wire_error import WireError


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
    defence: str
    """What the request was put to."""
    refusal: str
    """The text of a blocked answer."""
    milliseconds: float
    """From arrival to decision."""
    spent: Spent = field(default_factory=Spent)
    """Tokens of all calls, of those that told no count, too."""
    key: str | None = None
    """Name of the client's key."""

    @property
    def usage(self) -> dict[str, Any]:
        """Tokens of all calls, copies and original, as far as they were told."""
        return add_usage(self.ballot.usages)

    @property
    def headers(self) -> dict[str, str]:
        """What every answer's headers say."""
        return {
            "x-interlock-outcome": self.ballot.outcome,
            "x-interlock-certificate-applies": str(not self.doubts).lower(),
            "x-interlock-calls": str(self.ballot.decision.calls),
            "x-interlock-defence": self.defence,
            **({} if self.ballot.watched else {"x-interlock-stage": self.ballot.stage}),
            "x-interlock-mode": self.mode,
        }

    @property
    def mode(self) -> GuardMode:
        """Whether the vote decided, or was only watched."""
        return "monitor" if self.ballot.watched else "guard"

    @property
    def about(self) -> dict[str, Any]:
        """The ``interlock`` object of every answer.

        A client whose request was only watched is not told what the vote said: nothing would slow
        down who tries variants until it says yes.
        """
        hidden = _OF_THE_VOTE if self.ballot.watched else frozenset()
        return {name: value for name, value in self.record.items() if name not in hidden}

    @property
    def record(self) -> dict[str, Any]:
        """All that there is to tell, for the operator."""
        decision = self.ballot.decision
        return {
            "mode": self.mode,
            "defence": self.defence,
            "stage": self.ballot.stage,
            "would": self.ballot.would,
            "outcome": self.ballot.outcome,
            "copies": decision.copies,
            "votes": {verdict.value: decision.count(verdict) for verdict in Verdict},
            "cancelled": decision.cancelled,
            "saved": decision.saved,
            "calls": decision.calls,
            "calls_without_usage": self.ballot.uncounted,
            "tokens": asdict(self.spent),
            "repeated": self.ballot.repeated,
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

    def pieces(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The choices of a stream: number, and ``delta``, ``logprobs`` and ``finish_reason``."""
        for number, answer in enumerate(self._answers()):
            for piece in answer.pieces():
                yield number, piece

    @property
    def chunk(self) -> dict[str, Any]:
        """A ``chat.completion.chunk`` without choices."""
        usage = {"usage": None} if self.request.include_usage else {}
        return {**self._head("chat.completion.chunk"), "choices": [], **usage}

    def _head(self, kind: str) -> dict[str, Any]:
        chosen = self.ballot.chosen
        known = chosen[0].about if chosen else {}
        named = {"model": self.request.model} | known
        return {"id": self.id, "object": kind, "created": self.created, **named}

    def _answers(self) -> tuple[Completion, ...]:
        chosen = self.ballot.chosen
        if chosen:
            return chosen if len(chosen) == self.request.n else chosen[:1] * self.request.n
        # A client that asked for JSON would try to read its text as that.
        form = self.request.original.body.get("response_format") or {}
        where = "refusal" if str(form.get("type")).startswith("json") else "content"
        said = {"role": "assistant", "content": None, where: self.refusal}
        return (Completion(message=said, finish_reason="content_filter"),) * self.request.n


_OF_THE_VOTE = frozenset({"stage", "would", "copies", "votes", "cancelled", "saved"})


class UndecidedError(WireError):
    """There is no answer, for calls were lost or time ran out; it was no refusal."""

    def __init__(self, answered: Answered) -> None:
        self.answered = answered
        status, message, code = _why(answered.ballot)
        wait = None if code == "unjudged" else answered.ballot.retry_after or 1.0
        super().__init__(status, message, code, retry_after=wait)

    @property
    def body(self) -> dict[str, Any]:
        """The error, and what was counted."""
        return {**super().body, "interlock": self.answered.about}

    @property
    def said(self) -> Mapping[str, str]:
        """What the answer's headers say."""
        return self.answered.headers


def _why(ballot: Ballot) -> tuple[int, str, str]:
    if ballot.retry_after is not None:
        return 429, "the upstream is busy; too few calls were answered to decide", "upstream_busy"
    if ballot.decision.timed_out:
        return 504, "no decision before the deadline; ask again, or allow more time", "deadline"
    if ballot.unjudged:
        return 503, "the judge cannot tell what the model's answers are; none is given", "unjudged"
    return 503, "too many calls of the upstream were lost to decide; ask again", "undecided"


class BrokenOffError(WireError):
    """An answer of which a part was given does not come to its end, and why."""

    def __init__(self, answered: Answered) -> None:
        self._answered, ballot = answered, answered.ballot
        status, message, code = _BROKEN
        if ballot.decision.timed_out or ballot.unjudged:
            status, message, code = _why(ballot)
        super().__init__(status, message, code, retry_after=None if ballot.unjudged else 1.0)

    @property
    def body(self) -> dict[str, Any]:
        """The error, and what was counted."""
        return {**super().body, "interlock": self._answered.about}


_BROKEN = 502, "the upstream's answer broke off; what came is not the whole", "broken_off"
