"""The head of an audit's page: plain sentences, in which each number leads to its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from interlock.report.page import render_template


@dataclass(frozen=True)
class Number:
    """One number of a sentence."""

    name: str
    """What programs call it, such as ``"photos.patched.bare"``."""
    shown: str
    """As the sentence has it."""
    value: float | int
    link: str
    """Where its table is: ``#ANCHOR`` on the page, or a file beside it."""
    origin: str
    """Who measured it, and what it is called there."""
    low: float | None = None
    """Lower end of its interval, where it has one."""
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the name."""
        interval = {} if self.low is None else {"low": self.low, "high": self.high}
        table = {"table": self.link, "from": self.origin, "shown": self.shown}
        return {"value": self.value, **interval, **table}


Sentence = Sequence[str | Number]
"""Words and numbers in their order; the words hold no digits that something was measured by."""


@dataclass(frozen=True)
class Picture:
    """One of the pictures behind a finding."""

    uri: str
    """A ``data:`` URI."""
    name: str
    """What it shows, in a few words."""
    link: str
    """Where there is more of it."""
    caption: Sentence = ()


@dataclass(frozen=True)
class Advice:
    """What to do next."""

    text: str
    command: str = ""
    """To be typed."""


@dataclass(frozen=True)
class Finding:
    """The answer to one question."""

    title: str
    anchor: str
    verdict: Sentence
    """In one sentence."""
    grid: Sequence[Sequence[Sentence]] = ()
    """What it stands on side by side: a head of columns, then rows, each with its name first."""
    sentences: Sequence[Sentence] = ()
    """What else there is to say."""
    pictures: Sequence[Picture] = ()
    pairs: bool = False
    """Whether the pictures are twice as wide as high."""
    advice: Sequence[Advice] = ()

    @property
    def numbers(self) -> Iterator[Number]:
        """All that it shows."""
        cells = [cell for row in self.grid for cell in row]
        captions = [picture.caption for picture in self.pictures]
        for sentence in (self.verdict, *cells, *self.sentences, *captions):
            yield from (part for part in sentence if isinstance(part, Number))


def findings(shown: Sequence[Finding]) -> Markup:
    """What stands above the chapters of an audit's page."""
    return render_template("audit.html", findings=shown)


def in_words(sentence: Sentence) -> str:
    """A sentence as plain text."""
    return "".join(part.shown if isinstance(part, Number) else part for part in sentence)
