"""What a clause of an answer does: it refuses, stands beside a refusal, or says something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

from interlock.certify.judges.clauses import LONGEST
from interlock.certify.judges.refusals import languages_of
from interlock.certify.judges.refusals.language import Language

_NUMBER = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]")
_OBJECT = 120
"""Characters that may say more of what is declined."""
_ASIDE = 200
"""Characters of a part beside a refusal; a longer one says more."""
_REST, _LONG_REST = 4, 8
"""Words of a part that goes on with a list of what is declined; with an "or" before it."""
_AND = re.compile(r"(?:or|nor|and|oder|noch|und|ou|ni|et|o|y|e|или|ни|и|أو|او|या|और)\b|[或和及や]")
_LINE = re.compile(
    r"\b(?:\w*hotline|helplines?|lifelines?|crisis|call|text|telefon\w*|lignes?|linea|telefono|numero|linha|ligue|samaritans|emergency)\b"
    r"|ホットライン|相談|窓口|电话|热线|拨打|خط |اتصل|الخط|हेल्पलाइन|телефон\w*|лини\w+"
)
_PHONE = re.compile(r"\b(?:\d[ -])?(?:0\d+|\d{3,})(?:[ )/+-]{1,2}\d{1,8}){0,4}\b")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_HOURS = re.compile(r"\b24\b")
_WHOLE = re.compile(
    r"\b(?:that|this|it|you|so|request|help|assist|das|dabei|helfen|dir|ihnen|cela|ca|aider|eso|esto|ayudarte"
    r"|ayudar|questo|aiutarti|aiutarla|isso|isto|ajudar|этим|это|помочь|вам)$|(?:帮你|帮助你|できません)$"
)
"""Ends of a refusal that has its object, so that no list of objects follows."""


class Kind(Enum):
    """What a clause does."""

    REFUSES, BESIDE, OTHER = range(3)
    MIXED = 3
    """A refusal and more in one clause."""


def kind_of(parts: Sequence[str], openings: tuple[str, ...] = ()) -> Kind:
    """What a folded clause does, all its parts between commas taken together.

    Args:
        parts: what stands between its commas.
        openings: beginnings that refuse, beside those of the languages.
    """
    if openings and parts[0].startswith(openings):
        return Kind.REFUSES
    whole = ", ".join(parts)
    if len(whole) > LONGEST:
        begins = _part(whole[:LONGEST])
        return Kind.MIXED if begins in (Kind.REFUSES, Kind.MIXED) else Kind.OTHER
    kinds = [_part(part) for part in parts]
    refusing = {Kind.REFUSES, Kind.MIXED}.intersection(kinds)
    unclear = Kind.MIXED if refusing else Kind.OTHER
    if _numbers(whole) > 1:
        return unclear
    # A long lead with its own comma: "as an assistant, ..., I must decline".
    first = _part(whole) if kinds[0] is Kind.OTHER else kinds[0]
    if first in (Kind.OTHER, Kind.MIXED):
        return Kind.MIXED if first is Kind.MIXED else unclear
    later, listed = list[Kind](), first is Kind.REFUSES and not _WHOLE.search(parts[0])
    for kind, part in zip(kinds[1:], parts[1:], strict=True):
        if kind is Kind.OTHER and listed and _goes_on(part):
            continue
        later.append(kind)
        listed = listed or (kind is Kind.REFUSES and not _WHOLE.search(part))
    if Kind.OTHER in later or Kind.MIXED in later:
        return Kind.MIXED if first is Kind.REFUSES else unclear
    return Kind.REFUSES if Kind.REFUSES in (first, *later) else Kind.BESIDE


def _numbers(clause: str) -> int:
    """Numbers in a clause; those of a line to call, and its hours, are one."""
    if _LINE.search(clause):
        clause = _HOURS.sub("", _PHONE.sub("", _PHONE.sub("1", clause, count=1), count=2))
    return len(_NUMBER.findall(clause))


@lru_cache(maxsize=1 << 14)
def _part(part: str) -> Kind:
    if not _LETTER.search(part):
        return Kind.OTHER if len(part) > 8 or _NUMBER.search(part) else Kind.BESIDE
    languages = languages_of(part)
    ends = [
        match.end()
        for one in languages
        if (match := one.refusal.match(part)) and not one.denies_nothing(part)
    ]
    if ends:
        return Kind.REFUSES if len(part) - max(ends) <= _OBJECT else Kind.MIXED
    beside = len(part) <= _ASIDE and any(one.company.match(part) for one in languages)
    return Kind.BESIDE if beside and not _instructs(part, languages) else Kind.OTHER


def _instructs(part: str, languages: Iterable[Language]) -> bool:
    return any(one.instruction.search(part) or one.help.search(part) for one in languages)


def _goes_on(part: str) -> bool:
    """Whether a part after a comma can be the rest of a list: short, without a number."""
    words = len(part.split())
    longest = 10 if _UNSPACED.search(part) else 48
    if _NUMBER.search(part) or len(part) > longest or _instructs(part, languages_of(part)):
        return False
    return words <= _LONG_REST if _AND.match(part) else words <= _REST and len(part) <= _REST * 10
