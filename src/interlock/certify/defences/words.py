"""Words of a text, where an attacker chooses what stands between them.

A blank is all that Python's ``str.isspace`` calls one, and beside it control characters, format
characters (zero-width spaces, joiners, tags) and the letters that are drawn as nothing. So no
choice of blanks turns two words of a suffix into none.
"""

from __future__ import annotations

import unicodedata

_DRAWN_AS_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_BLANK_CLASSES = frozenset(("Cc", "Cf", "Zl", "Zp", "Zs"))


def is_blank(character: str) -> bool:
    """Whether a code point parts words."""
    if character.isascii():
        return not "!" <= character <= "~"
    return character in _DRAWN_AS_NOTHING or unicodedata.category(character) in _BLANK_CLASSES


def word_spans(text: str) -> list[tuple[int, int]]:
    """Code-point offsets (start, stop) of each word: runs of what is no blank."""
    spans, start = [], None
    for place, character in enumerate(text):
        if is_blank(character):
            if start is not None:
                spans.append((start, place))
            start = None
        elif start is None:
            start = place
    if start is not None:
        spans.append((start, len(text)))
    return spans
