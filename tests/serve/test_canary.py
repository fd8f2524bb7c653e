"""A mark at every place of a request, by a walk that knows none by name: where does it come out?"""

from __future__ import annotations

import asyncio
import copy
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import openai.types.chat.completion_create_params as openai_params
import typing_extensions
from scipy.stats import binom

from interlock.serve.config import read_config
from interlock.serve.deployment import deploy
from interlock.serve.guard import Guard
from interlock.serve.ledger import Ledger
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import YES, InProcess
from tests.serve.test_embedded import card

CANARY = "thecanarythatsingsinthedeepestminesofall"
RATE, COPIES = 0.2, 3
# At least floor(q m) of m characters change, so one change misses the mark with 1 - 40 / m at most.
ALLOWED = int(binom.ppf(1 - 1e-4, COPIES, math.exp(-RATE * (len(CANARY) - 5))))
IDENTITY = {"target": "endpoint", "url": "http://h/v1", "model": "m", "max_tokens": 9}
BASE: Any = {
    "model": "m",
    "messages": [{"role": "user", "content": "how do I fold a kite out of paper?"}],
    "temperature": 0,
    "max_tokens": 9,
}
SCHEMA: Any = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "title": "Order",
    "description": "an order of kites",
    "properties": {
        "colour": {"type": "string", "enum": ["red", "blue"], "default": "red", "pattern": "^r"},
        "size": {"$ref": "#/$defs/Size"},
        "when": {"type": ["string", "null"], "format": "date", "examples": ["2026-01-01"]},
        "many": {"type": "array", "items": {"anyOf": [{"type": "integer", "minimum": 1}]}},
    },
    "required": ["colour", "size"],
    "additionalProperties": False,
    "$defs": {"Size": {"const": "large", "$comment": "as agreed", "maxLength": 9}},
}
RICH: Any = BASE | {
    "messages": [
        {"role": "system", "content": "you sell kites", "name": "shop"},
        {"role": "developer", "content": [{"type": "text", "text": "be kind"}]},
        {"role": "user", "content": [{"type": "text", "text": "a kite, please"}], "name": "Hans"},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "reasoning_content": "he wants a kite",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "sell", "arguments": '{"colour": "red", "n": [1, true]}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "it is sold"},
        {"role": "user", "content": "thank you very much, and a second one"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "sell", "description": "sells", "parameters": SCHEMA},
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "sell"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "order", "description": "it", "schema": SCHEMA, "strict": True},
    },
    "stop": ["###"],
    "user": "hans",
    "metadata": {"shop": "north"},
    "logit_bias": {"50256": -100},
    "stream_options": {"include_usage": True},
    "seed": 7,
}


def least(kind: Any) -> Any:
    """A value of the type, without the mark."""
    origin = get_origin(kind)
    if origin in (typing_extensions.Required, typing_extensions.NotRequired):
        return least(get_args(kind)[0])
    if origin is Literal:
        return get_args(kind)[0]
    if origin in (Union, UnionType):
        return least(get_args(kind)[0])
    if typing_extensions.is_typeddict(kind):
        return {k: least(v) for k, v in hints(kind).items() if k in kind.__required_keys__}
    simple = {str: "x", int: 1, float: 1.0, bool: True, type(None): None}
    if kind in simple:
        return simple[kind]
    return {} if origin is dict else []


def hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=False)


def marked(kind: Any, depth: int = 0) -> Iterator[Any]:
    """Values of the type, each with the mark at one place; and at places that the type has not."""
    origin, inside = get_origin(kind), get_args(kind)
    if depth > 9:
        return
    if origin in (typing_extensions.Required, typing_extensions.NotRequired):
        yield from marked(inside[0], depth)
    elif origin in (Union, UnionType):
        for one in inside:
            yield from marked(one, depth + 1)
    elif typing_extensions.is_typeddict(kind):
        base = least(kind)
        for key, one in hints(kind).items():
            yield from (base | {key: value} for value in marked(one, depth + 1))
        yield base | {"note": CANARY}
        yield base | {CANARY: "x"}
    elif origin is dict or kind is object:
        yield from ({"k": CANARY}, {CANARY: "v"}, {"description": CANARY}, {"k": {"k": [CANARY]}})
    elif kind is str or origin is Literal:
        yield CANARY
    elif inside:
        yield from ([value] for value in marked(inside[0], depth + 1))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def changed_at(request: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    """The request with the mark in place of a value, and of its key, and beside it."""
    for how in ("value", "key", "beside", "in a list", "in a text"):
        whole = copy.deepcopy(request)
        at = whole
        for key in path[:-1]:
            at = at[key]
        old = at[path[-1]]
        if how == "value":
            at[path[-1]] = CANARY
        elif how == "key" and isinstance(at, dict):
            at[CANARY] = at.pop(path[-1])
        elif how == "beside" and isinstance(old, dict):
            old["note"] = CANARY
        elif how == "in a list" and isinstance(old, list):
            old.append(CANARY)
        elif how == "in a text" and isinstance(old, str):
            at[path[-1]] = f'{{"a": "{CANARY}"}}' if old[:1] == "{" else f"{old} {CANARY}"
        else:
            continue
        yield whole


def requests() -> Iterator[Any]:
    kind = openai_params.CompletionCreateParamsNonStreaming
    for key, one in hints(kind).items():
        for value in marked(one):
            if key == "messages":
                yield BASE | {key: [*value, *BASE["messages"]]}
            else:
                yield BASE | {key: value}
    for path in places(RICH):
        if path:
            yield from changed_at(RICH, path)


class Recorder(InProcess):
    async def ask(self, call: Any, on_text: Any) -> Any:
        self.bodies.append(json.dumps(call.body))
        on_text(YES)
        from interlock.serve.completion import Completion

        return Completion(message={"role": "assistant", "content": YES}, finish_reason="stop")


def guard_of(folder: Path, **policy: Any) -> tuple[Guard, Recorder]:
    made = card(
        target_identity=IDENTITY | {"temperature": 0.0}, perturbation="swap", rate=RATE,
        copies=COPIES, majority=(COPIES + 1) // 2,
    )  # fmt: skip
    given = {
        "upstream": "http://h/v1",
        "certificate": str(made.save(folder / "card.json")),
        "ledger": {"url": f"sqlite:///{folder}/ledger.sqlite"},
        "policy": policy,
    }
    config = read_config(None, given)
    recorder = Recorder(lambda _: YES)
    deployment = replace(deploy(config), upstream=recorder)
    guard = Guard(config, deployment, Ledger(config.ledger.url))

    async def record(*_: Any) -> None:
        """Nothing is looked for on disk here."""

    guard.ledger.record = record  # type: ignore[method-assign]
    return guard, recorder


async def counted(guard: Guard, recorder: Recorder, request: Any) -> tuple[Any, int, bool]:
    """The answer, the copies in which the mark survived, and whether the original was asked."""
    recorder.bodies.clear()
    try:
        answered = await guard.answer(json.dumps(request).encode(), "r")
    except WireError as error:
        return error, sum(CANARY in body for body in recorder.bodies), False
    whole = json.dumps(answered.request.original.body)
    copies = [body for body in recorder.bodies if body != whole]
    assert len(recorder.bodies) - len(copies) <= answered.request.n
    return answered, sum(CANARY in body for body in copies), len(copies) < len(recorder.bodies)


def test_the_mark_survives_in_no_more_copies_than_the_perturbation_allows(tmp_path: Path) -> None:
    guard, recorder = guard_of(tmp_path)
    claimed = refused = voted = 0

    async def go() -> None:
        nonlocal claimed, refused, voted
        for request in requests():
            answer, survived, _ = await counted(guard, recorder, request)
            # By default nothing is passed on, so this holds whether or not the claim is made.
            assert survived <= ALLOWED, request
            if isinstance(answer, WireError):
                assert answer.status in (400, 404), request
                assert recorder.bodies == []
                refused += 1
            else:
                voted += 1
                claimed += bool(answer.about["certificate_applies"])
        plain = await guard.answer(json.dumps(BASE).encode(), "r")
        assert plain.about["certificate_applies"]
        await guard.aclose()

    asyncio.run(go())
    assert ALLOWED <= 1
    assert claimed >= 5
    assert voted >= 60
    assert refused >= 200


def test_the_mark_passes_only_where_the_answer_says_so(tmp_path: Path) -> None:
    """With every channel that can be passed on passed on."""
    from interlock.serve.channels import CHANNELS

    passed = {name: "pass" for name, channel in CHANNELS.items() if "pass" in channel.choices}
    guard, recorder = guard_of(tmp_path, **passed, extra=["note", "messages.note", "content.note"])
    through = 0

    async def go() -> None:
        nonlocal through
        for request in list(requests())[::3]:
            answer, survived, _ = await counted(guard, recorder, request)
            if survived > ALLOWED and not isinstance(answer, WireError):
                through += 1
                assert not answer.about["certificate_applies"], request
                assert any("passed on unguarded" in why for why in answer.about["because"]), request
        await guard.aclose()

    asyncio.run(go())
    assert through > 20
