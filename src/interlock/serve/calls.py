"""Calls of tools as servers send them, in the form that clients of OpenAI's protocol read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CallPlaces:
    """Puts the pieces of streamed calls in their places, from 0 on without a gap.

    Servers number calls from 0 or from 1, with gaps, all of them 0, or not at all. A piece with
    another id, or without one under another name, begins another call.
    """

    _places: dict[Any, int] = field(default_factory=dict)  # by the server's number
    _begun: list[tuple[str, str]] = field(default_factory=list)  # id and name of each call

    def placed(self, calls: list[Any]) -> list[dict[str, Any]]:
        """The pieces of one delta, each with ``index``; the first of a call is complete.

        Raises:
            ValueError: a piece is no object.
        """
        return [self._placed(call) for call in calls]

    def _placed(self, call: Any) -> dict[str, Any]:
        function = _function(call)
        said, name = _word(call.get("id")), _word(function.get("name"))
        number = call.get("index") if isinstance(call.get("index"), int) else None
        place = self._places.get(number)
        if place is None or self._begins(place, number is None, said, name):
            place = self._places[number] = len(self._begun)
            self._begun.append((said, name))
            return {**_whole(call, ""), "index": place}
        known = self._begun[place]
        self._begun[place] = (known[0] or said, known[1] or name)
        return {**_given(call), "function": _said(function), "index": place}

    def _begins(self, place: int, unnumbered: bool, said: str, name: str) -> bool:
        known_id, known_name = self._begun[place]
        if said and known_id:
            return said != known_id
        if unnumbered:
            return name != ""  # calls that come whole, one after the other
        return bool(name and known_name) and name != known_name


def whole_calls(calls: Any) -> list[dict[str, Any]]:
    """The calls of an answer that came in one piece.

    Raises:
        ValueError: they are no list of objects.
    """
    if not isinstance(calls, list):
        raise ValueError("tool_calls that are no list")
    return [_whole(call, "{}") for call in calls]


def _whole(call: Any, nothing: str) -> dict[str, Any]:
    """A call, or the first piece of one, with all that clients look for."""
    function = {"arguments": nothing, **_said(_function(call))}
    # Clients answer a call by its id; a server that gives none needs none.
    made = {"id": f"call_{secrets.token_hex(8)}", "type": "function"}
    return {**made, **_given(call), "function": function}


def _given(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if value not in (None, "")}


def _function(call: Any) -> Mapping[str, Any]:
    function = (call.get("function") or {}) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        raise ValueError("a call of a tool that is no object")
    return function


def _said(function: Mapping[str, Any]) -> dict[str, Any]:
    """Its fields that say something; arguments are a text."""
    said = {name: value for name, value in function.items() if value is not None}
    if not isinstance(said.get("arguments", ""), str):
        said["arguments"] = json.dumps(said["arguments"])
    return said


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
