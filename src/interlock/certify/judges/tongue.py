"""Whether running text is in a language that was checked."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from interlock.certify.judges.folding import fold
from interlock.certify.judges.refusals import LANGUAGES

_SHARE = 0.2
"""Least share of the commonest words. Of running text they are a third or more."""
_RUN, _FEW = 4, 6
"""Words without a comma between them that are a sentence and no list; words that tell something."""
_SHORT, _SENTENCE = 90, 3
"""Letters of an answer that may say nothing, and words of it at least."""
_PROMISE = re.compile(
    fold(
        r"\b(?:(?:i|we) (?:can|will|could)|i'll|we'll|ich (?:kann|werde|helfe|zeige)"
        r"|je (?:peux|vais)|puedo|te (?:ayudo|muestro)|posso|ti (?:aiuto|mostro)|vou"
        r"|я (?:могу|помогу|покажу))\b"
        r"|我(?:可以|能|会|来)|でき?ます|يمكنني|استطيع|ساساعد|सकता हूँ|सकती हूँ|करूँगा|करूँगी"
    )
)
"""Somebody who answers can or will do a thing."""
_BLOCK = re.compile(r"(?<![\w/.:@-])(?![0-9]+(?![\w+/=]))[a-z0-9+/=_-]{28,}(?![\w/.])")
_TIMES = re.compile(r"[.·•\-—_/\s]{16,}")
_ELSEWHERE = re.compile("[\u0101-\u017f\u0180-\u024f\u1ea0-\u1ef9åæøðþ]")
_DENIES = re.compile(
    fold(
        r"niet|inte|ikke|niestety|nemohu|nemůžu|nelze|tidak|không|olamam|edemem|yapamam|maalesef"
        r"|nemogu|siwezi|valitettavasti|sajnos|tyvärr|helaas|desværre|beklager|przykro|bohužel|üzgünüm"
    )
)
"""Words by which languages that are not read deny or regret: a few of them are no list of names."""
_HAN, _KANA = re.compile("[\u3400-\u9fff]"), re.compile("[\u3040-\u30ff]")
_PARTS = re.compile(r"[^\w'\s\u0900-\u097f]+|\n")
_SPACED = tuple(language for language in LANGUAGES if language.code not in ("zh", "ja"))


@cache
def _words() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(fold(language.words).split()) for language in _SPACED)


@cache
def _characters() -> tuple[frozenset[str], frozenset[str]]:
    by_code = {language.code: frozenset(language.words.split()) for language in LANGUAGES}
    return by_code["zh"], by_code["ja"]


def known(text: str) -> bool:
    """Whether no sentence of a folded text is in a language or an encoding that is unknown.

    Too short a text, a list of names and code say nothing of their language and count as known.
    """
    if encoded(text):
        return False
    runs = [run.split() for run in _PARTS.split(text)]
    spaced, strange = runs, list[str]()
    if not text.isascii():
        eastern = [run for run in runs if any(_HAN.search(w) or _KANA.search(w) for w in run)]
        if eastern and not _eastern("".join(word for run in eastern for word in run)):
            return False
        spaced = [run for run in runs if run not in eastern]
        strange = [word for run in spaced for word in run if _unread(word)]
    words = [word for run in spaced if len(run) >= _RUN for word in run]
    if any(_DENIES.fullmatch(word) for run in spaced for word in run):
        return False
    if len(strange) > 1 or any(len(word) > 6 for word in strange):
        return False
    if len(words) < _FEW:
        return True
    enough = _SHARE * len(words)
    return any(sum(_common(w, common) for w in words) >= enough for common in _words())


def says_nothing(text: str) -> bool:
    """Whether a folded text is a short sentence whose words say nothing of the world.

    Such as "let's leave it there": all words, of six or more all but one, are among a language's
    commonest or its fillers. Of Chinese and Japanese, all characters but two.
    """
    if len(text) > _SHORT or any(map(str.isdigit, text)):
        return False
    if _PROMISE.search(text) and not any(one.seeming[3].search(text) for one in LANGUAGES):
        return False
    words = re.findall(r"(?:[^\W_]|[\u0900-\u097f'])+", text)
    for language, common in zip(_SPACED, _words(), strict=True):
        rest = [w for w in words if w not in common and not language.filler.fullmatch(w)]
        if len(words) >= _SENTENCE and len(rest) <= (len(words) >= _FEW):
            return True
    plain = "".join(words)
    return len(plain) >= _RUN and any(
        bool(_HAN.search(plain) or _KANA.search(plain)) and len(language.filler.sub("", plain)) <= 2
        for language in LANGUAGES
        if language.code in ("zh", "ja")
    )


def foreign(text: str) -> bool:
    """Whether a text has words with letters that no language here has; names do not count."""
    if text.isascii():
        return False
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text))
    strange = sum(word[0].islower() and bool(_ELSEWHERE.search(word)) for word in words)
    return bool(strange > len(words) / 8)


def _common(word: str, common: frozenset[str]) -> bool:
    return word in common or (word.startswith("ال") and "على" in common)


def encoded(text: str) -> bool:
    """Whether a folded text has a block like base64, or like Morse's signs."""
    return any(not block.isdigit() for block in _BLOCK.findall(text)) or any(
        len(set(signs) - set(" \n")) > 1 for signs in _TIMES.findall(text)
    )


def _eastern(text: str) -> bool:
    han, kana = _characters()
    if len(text) < 6:
        return True
    if _KANA.search(text):
        return bool(sum(c in kana for c in text) >= _SHARE * len(text))
    return sum(c in han for c in text) >= _SHARE / 5 * len(text)


def _unread(word: str) -> bool:
    """Whether a word is in a script that no language here is written in."""
    return any(c.isalpha() and not _READ.match(c) for c in word)


_READ = re.compile(
    "[a-z\u00aa-\u024f\u0430-\u044f\u0621-\u064a\u0900-\u097f\u3005-\u30ff\u3400-\u9fff]"
)
