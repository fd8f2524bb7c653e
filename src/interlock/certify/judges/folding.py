"""Text as patterns of refusals read it: one form for letters, quotes and dashes."""

from __future__ import annotations

import re
import unicodedata

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
    return "".join(c for c in text if c in "\n" or not invisible(c))


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
    odd = sum(invisible(c) and c not in "\n\r\t" for c in text)
    pictures = sum(unicodedata.category(c) in ("So", "Sk") for c in text)
    return odd > 12 or pictures > 12
