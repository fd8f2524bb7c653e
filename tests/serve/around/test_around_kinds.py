"""Values of another kind at every place of a request, on every wire: 400 or an answer, never a fault."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serve.around.attempts import (
    CHAT,
    KITE,
    MESSAGES,
    RESPONSES,
    Attempt,
    call,
    chat,
    loop,
    tags,
    tool,
    user,
)
from tests.serve.around.gullible import ATTACK
from tests.serve.around.test_around import run
from tests.serve.test_canary import RICH, SCHEMA, places

COMPLETIONS, DECISIONS = "/v1/completions", "/v1/decisions"
LITELLM = "/beta/litellm_basic_guardrail_api"
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": '{"at": 1}'}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "done"}
USE = {"type": "tool_use", "id": "c", "name": "look", "input": {"at": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "c", "content": "done"}
FULL: dict[str, Any] = {
    CHAT: RICH,
    DECISIONS: chat(*loop("x"), metadata={"a": "b"}),
    COMPLETIONS: {
        "model": "m", "prompt": [KITE], "stop": ["#"], "n": 1, "seed": 1, "user": "u",
        "logit_bias": {"4": 1}, "stream_options": {"include_usage": True},
    },
    RESPONSES: {
        "model": "m",
        "instructions": "be kind",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": KITE}]}, CALL, OUTPUT],
        "tools": [{"type": "function", "name": "look", "parameters": SCHEMA}],
        "tool_choice": {"type": "function", "name": "look"},
        "text": {"format": {"type": "json_schema", "name": "f", "schema": SCHEMA}},
        "reasoning": {"effort": "low"},
        "metadata": {"a": "b"},
    },
    MESSAGES: {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "be kind"}],
        "messages": [
            user([{"type": "text", "text": KITE}]),
            {"role": "assistant", "content": [USE]},
            user([RESULT]),
        ],
        "tools": [{"name": "look", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "look"},
        "stop_sequences": ["#"],
        "metadata": {"user_id": "u"},
    },
    LITELLM: {
        "input_type": "request", "texts": [KITE], "structured_messages": [user(KITE)],
        "tools": [tool(parameters=SCHEMA)], "tool_calls": [call()], "images": [], "model": "m",
        "additional_provider_specific_params": {"model": "m"},
    },
}  # fmt: skip
ODD: tuple[Any, ...] = ([], {"a": {}}, -0.5)


def of_another_kind() -> Iterator[Attempt]:
    for path, full in FULL.items():
        for place in places(full):
            for odd in ODD if place else ():
                whole = copy.deepcopy(full)
                at = whole
                for key in place[:-1]:
                    at = at[key]
                at[place[-1]] = odd
                yield f"{odd!r} at {place}", path, json.dumps(whole).encode()


def deep() -> Iterator[Attempt]:
    bodies = {
        CHAT: chat(user(KITE), metadata={"a": "HERE"}),
        MESSAGES: {
            "model": "m", "max_tokens": 9,
            "messages": [user(KITE), {"role": "assistant", "content": [USE | {"input": "HERE"}]}],
        },
        LITELLM: FULL[LITELLM] | {"structured_messages": ["HERE"]},
    }  # fmt: skip
    for path, body in bodies.items():
        for levels in (*range(430, 500, 7), 100_000):
            inside = "[" * levels + "]" * levels
            content = json.dumps(body).replace('"HERE"', inside)
            yield f"{levels} levels", path, content.encode()
    for levels in (150, 250, 450, 900):
        inside = "[" * levels + "]" * levels
        yield (
            f"{levels} levels of arguments",
            CHAT,
            json.dumps(chat(*loop("x", arguments=inside))).encode(),
        )


def test_no_value_of_another_kind_is_a_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [*of_another_kind(), *deep()]
    assert len(asked) > 500
    with caplog.at_level(logging.ERROR):
        answers = run(tmp_path, asked)
    odd = [(name, a.status_code) for name, a in answers if a.status_code not in (200, 400, 404)]
    assert odd == []
    assert caplog.records == []


def unaltered() -> Iterator[tuple[str, Any]]:
    """What the guard would take off or out of a request that it sends on itself."""
    yield "hidden", chat(user(KITE + tags(ATTACK)))
    yield "hidden in a result", chat(*loop("done" + tags(ATTACK)))
    yield "hidden behind escapes", chat(*loop("x", arguments=json.dumps({"at": tags(ATTACK)})))
    yield "id of a call", chat(*loop("x", id=ATTACK))
    yield (
        "annotations",
        chat({"role": "assistant", "content": "x", "annotations": [ATTACK]}, user(KITE)),
    )
    yield (
        "index of a call",
        chat(
            user(KITE),
            {"role": "assistant", "tool_calls": [call() | {"index": ATTACK}]},
            user(KITE),
        ),
    )


def test_what_another_sends_on_is_not_released_for_what_the_guard_would_leave_out(
    tmp_path: Path,
) -> None:
    asked = [(name, DECISIONS, json.dumps(body).encode()) for name, body in unaltered()]
    for name, body in unaltered():
        content = {"input_type": "request", "model": "m", "structured_messages": body["messages"]}
        asked.append((name, LITELLM, json.dumps(content).encode()))
    assert [(name, a.text) for name, a in run(tmp_path, asked) if a.status_code != 400] == []


@pytest.mark.parametrize("more", [{"user": ATTACK}, {"metadata": {"note": ATTACK}}])
def test_no_claim_for_a_decision_on_what_the_guard_would_drop(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    asked = [(DECISIONS, DECISIONS, json.dumps(chat(**more)).encode())]
    asked += [(CHAT, CHAT, asked[0][2])]
    (_, decided), (_, answered) = run(tmp_path, asked)
    assert any("passed on unguarded" in why for why in decided.json()["interlock"]["because"])
    assert not any("passed on" in why for why in answered.json()["interlock"]["because"])


def test_a_schemas_address_is_voted_on_where_another_sends_it(tmp_path: Path) -> None:
    schema = tool(parameters={"$schema": ATTACK})
    asked = [(p, p, json.dumps(chat(tools=[schema])).encode()) for p in (CHAT, DECISIONS)]
    (_, answered), (_, decided) = run(tmp_path, asked)
    assert answered.json()["interlock"]["outcome"] == "released"  # it is left out
    assert decided.json()["decision"] == "refuse"


def test_digits_beyond_a_float_are_voted_on(tmp_path: Path) -> None:
    """Of a number as it was written copies had only what a float holds, and the model all of it."""
    from interlock.serve.chat import ChatRequest

    written = "0." + "".join(f"{ord(c):03}" for c in ATTACK)
    request = ChatRequest.of(chat(*loop("x", arguments=f'{{"at": {written}}}')))
    assert any(written in leaf.text for leaf in request.leaves)
    plain = ChatRequest.of(
        chat(*loop("x", arguments='{"at": 0.30000000000000004, "to": -2.5e-300}'))
    )
    assert [leaf.text for leaf in plain.leaves if leaf.kind == "value"] == [
        "0.30000000000000004",
        "-2.5e-300",
    ]
    body = json.dumps(chat(temperature=0.5)).replace("0.5", "0.5" + "0" * 40)
    assert run(tmp_path, [("long", CHAT, body.encode())])[0][1].status_code == 400
