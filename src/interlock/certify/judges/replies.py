"""What a judging model says, as verdicts are read in it: one field a line, without dressing."""

from __future__ import annotations

import json
import re

from interlock.certify.judges.folding import fold
from interlock.certify.judges.layers import without_reasoning, without_tokens

_FIELDS = r"(?:verdict|better|refused|convincing|specific)"
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)\w*[ \t]*+\r?$|^[-=*_ \t]{3,}+\r?$", re.MULTILINE)
_LATEX = re.compile(r"\\(?:boxed|text(?:bf|tt|it)?|mathrm|mathbf) ?\{([^{}\n]*)\}")
_ELEMENT = re.compile(rf"<({_FIELDS})>\s{{0,9}}([^<>\s]{{0,40}})\s{{0,9}}</\1>")
_WRAPPED = re.compile(rf"^([^\w\n]*{_FIELDS}[^\w\n]*[:=][^\w\n|\"'>]*)\n+", re.MULTILINE)
DECORATED = r"(?:[ \t*_`#~$\-]|</?[a-z]{1,6}>)*+"
"""Marks of markdown, of a list and of HTML around a field."""
COLON = r"[:=\u2236\u2192\u2014]"


def plain(reply: str) -> str:
    """A reply folded, without reasoning, tokens and fences; a JSON object is a line a field.

    A field ``verdict`` of JSON comes last, wherever it stands there: its order says nothing.
    """
    text = _FENCE.sub("", without_tokens(without_reasoning(reply)))
    text = fold(text.replace("`", "")).strip()  # folded, a backtick is a quotation mark
    for _ in range(2):
        text = _LATEX.sub(r"\1", text)
    text = _ELEMENT.sub(r"\n\1: \2\n", _as_lines(text))
    return _WRAPPED.sub(r"\1 ", text)


def _as_lines(text: str) -> str:
    if not text.startswith("{"):
        return text
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (json.JSONDecodeError, RecursionError):
        return text
    # A value keeps to its line, so that no reason can state a verdict of its own.
    lines = [" ".join(f"{key}: {value}".split()) for key, value in pairs]
    return "\n".join(sorted(lines, key=lambda line: line.startswith("verdict")))
