"""Where a copy differs from the message that it was made of, for people to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal

from rapidfuzz.distance import Levenshtein

from interlock.certify.vote.graphemes import graphemes

Kind = Literal["same", "new", "gone"]
LONGEST = 4000
"""Characters up to which texts of unequal length are compared; it takes their product in bits."""


def marks(before: str, after: str) -> tuple[tuple[Kind, str], ...] | None:
    """The copy in runs: what is the same, what is new, and what is gone from between.

    Texts of the same number of characters, as readers count them, are compared place by place, as
    they were made; others by the fewest edits.

    Returns:
        Runs in order. Those that are ``"same"`` or ``"new"`` make up ``after``, those that are
        ``"same"`` or ``"gone"`` have as many characters as ``before``; None where the texts are of
        unequal length and longer than :data:`LONGEST`.
    """
    old, new = graphemes(before), graphemes(after)
    if len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return _runs(("same" if was == now else "new", now) for was, now in pairs)
    if max(len(old), len(new)) > LONGEST:
        return None
    return _runs(_edits(old, new))


def _edits(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Kind, str]]:
    for edit in Levenshtein.opcodes(old, new):
        was, now = old[edit.src_start : edit.src_end], new[edit.dest_start : edit.dest_end]
        if edit.tag == "equal":
            yield from (("same", one) for one in now)
            continue
        if edit.tag == "delete":
            yield from (("gone", one) for one in was)
        yield from (("new", one) for one in now)


def _runs(parts: Iterable[tuple[Kind, str]]) -> tuple[tuple[Kind, str], ...]:
    runs = groupby(parts, key=lambda part: part[0])
    return tuple((kind, "".join(text for _, text in run)) for kind, run in runs)
