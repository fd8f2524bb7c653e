"""SmoothLLM's perturbations: swap, patch and insert (arXiv 2310.03684, section 3).

What is changed is a character as readers see it, a grapheme cluster of at most ten code points; how
many are changed follows from the m code points of the prompt's own span, M = floor(q m), so that
text packed into few clusters is changed no less. (For text whose characters are one code point
each, m counts both; else every cluster may come to be changed, and never more than there are.)

* ``swap``: M distinct characters, chosen uniformly, are replaced.
* ``patch``: one block of M neighbours, its start uniform over the m - M + 1 places, is replaced.
* ``insert``: M distinct characters are chosen uniformly and a new character is put in front of
  each. No character is lost; what an insertion *changes* is the character it lands in front of,
  for that is where the text an attacker tuned is broken apart.

New characters are drawn uniformly from a stated alphabet. A replaced character always differs from
the one that was there, and M is at least one when 0 < q; ``paper=True`` switches both off, as in
the published code, where a short prompt passes unchanged and a swap may draw what was there.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, get_args

import numpy as np

from interlock.certify.bounds.laws import changed_count
from interlock.certify.vote.graphemes import split_span
from interlock.errors import OptionError
from interlock.names import PerturbationKind

ALPHABET = string.printable
Seed = int | np.random.Generator
Span = tuple[int, int]


@dataclass(frozen=True)
class Perturbation:
    """How the copies of a prompt are made.

    Attributes:
        kind: ``"swap"``, ``"patch"`` or ``"insert"``.
        rate: q, the share of characters changed in each copy, in [0, 1].
        alphabet: the new characters are drawn uniformly from these code points; at least two
            different ones. The default, ``string.printable``, is the paper's.
        paper: the published behaviour to the letter: no minimum of one change, and a replacement
            may equal what it replaces.

    Raises:
        OptionError: a value outside its range.
    """

    kind: PerturbationKind = "swap"
    rate: float = 0.10
    alphabet: str = ALPHABET
    paper: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(PerturbationKind):
            raise OptionError(f"kind={self.kind!r}: choose swap, patch or insert")
        if not 0 <= self.rate <= 1:
            raise OptionError(f"rate={self.rate}: give the share of characters, from 0 to 1")
        if len(set(self.alphabet)) < 2:
            raise OptionError("alphabet: give at least two different characters")

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that a copy depends on beside text and seed."""
        return {"name": "smooth", **asdict(self)}

    def count(self, characters: int) -> int:
        """M, the number of characters changed in a span of ``characters`` code points."""
        return _count(characters, self.rate, self.paper)

    def changes(self, characters: Sequence[str]) -> int:
        """M for text that is split into characters: counted over its code points."""
        return min(len(characters), self.count(sum(map(len, characters))))

    def copy(self, text: str, *, seed: Seed, span: Span | None = None) -> str:
        """One perturbed copy of ``text``.

        Args:
            text: what the model is given; may hold a chat template around the prompt.
            seed: an integer, or a Generator that is advanced.
            span: code-point offsets (start, stop) of the prompt's own text; nothing outside is
                touched. All of ``text`` when absent.

        Raises:
            OptionError: the span does not fit the text.
        """
        before, characters, after = split_span(text, span)
        self._change(characters, self.changes(characters), _generator(seed))
        return before + "".join(characters) + after

    def copies(self, text: str, copies: int, *, seed: int, span: Span | None = None) -> list[str]:
        """``copies`` perturbed copies; copy j depends on (seed, the span's text, j) alone.

        So asking for more copies keeps the earlier ones, and prompts that share a seed still
        draw independently, which every certificate built on their votes needs.

        Raises:
            OptionError: ``copies`` is negative, or the span does not fit the text.
        """
        before, characters, after = split_span(text, span)
        made = self.copies_of(characters, copies, seed=seed)
        return [before + "".join(copy) + after for copy in made]

    def copies_of(self, characters: Sequence[str], copies: int, *, seed: int) -> list[list[str]]:
        """:meth:`copies` of text that is already split; each character keeps its place.

        Raises:
            OptionError: ``copies`` is negative.
        """
        if copies < 0:
            raise OptionError(f"copies={copies}: give a number of copies, at least 0")
        return [self.copy_of(characters, index, seed=seed) for index in range(copies)]

    def copy_of(self, characters: Sequence[str], index: int, *, seed: int) -> list[str]:
        """Copy ``index`` alone of those of :meth:`copies_of`."""
        text, copy = "".join(characters), list(characters)
        self._change(copy, min(len(copy), self.count(len(text))), copy_generator(text, seed, index))
        return copy

    def alters(self, characters: Sequence[str]) -> bool:
        """Whether every copy is another text."""
        return not self.paper and self.changes(characters) > 0

    def change_exactly(
        self, text: str, changes: int, *, seed: Seed, span: Span | None = None
    ) -> str:
        """A copy with exactly ``changes`` characters of the span changed, whatever the rate.

        With the span of an adversarial suffix this draws what ASR(k) is measured on.

        Raises:
            OptionError: ``changes`` is negative or exceeds the characters of the span.
        """
        before, characters, after = split_span(text, span)
        if not 0 <= changes <= len(characters):
            raise OptionError(
                f"changes={changes}: the span has {len(characters)} characters; give 0 to that"
            )
        self._change(characters, changes, _generator(seed))
        return before + "".join(characters) + after

    def _change(self, characters: list[str], changes: int, rng: np.random.Generator) -> None:
        places = self._places(len(characters), changes, rng)
        if self.kind == "insert":
            new = self._draw(len(places) * [""], rng)
            for place, letter in zip(places, new, strict=True):
                characters[place] = letter + characters[place]
            return
        new = self._draw([characters[place] for place in places], rng)
        for place, letter in zip(places, new, strict=True):
            characters[place] = letter

    def _places(self, length: int, changes: int, rng: np.random.Generator) -> Sequence[int]:
        if self.kind == "patch":
            start = int(rng.integers(length - changes + 1))
            return range(start, start + changes)
        chosen: list[int] = rng.choice(length, size=changes, replace=False).tolist()
        return sorted(chosen)

    def _draw(self, old: Sequence[str], rng: np.random.Generator) -> Iterable[str]:
        """A uniform character of the alphabet for each old one, different unless ``paper``."""
        size = len(self.alphabet)
        drawn = [self.alphabet[i] for i in rng.integers(size, size=len(old)).tolist()]
        if not self.paper:
            for i, previous in enumerate(old):
                while drawn[i] == previous:
                    drawn[i] = self.alphabet[int(rng.integers(size))]
        return drawn


def copy_generator(text: str, seed: int, index: int) -> np.random.Generator:
    """The generator of copy ``index`` of ``text``: independent between texts and indices."""
    if seed < 0:
        raise OptionError(f"seed={seed}: give an integer of at least 0")
    # default_rng([seed, index, *words]), split into 32 bits here: numpy takes twice as long for it.
    entropy = [*_split(seed), *_split(index), *_words(text)]
    return np.random.default_rng(np.array(entropy, dtype=np.uint32))


def sampling_seed(text: str, seed: int, index: int) -> int:
    """31 bits for the target's own sampling of copy ``index`` of ``text``.

    A hash of all three: copies of different prompts that shared a seed would share the sampling's
    noise, and a certificate would take one draw for many.
    """
    digest = sha256(f"sampling/{seed}/{index}/{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "little") >> 1


@lru_cache(maxsize=1 << 12)
def _count(characters: int, rate: float, paper: bool) -> int:
    return int(changed_count(characters, rate, paper=paper))


def _split(number: int) -> list[int]:
    """Its 32-bit digits, the lowest first, as numpy's SeedSequence takes integers apart."""
    digits = [number & 0xFFFFFFFF]
    while number := number >> 32:
        digits.append(number & 0xFFFFFFFF)
    return digits


def _words(text: str) -> list[int]:
    digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
    words: list[int] = np.frombuffer(digest, dtype="<u4").tolist()
    return words


def _generator(seed: Seed) -> np.random.Generator:
    if isinstance(seed, np.random.Generator):
        return seed
    if seed < 0:
        raise OptionError(f"seed={seed}: give an integer of at least 0")
    return np.random.default_rng(seed)


__all__ = ["ALPHABET", "Perturbation", "PerturbationKind", "Seed", "Span"]
