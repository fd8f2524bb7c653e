"""The deltas of a chat's answer as parts, one after the other: text, a refusal, calls of tools.

Other protocols send an answer part by part, each with a beginning and an end; a chat's deltas may
go to and fro between them. A part is open until another kind of text begins; calls of tools, whose
deltas a server may mix, follow each other: the first is passed on as it comes, the others whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "refusal", "call"]


@dataclass
class Part:
    """One part, as far as it has come."""

    kind: Kind
    text: str = ""
    """Of a call the arguments, JSON."""
    id: str = ""
    name: str = ""
    told: int = 0
    """Characters that were passed on."""

    def more(self) -> str:
        """What was not passed on yet."""
        start, self.told = self.told, len(self.text)
        return self.text[start:]


Step = tuple[Literal["begin", "more", "end"], Part, str]
"""What happens to a part; for ``more``, the text."""


class Parts:
    """Puts the parts of one answer in order."""

    def __init__(self) -> None:
        self._waiting: list[Part] = []
        self._open: Part | None = None
        self._calls: dict[Any, Part] = {}

    def take(self, delta: Mapping[str, Any]) -> Iterator[Step]:
        """The steps that follow from a delta."""
        texts: tuple[tuple[Kind, Any], ...] = (
            ("text", delta.get("content")),
            ("refusal", delta.get("refusal")),
        )
        for kind, text in texts:
            if isinstance(text, str) and text:
                self._text(kind).text += text
                yield from self._steps()
        for number, call in enumerate(delta.get("tool_calls") or ()):
            if isinstance(call, Mapping):
                self._call(call, call.get("index", number))
                yield from self._steps()

    def end(self) -> Iterator[Step]:
        """The steps that are left when the answer ends."""
        yield from self._steps(last=True)

    def _text(self, kind: Kind) -> Part:
        newest = self._waiting[-1] if self._waiting else self._open
        if newest is None or newest.kind != kind:
            self._waiting.append(newest := Part(kind))
        return newest

    def _call(self, call: Mapping[str, Any], index: Any) -> None:
        part = self._calls.get(index)
        if part is None:
            part = self._calls[index] = Part("call")
            self._waiting.append(part)
        said = call.get("function")
        function = said if isinstance(said, Mapping) else {}
        part.id = part.id or _word(call.get("id"))
        part.name = part.name or _word(function.get("name"))
        part.text += _word(function.get("arguments"))

    def _steps(self, *, last: bool = False) -> Iterator[Step]:
        while True:
            part = self._open
            if part is not None:
                more = part.more()
                if more:
                    yield "more", part, more
                # A call may grow until the end, whatever comes beside it.
                if not last and (part.kind == "call" or not self._waiting):
                    return
                yield "end", part, ""
                self._open = None
            nameless = bool(self._waiting) and self._waiting[0].kind == "call"
            nameless = nameless and not self._waiting[0].name
            if not self._waiting or (nameless and not last):
                return
            self._open = self._waiting.pop(0)
            yield "begin", self._open, ""


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
