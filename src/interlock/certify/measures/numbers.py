"""Which number an answer states, where it states one."""

from __future__ import annotations

import re
import unicodedata

_NUMBER = re.compile(
    r"(?<![\d.,])[-\u2212]?(?:\d{1,3}(?:[,'’\u202f\u00a0]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?!\d)"
)
_SENTENCE = re.compile(r"[.!?。！？](?=\s|$)|\n")
_RESULT = re.compile(
    r"(?:\b(?:answer|result|total|sum|difference|product|antwort|ergebnis|summe|reponse|réponse|résultat|"
    r"respuesta|resultado|resposta|risposta|risultato|somma|ответ|итого)\b|答案|结果|等于|因此|所以)"
    r"[^\d\n.]{0,24}$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[^\W\d][ \t*_`$]*=[ \t*_`$\\]*$")
_WORKED = re.compile(r"[\d)%][ \t*_`$]*=[ \t*_`$\\]*$")
_OTHERS = re.compile(
    r"^[ \t*_`$]*(?:or|and|oder|und|ou|et|o|y|e|bis|to|或|或者|和|,|;|/|–|-)?[ \t*_`$]*$",
    re.IGNORECASE,
)
MOST = 12
"""Values beside the prompt's in an answer that may still state one; more are a list."""


def stated_number(asked: str, answer: str) -> float | None:
    """The number that an answer gives, or None where it gives none or several.

    Values that stand in the prompt are left out, unless no others are there. If one value is left,
    it is the answer, however often it stands. If several are, it is the one that a word for the
    result or a name introduces ("the answer is 42", "x = 42"; several such must agree, and none may
    go on with "or 43"), else the last number of all where it ends a calculation ("20 + 22 = 42"). A
    list of numbers states none, nor do more than :data:`MOST` of them.
    """
    text = unicodedata.normalize("NFKC", answer)
    given = set(map(_value, _NUMBER.findall(unicodedata.normalize("NFKC", asked))))
    marks = list(_NUMBER.finditer(text))
    values = [_value(mark.group()) for mark in marks]
    own = set(values) - given or set(values)
    if len(own) <= 1:
        return next(iter(own), None)
    if len(own) > MOST:
        return None
    named = set()
    for number, mark in enumerate(marks):
        if values[number] not in own:
            continue
        start = max((end.end() for end in _SENTENCE.finditer(text, 0, mark.start())), default=0)
        before = text[start : mark.start()]
        if _RESULT.search(before) or _NAMED.search(before):
            following = marks[number + 1] if number + 1 < len(marks) else None
            if following is not None and _OTHERS.match(text[mark.end() : following.start()]):
                return None
            named.add(values[number])
    if named:
        return next(iter(named)) if len(named) == 1 else None
    return values[-1] if _WORKED.search(text[: marks[-1].start()]) else None


def _value(text: str) -> float:
    """A comma before three digits parts thousands, any other is a decimal one."""
    text = re.sub(r"[,'’\u202f\u00a0](?=\d{3}(?:\D|$))", "", text.replace("\u2212", "-"))
    return float(text.replace(",", "."))
