"""Erase-and-check: ask the prompt with words erased from its end (Kumar et al., arXiv 2309.02705).

If an adversarial suffix was put behind a request, one of the erased texts is the bare request, and
a model that refuses that refuses the prompt: any refusal refuses. The paper erases tokens, which an
endpoint does not show, and checks with a classifier of its own; here words are erased, and the
target's answers are the check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interlock.certify.defences.not_drawn import NotDrawn
from interlock.certify.defences.words import word_spans
from interlock.certify.targets.protocol import Message, Prompt
from interlock.certify.vote.asks import ANY, Asks
from interlock.certify.vote.perturb import sampling_seed
from interlock.errors import OptionError


@dataclass(frozen=True)
class EraseAndCheck(NotDrawn):
    """Ask the whole prompt and what is left of it without its last words; any refusal refuses.

    Of every message of the user as many words are erased at the same time; its first word always
    stays. Blanks at the end of what is left go, too.

    Raises:
        OptionError: a number outside its range.
    """

    every: int = 1
    """Words between two erasures: 0, every, 2 every, ... words are erased, >= 1."""
    longest: int = 20
    """Words erased at most, >= 1."""
    parts: int | None = None
    """Instead of both: the words in so many equal parts, >= 2, of which the last ones are erased;
    3 asks the whole, two thirds and one third."""

    def __post_init__(self) -> None:
        if self.every < 1 or self.longest < 1:
            raise OptionError(f"every={self.every}, longest={self.longest}: give at least 1")
        if self.parts is not None and self.parts < 2:
            raise OptionError(f"parts={self.parts}: give at least 2")

    @property
    def name(self) -> str:
        """``"erase"``."""
        return "erase"

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name, and the settings that count."""
        if self.parts is not None:
            return {"name": "erase", "parts": self.parts}
        return {"name": "erase"} | {k: v for k, v in asdict(self).items() if k != "parts"}

    @property
    def most(self) -> int:
        """The whole prompt, it without blanks at its end, and what each erasure leaves."""
        return 1 + (self.parts if self.parts is not None else 1 + self.longest // self.every)

    def lengths(self, words: int) -> list[int]:
        """How many words are erased of a text of so many, in the order of asking."""
        most = max(words - 1, 0)
        if self.parts is not None:
            return sorted({min(i * words // self.parts, most) for i in range(self.parts)})
        return [i for i in range(0, self.longest + 1, self.every) if i <= most]

    def asks(self, prompt: Prompt, *, seed: int = 0) -> Asks:
        """The prompt, and what is left of it; a target samples by what it is asked, so that equal
        texts are answered alike."""
        spans = {
            number: word_spans(message.content)
            for number, message in enumerate(prompt.messages)
            if message.role == "user"
        }
        shortened = (
            tuple(
                _without(message, words, spans.get(number, []))
                for number, message in enumerate(prompt.messages)
            )
            for words in self.lengths(max(map(len, spans.values()), default=0))
        )
        chats = [prompt.messages, *shortened]
        asked = [Prompt(messages) for messages in dict.fromkeys(chats)]
        return Asks.of(
            [
                Prompt(one.messages, sampling_seed(json.dumps(one.as_chat()), seed, 0))
                for one in asked
            ],
            ANY,
        )


def _without(message: Message, words: int, spans: list[tuple[int, int]]) -> Message:
    """With its last words erased, all but the first at most."""
    if not spans:
        return message
    last = max(len(spans) - 1 - words, 0)
    return Message(message.role, message.content[: spans[last][1]])
