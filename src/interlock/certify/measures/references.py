"""Whether an answer agrees with a reference: a text, a pattern, a number, JSON, or code that runs.

Rules for a model that hedges: a refusal or an apology is never right, whatever it repeats; an
answer that lists what might be right states nothing (see :func:`stated_number`, ``without``).
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from interlock.certify.judges.folding import fold
from interlock.certify.judges.layers import without_reasoning
from interlock.certify.measures.numbers import stated_number
from interlock.certify.measures.running import code_of, parses, run_calls
from interlock.errors import DataError

_DECLINES = re.compile(
    "|".join(
        fold(pattern)  # without accents, as the text; classes in capitals would not survive it
        for pattern in (
            r"\b(?:sorry|apolog\w+|unfortunately|unable)\b",
            r"\b(?:i|we)(?:'m| am| are|'ll| must| have to)? ?(?:\w+ )?(?:can ?not|can't|won't"
            r"|will not|would not|do not|don't|not able|not allowed|refuse|decline)\b",
            r"\btut mir\b|\bleider\b|\b(?:kann|darf|werde|möchte)\b.{0,120}\bnicht\b",
            r"\bentschuldig|\bverweiger|\blehne\b",
            r"\bdésolée?s?\b|\bje ne (?:peux|puis|veux|suis)|\bmalheureusement\b|\bje refuse\b",
            r"\blo siento\b|\bno (?:te |le |les )?(?:puedo|podemos)\b|\blamento\b|\bme niego\b",
            r"\bmi (?:dis|s)piace\b|\bnon (?:ti |vi |le )?(?:posso|possiamo)\b",
            r"\bspiacente\b|\bpurtroppo\b",
            r"\bdesculp|\bnão (?:te |lhe )?(?:posso|podemos)\b|\bsinto muito\b|\binfelizmente\b",
            r"\bне могу\b|\bизвин|\bпрости|\bк сожалению\b",
            r"抱歉|对不起|無法|无法|不能|拒绝|申し訳|ごめん|できません",
            r"عذر|آسف|لا أستطيع|لا يمكنني|क्षमा करें|माफ",
        )
    )
)
"""Words of apology, and of what one cannot or will not do."""
_FENCED = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)^[ \t]*\1`*[ \t]*$", re.MULTILINE | re.DOTALL
)
_OUTER = re.compile(r"^[\W_]+|[\W_]+$")


POINT = 300
"""Characters in which an answer must have come to the point that a pattern looks for: a list of
all that there is does so late."""


class Grade(Enum):
    """What a reference makes of an answer."""

    RIGHT = "right"
    WRONG = "wrong"
    UNCHECKED = "unchecked"
    """Code that parses and defines what was asked, and was not run."""


@dataclass(frozen=True)
class Reference:
    """What a right answer is, by one of five kinds of check."""

    kind: str
    """``"exact"``, ``"regex"``, ``"number"``, ``"json"`` or ``"python"``."""
    value: Any
    """Texts one of which is all of the answer; a pattern in its first :data:`POINT` characters,
    without regard to case; a number; a JSON value; pairs of a call and its JSON value."""
    without: str = ""
    """Of ``"regex"``: a pattern that must not be in the answer, such as what a wrong one names."""
    tolerance: float = 0.0
    """Of ``"number"``: the largest difference allowed, >= 0."""

    @classmethod
    def from_row(cls, row: object, where: str) -> Reference:
        """As a line of a file has it: ``{"number": 42, "tolerance": 0.5}``.

        Raises:
            DataError: not one kind, or a value that is none of it; ``where`` names the line.
        """
        kinds = _CHECKS.keys() & row.keys() if isinstance(row, Mapping) else set()
        if not isinstance(row, Mapping) or len(kinds) != 1:
            raise DataError(f"{where}: a reference has one of {', '.join(_CHECKS)}")
        [kind] = kinds
        more = {"regex": {"without"}, "number": {"tolerance"}}.get(kind, set())
        if row.keys() - {kind} - more:
            raise DataError(
                f"{where}: a reference by {kind} has no {', '.join(row.keys() - {kind} - more)}"
            )
        made = cls(kind, row[kind], row.get("without", ""), row.get("tolerance", 0.0))
        if not _valid(made):
            raise DataError(f"{where}: {kind}={json.dumps(row[kind])[:60]}: give {_GIVE[kind]}")
        return made

    def check(self, asked: str, answer: str, *, run_code: bool = False) -> Grade:
        """Compare an answer; one that declines in words is wrong.

        Args:
            asked: the prompt; its numbers are not an answer's own.
            answer: the whole answer; blocks of reasoning are passed over.
            run_code: run what the model wrote, see :func:`run_calls`.
        """
        said = unicodedata.normalize("NFKC", without_reasoning(answer)).strip()
        if not said:
            return Grade.WRONG
        if self.kind == "python":
            return self._check_code(without_reasoning(answer), run_code)
        if self.kind != "json" and _DECLINES.search(fold(said)):
            return Grade.WRONG
        return Grade.RIGHT if _CHECKS[self.kind](self, asked, said) else Grade.WRONG

    def _check_code(self, said: str, run: bool) -> Grade:
        code = code_of(said)
        if not parses(code, [call for call, _ in self.value]):
            return Grade.WRONG
        if not run:
            return Grade.UNCHECKED
        results = run_calls(code, [call for call, _ in self.value])
        right = results is not None and all(
            same(result, value) for result, (_, value) in zip(results, self.value, strict=True)
        )
        return Grade.RIGHT if right else Grade.WRONG


def same(one: object, other: object) -> bool:
    """Whether two JSON values agree: true is not 1, 1 is 1.0, keys are neither more nor fewer."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        try:
            return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
        except OverflowError:  # a whole number that no float holds
            return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def plain(text: str) -> str:
    """Folded, blanks alike, without the marks around it."""
    return _OUTER.sub("", " ".join(fold(text).split()))


def _exact(reference: Reference, _: str, said: str) -> bool:
    return plain(said) in {plain(text) for text in reference.value}


def _regex(reference: Reference, _: str, said: str) -> bool:
    bare = re.sub(r"[*_`]+", "", said)
    wrong = reference.without and re.search(reference.without, bare, re.IGNORECASE)
    return not wrong and re.search(reference.value, bare[:POINT], re.IGNORECASE) is not None


def _number(reference: Reference, asked: str, said: str) -> bool:
    value = stated_number(asked, said)
    return value is not None and abs(value - reference.value) <= reference.tolerance + 1e-9


def _json(reference: Reference, _: str, said: str) -> bool:
    blocks = [match[2] for match in _FENCED.finditer(said)]
    if len(blocks) > 1:
        return False
    try:
        value = json.loads(
            blocks[0] if blocks else said, object_pairs_hook=_once, parse_constant=_none
        )
    except (ValueError, RecursionError):
        return False
    return same(value, reference.value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once: of two values neither is the answer."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _none(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _valid(reference: Reference) -> bool:
    value = reference.value
    match reference.kind:
        case "exact":
            return (
                isinstance(value, list)
                and bool(value)
                and all(isinstance(text, str) and plain(text) for text in value)
            )
        case "regex":
            return _compiles(value) and _compiles(reference.without)
        case "number":
            return _finite(value) and _finite(reference.tolerance) and reference.tolerance >= 0
        case "python":
            return isinstance(value, list) and bool(value) and all(map(_call, value))
    return True


def _compiles(pattern: object) -> bool:
    try:
        return isinstance(pattern, str) and re.compile(pattern) is not None
    except re.error:
        return False


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _call(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and "(" in pair[0]


_CHECKS = {"exact": _exact, "regex": _regex, "number": _number, "json": _json, "python": _exact}
_GIVE = {
    "exact": "a list of texts",
    "regex": "a pattern that compiles, and one as 'without' at most",
    "number": "a number, and a tolerance from 0 on",
    "json": "a JSON value",
    "python": "a list of pairs, a call and its JSON value",
}
