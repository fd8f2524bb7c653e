"""JSON that everybody reads alike: no NaN or Infinity, no key twice, torn surrogates as escapes."""

from __future__ import annotations

import json
import re
import unicodedata
from math import isfinite
from typing import Any

from starlette.responses import JSONResponse

_DIGITS = 4000
"""Of a whole number that Python reads and writes without being told to."""
_LEVELS = 200
"""Of a request, one inside the other: what walks through one goes a step down for each."""
_FRACTION = 17, 25
"""Digits and characters of a number with a point or an exponent: what a float can hold. More would
reach a model that reads the number as it was written, and no copy."""


class KeyTwiceError(ValueError):
    """Two keys of one object that some readers take for one; ``key`` is the later."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} stands there twice, as some servers read it")
        self.key = key


def read_json(text: str | bytes) -> Any:
    """What the text says; all of it can be written again as JSON.

    Raises:
        ValueError: it is not JSON, holds a number beyond a float's range, or is nested too deeply.
    """
    return _read(_READER, text)


def read_loose_json(text: str | bytes) -> Any:
    """:func:`read_json` of what an upstream wrote: numbers that are none of JSON's are null.

    Raises:
        ValueError: it is not JSON, or is nested too deeply.
    """
    return _read(_LOOSE_READER, text)


def read_client_json(text: str | bytes) -> Any:
    """:func:`read_json` of what a client wrote, where nothing may be read in two ways.

    Raises:
        KeyTwiceError: an object has two keys that are equal, or equal up to case and Unicode's
            compatibility forms, as Go's reader and others match them.
        ValueError: as there, or a number has more digits than are read.
    """
    value = _read(_CLIENT_READER, text)
    if _deeper_than(_LEVELS, value):
        raise ValueError("nested too deeply")
    return value


def folded(key: str) -> str:
    """Equal for keys that some reader may take for one."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold())
    return "".join(c for c in folded if c.isprintable() and not c.isspace())


class PlainResponse(JSONResponse):
    """In ASCII: half an emoji, which models do write, has no other form."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _read(reader: json.JSONDecoder, text: str | bytes) -> Any:
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        return reader.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _deeper_than(levels: int, value: Any) -> bool:
    here = [value]
    for _ in range(levels):
        lists = [one for one in here if isinstance(one, dict | list)]
        here = [x for one in lists for x in (one.values() if isinstance(one, dict) else one)]
    return bool(here)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = set[str]()
    for key, _ in pairs:
        same = key if key.isascii() and key.islower() and key.isidentifier() else folded(key)
        if same in known:
            raise KeyTwiceError(key)
        known.add(same)
    return dict(pairs)


def _no_number(text: str) -> float:
    raise ValueError(f"{text}: no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)


def _all_read(text: str) -> float:
    digits, longest = _FRACTION
    written = re.sub(r"[eE].*|\D", "", text).lstrip("0")
    if len(written) > digits or len(text) > longest:
        raise ValueError(f"{text[:longest]}: more digits than are read")
    return _finite(text)


# One for all: json.loads would make a new one at each call, and each chunk of each copy is read.
_READER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
_LOOSE_READER = json.JSONDecoder(
    parse_constant=lambda _: None,
    parse_float=lambda text: value if isfinite(value := float(text)) else None,
    parse_int=lambda text: int(text) if len(text) < _DIGITS else None,
)
_CLIENT_READER = json.JSONDecoder(
    parse_constant=_no_number, parse_float=_all_read, object_pairs_hook=_once
)
