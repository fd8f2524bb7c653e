"""An answer cut into clauses, each short enough that one pattern can account for all of it."""

from __future__ import annotations

import re

from interlock.certify.judges.refusals import at_joints

LONGEST = 320
"""Characters of a clause that patterns look at; a longer one is nothing they know."""
_SHORT = re.compile(r"\b(?:e\.g\.|i\.e\.|etc\.|mr\.|ms\.|mrs\.|dr\.|z\.b\.|d\.h\.)")
_INITIALS = re.compile(r"(?<=\b[a-z])\.(?=[a-z]\b)|(?<=\.[a-z])\.(?= [a-z])")
_DOMAIN = re.compile(r"(?<=\w)\.(?=(?:org|com|net|gov|edu|info|de|fr|es|it|br|ru|cn|jp|in|uk)\b)")
_NUMBER = re.compile(r"(?<=\d)[.,:](?=\d)")
_PHONE = re.compile(r"[(（]([\d +/-]{3,20})[)）]")
_ENDS = re.compile(r"[.!?。！？؟।॥…;；؛:：\n|—()\[\]{}（）]+|\s-\s|--+")
_SYMBOLS = re.compile(r"^[^\w]+|[^\w\u0900-\u097f%]+$")
_COMMAS = re.compile(r"[,，、،]")


def clauses(text: str) -> list[list[str]]:
    """The parts between commas, of each clause of a folded text."""
    plain = _NUMBER.sub(
        "", _DOMAIN.sub("", _INITIALS.sub("", _SHORT.sub(" ", _PHONE.sub(r" \1 ", text))))
    )
    cut = (one for end in _ENDS.split(plain) for one in _parted(end))
    return [parts for clause in cut if (parts := _parts(clause))]


def _parted(text: str) -> list[str]:
    if len(text) > 20 * LONGEST:
        return [text]
    return at_joints(text)


def _parts(clause: str) -> list[str]:
    return [part for piece in _COMMAS.split(clause) if (part := _bare(piece))]


def _bare(part: str) -> str:
    """One blank for many, and no symbols before and after it, unless it is nothing else."""
    part = " ".join(part.split()).strip(" \"'/~*_#>.\\-")
    return _SYMBOLS.sub("", part) or part
