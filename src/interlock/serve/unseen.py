"""Characters that a reader does not see and a model does: where text could hide.

What writing needs is left: joiners inside emoji and inside words of the scripts that join, the
variation selectors of emoji and of Mongolian, marks of direction one at a time, the tags of three
flags, and four marks on a letter. All else that shows nothing carries nothing but what it hides.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

MARKS = 4
"""Marks on one letter at most: Hebrew with vowels and accents needs three."""
_FLAGS = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(c)) for c in place) for place in ("gbeng", "gbsct", "gbwls"))
)
_JOINING = ("\u0590", "\u1cff")
"""The scripts between Hebrew and Vedic, which write joiners between letters."""
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d")


def unseen(text: str) -> list[int]:
    """Offsets of the characters that could hide text, in order."""
    if text.isascii():
        return []
    patterns = _patterns()
    flags = {i for flag in patterns["flag"].finditer(text) for i in range(*flag.span())}
    places = (match.start() for match in patterns["may"].finditer(text))
    return [i for i in places if i not in flags and _hides(text, i, patterns)]


def seen(text: str) -> str:
    """The text without what could hide in it."""
    while hidden := set(unseen(text)):  # what is taken out may leave its neighbours without a use
        text = "".join(character for i, character in enumerate(text) if i not in hidden)
    return text


def _hides(text: str, i: int, patterns: dict[str, Any]) -> bool:
    character = text[i]
    before, after = text[i - 1 : i] if i else "", text[i + 1 : i + 2]
    if character in _JOINERS:
        emoji = character == "\u200d" and patterns["emoji"].fullmatch(after)
        if emoji and patterns["before_joiner"].fullmatch(before):
            return False
        joins = before != "" and _JOINING[0] <= before <= _JOINING[1]
        return not (joins and unicodedata.category(before)[0] in "LM")
    if character in "\ufe0e\ufe0f":
        return not patterns["varies"].fullmatch(before)
    if "\u180b" <= character <= "\u180d" or character == "\u180f":
        return not ("\u1820" <= before <= "\u18aa")
    if character in _DIRECTION:
        return before in _DIRECTION
    if patterns["ignorable"].fullmatch(character):
        return True
    if unicodedata.category(character) in ("Mn", "Me"):
        run = text[max(0, i - MARKS) : i]
        return len(run) == MARKS and all(unicodedata.category(c) in ("Mn", "Me") for c in run)
    return unicodedata.category(character) == "Cf" and not ("\u0600" <= character <= "\u08e2")


@cache
def _patterns() -> dict[str, Any]:
    import regex  # type: ignore[import-untyped, unused-ignore]

    return {
        "may": regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Mn}\p{Me}\p{Cf}]"),
        "flag": regex.compile(_FLAGS),
        "emoji": regex.compile(r"\p{Extended_Pictographic}"),
        "before_joiner": regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]"),
        "varies": regex.compile(r"\p{Emoji}"),
        "ignorable": regex.compile(r"\p{Default_Ignorable_Code_Point}"),
    }
