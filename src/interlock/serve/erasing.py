"""Erase-and-check on a request: what is asked with words erased from the ends of its texts.

For a request of one message these are the texts of
:class:`~interlock.certify.defences.EraseAndCheck`. Of several texts it erases as many words of each
at the same time; and, since a text that is cut into many short messages has no end to speak of,
from the end of all of them in a row as well. The words of a name are what its marks part.
"""

from __future__ import annotations

from collections.abc import Sequence

from interlock.certify.defences import EraseAndCheck
from interlock.certify.defences.words import word_spans
from interlock.serve.chat import ChatRequest, Copy
from interlock.serve.tree import Leaf

_NOTHING_LEFT = {"name": "x", "text": "…", "value": "…"}
"""In place of a text of which no word is left: servers want some."""
_PARTS_OF_NAMES = str.maketrans("_-.:", "    ")


def erased(request: ChatRequest, defence: EraseAndCheck, seed: int) -> list[Copy]:
    """The request without words at its ends, the whole of it first; each text once."""
    parts = request.parted
    ends = [_ends(part) for part in parts]
    lengths: list[list[int | None]] = [[None] * len(parts)]
    lengths += [
        [_left(one, max(len(one) - words, 1)) for one in ends]
        for words in defence.lengths(max(map(len, ends), default=0))
    ]
    if len(parts) > 1:
        lengths += [_in_a_row(ends, words) for words in defence.lengths(sum(map(len, ends)))]
    kept = [_kept(parts, one) for one in lengths]
    different = {tuple(one.values()): one for one in kept}
    return [request.copy(one, i, seed) for i, one in enumerate(different.values())]


def _ends(part: Sequence[Leaf]) -> list[int]:
    """Where each word of a text ends."""
    if part[0].kind == "name":  # alike wherever it stands
        return [end for _, end in word_spans(part[0].text.translate(_PARTS_OF_NAMES))]
    return [end for _, end in word_spans("".join(leaf.text for leaf in part))]


def _left(ends: Sequence[int], words: int) -> int | None:
    """The length of a text with so many of its words; None, all of it, where it has none."""
    if not ends:
        return None
    return ends[words - 1] if words else 0


def _in_a_row(ends: Sequence[Sequence[int]], words: int) -> list[int | None]:
    """Likewise without so many words at the end of all texts, one behind the other."""
    lengths: list[int | None] = []
    for one in reversed(ends):
        gone = min(words, len(one))
        lengths.append(_left(one, len(one) - gone) if gone else None)
        words -= gone
    return lengths[::-1]


def _kept(parts: Sequence[Sequence[Leaf]], lengths: Sequence[int | None]) -> dict[Leaf, str]:
    """Each leaf's text where so much of its part is left; all of it for None."""
    texts: dict[Leaf, str] = {}
    for part, length in zip(parts, lengths, strict=True):
        start = 0
        for leaf in part:
            texts[leaf] = leaf.text if length is None else leaf.text[: max(0, length - start)]
            start += 0 if leaf.kind == "name" else len(leaf.text)
        if length == 0:
            names = part if part[0].kind == "name" else part[:1]
            texts |= {leaf: _NOTHING_LEFT[leaf.kind] for leaf in names}
    return texts
