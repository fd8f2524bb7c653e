"""``--extra KEY=JSON``: more fields of the body that an address is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from interlock.errors import OptionError


def read_extra(given: Sequence[str]) -> dict[str, Any]:
    """The fields; null as a value leaves a field out.

    Raises:
        OptionError: no KEY=JSON, a number that JSON has not, or a key given twice.
    """
    fields: dict[str, Any] = {}
    for text in given:
        name, parted, value = text.partition("=")
        name = name.strip()
        if not parted or not name:
            raise OptionError(f"extra={text}: give KEY=JSON, such as top_p=0.9")
        if name in fields:
            raise OptionError(f"extra={text}: {name} is given twice")
        try:
            fields[name] = json.loads(
                value, parse_constant=_no_number, object_pairs_hook=_each_once
            )
        except (ValueError, RecursionError) as error:
            hint = f"; text needs quotes: '{name}=\"{value}\"'" if value.isalnum() else ""
            why = "" if isinstance(error, json.JSONDecodeError) else f" ({error})"
            raise OptionError(f"extra={text}: {value!r} is no JSON{why}{hint}") from None
    return fields


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands there twice")
    return fields
