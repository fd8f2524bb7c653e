"""An answer cut into clauses, each short enough that one pattern can account for all of it."""

from __future__ import annotations

import re

from interlock.certify.judges.refusals import JOINTS

LONGEST = 320
"""Characters of a clause that patterns look at; a longer one is nothing they know."""
_SHORT = re.compile(r"\b(?:e\.g\.|i\.e\.|etc\.|mr\.|ms\.|mrs\.|dr\.|z\.b\.|d\.h\.)")
_NUMBER = re.compile(r"(?<=\d)[.,:](?=\d)")
_ENDS = re.compile(r"[.!?。！？؟।॥…;；؛:：\n|—()\[\]{}（）]+|\s-\s|--+")
_COMMAS = re.compile(r"[,，、،]")


def clauses(text: str) -> list[list[str]]:
    """The parts between commas, of each clause of a folded text."""
    plain = _NUMBER.sub("", _SHORT.sub(" ", text))
    cut = (one for end in _ENDS.split(plain) for one in _parted(end))
    return [parts for clause in cut if (parts := _parts(clause))]


def _parted(text: str) -> list[str]:
    if len(text) > 20 * LONGEST:
        return [text]
    return JOINTS.split(text)


def _parts(clause: str) -> list[str]:
    stripped = (part.strip(" \"'/~*_#>.\\-") for part in _COMMAS.split(clause))
    return [part for part in stripped if part]
