"""Drop random words and let the majority decide (Cao et al., arXiv 2309.14348, section 3.2).

The paper drops a share of the tokens and refuses beyond a threshold of refused copies; here words
are dropped, since an endpoint shows no tokens, and half of the copies refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from interlock.certify.defences.words import word_spans
from interlock.certify.vote.perturb import copy_generator
from interlock.errors import OptionError


@dataclass(frozen=True)
class DropWords:
    """A random share of the words of a text taken out, each with the blanks after it.

    Of n words floor(rate n) are dropped, at least one, but never all: a text of one word stays as
    it is.

    Raises:
        OptionError: the rate is outside (0, 1).
    """

    rate: float = 0.3
    """Share of the words, in (0, 1)."""

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise OptionError(f"rate={self.rate}: give the share of words, above 0 and below 1")

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name and rate."""
        return {"name": "drop", "rate": self.rate}

    def count(self, words: int) -> int:
        """How many of so many words are dropped."""
        return min(max(1, int(self.rate * words + 1e-9)), words - 1) if words else 0

    def copies(self, text: str, copies: int, *, seed: int) -> list[str]:
        """``copies`` texts; copy j depends on (seed, text, j) alone.

        Raises:
            OptionError: ``copies`` or ``seed`` is negative.
        """
        return ["".join(copy) for copy in self.copies_of(list(text), copies, seed=seed)]

    def copies_of(self, characters: Sequence[str], copies: int, *, seed: int) -> list[list[str]]:
        """:meth:`copies` of text that is already split; what is dropped leaves an empty place.

        Raises:
            OptionError: ``copies`` or ``seed`` is negative.
        """
        if copies < 0:
            raise OptionError(f"copies={copies}: give a number of copies, at least 0")
        return [self.copy_of(characters, index, seed=seed) for index in range(copies)]

    def copy_of(self, characters: Sequence[str], index: int, *, seed: int) -> list[str]:
        """Copy ``index`` alone of those of :meth:`copies_of`."""
        text = "".join(characters)
        spans, rng, kept = word_spans(text), copy_generator(text, seed, index), list(text)
        # A word reaches to the next one; what stands before the first belongs to none.
        edges = [start for start, _ in spans] + [len(text)]
        for word in rng.choice(len(spans), size=self.count(len(spans)), replace=False).tolist():
            kept[edges[word] : edges[word + 1]] = [""] * (edges[word + 1] - edges[word])
        starts = [0, *accumulate(map(len, characters))]
        return ["".join(kept[start:end]) for start, end in pairwise(starts)]

    def changes(self, characters: Sequence[str]) -> int:
        """How many words of a text are dropped."""
        return self.count(len(word_spans("".join(characters))))

    def alters(self, characters: Sequence[str]) -> bool:
        """Whether every copy is another text: there is a word to be dropped."""
        return self.changes(characters) > 0
