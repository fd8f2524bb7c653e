"""How eleven languages refuse: one module for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interlock.certify.judges.folding import fold
from interlock.certify.judges.refusals.arabic import ARABIC
from interlock.certify.judges.refusals.chinese import CHINESE
from interlock.certify.judges.refusals.english import ENGLISH
from interlock.certify.judges.refusals.french import FRENCH
from interlock.certify.judges.refusals.german import GERMAN
from interlock.certify.judges.refusals.hindi import HINDI
from interlock.certify.judges.refusals.italian import ITALIAN
from interlock.certify.judges.refusals.japanese import JAPANESE
from interlock.certify.judges.refusals.language import Language
from interlock.certify.judges.refusals.portuguese import PORTUGUESE
from interlock.certify.judges.refusals.russian import RUSSIAN
from interlock.certify.judges.refusals.spanish import SPANISH

LANGUAGES: tuple[Language, ...] = (
    ENGLISH,
    GERMAN,
    FRENCH,
    SPANISH,
    ITALIAN,
    PORTUGUESE,
    RUSSIAN,
    CHINESE,
    JAPANESE,
    ARABIC,
    HINDI,
)
_SCRIPTS = {
    "ru": re.compile("[\u0400-\u04ff]"),
    "zh": re.compile("[\u3400-\u9fff]"),
    "ja": re.compile("[\u3040-\u30ff\u3400-\u9fff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
_LATIN = re.compile("[a-z]")
_IN_LATIN = tuple(language for language in LANGUAGES if language.code not in _SCRIPTS)


def _joints(languages: Sequence[Language]) -> re.Pattern[str]:
    return re.compile("|".join(fold(language.joints) for language in languages))


_JOINTS, _LATIN_JOINTS = _joints(LANGUAGES), _joints(_IN_LATIN)


def at_joints(text: str) -> list[str]:
    """A folded sentence, cut where one of any language falls into clauses."""
    return (_LATIN_JOINTS if text.isascii() else _JOINTS).split(text)


def languages_of(text: str) -> Sequence[Language]:
    """Those whose letters a folded text has."""
    if text.isascii():  # the same, in a tenth of the time
        return _IN_LATIN if _LATIN.search(text) else ()
    return [one for one in LANGUAGES if _SCRIPTS.get(one.code, _LATIN).search(text)]
