"""Text as patterns of refusals read it: one form for letters, quotes and dashes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_MARKS = re.compile("[\u0300-\u036f\u0640\u064b-\u0655\u0670\u093c]")
"""Accents, Arabic vowel signs and hamzas, the Hindi nukta: written or left out alike."""
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SAME = str.maketrans(
    dict.fromkeys("‘’ʼ´`′＇", "'")
    | dict.fromkeys("“”„«»‹›「」『』″＂", '"')
    | dict.fromkeys("–—―‒−", "—")
    | {"\u2028": "\n", "\u2029": "\n", "\r": "\n", "\t": " ", "\u00a0": " "}
)


def fold(text: str) -> str:
    """Lower case without accents, quotes and dashes of one kind, nothing invisible.

    Compatibility forms (full width, mathematical letters) become plain ones (Unicode NFKD).
    """
    if text.isascii():  # the same, in a tenth of the time
        return _CONTROLS.sub("", text.translate(_SAME).lower())
    text = unicodedata.normalize("NFKD", text.translate(_SAME)).translate(_SAME)
    text = unicodedata.normalize("NFC", _MARKS.sub("", text)).casefold()
    return text.translate(_SHOWN)


def invisible(character: str) -> bool:
    """Whether it shows nothing: format and control characters, variation selectors, tags."""
    return (
        unicodedata.category(character) in ("Cf", "Cc", "Co", "Cn")
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def hides(text: str) -> bool:
    """Whether so much of it is invisible or a pictograph that it may carry a message."""
    if text.isascii():
        return len(_CONTROLS.findall(text)) - text.count("\r") - text.count("\t") > 12 or (
            text.count("^") + text.count("`") > 12
        )
    times = Counter(text)
    odd = sum(n for c, n in times.items() if c not in "\n\r\t" and invisible(c))
    pictures = sum(n for c, n in times.items() if unicodedata.category(c) in ("So", "Sk"))
    return odd > 12 or pictures > 12


class _Shown(dict[int, int | None]):
    """A code point's place in a text without what is invisible, looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if code != ord("\n") and invisible(chr(code)) else code
        return self[code]


_SHOWN = _Shown()
