"""JSON that everybody can read: no NaN or Infinity, and torn surrogates only as escapes."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from starlette.responses import JSONResponse


def read_json(text: str | bytes) -> Any:
    """What the text says; all of it can be written again as JSON.

    Raises:
        ValueError: it is not JSON, holds a number beyond a float's range, or is nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        return _READER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


class PlainResponse(JSONResponse):
    """In ASCII: half an emoji, which models do write, has no other form."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _no_number(text: str) -> float:
    raise ValueError(f"{text}: no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)


# One for all: json.loads would make a new one at each call, and each chunk of each copy is read.
_READER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
