"""Where a client can write a text, protocol by protocol: each place, with a mark in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARK, UNKNOWN = "themark", "a_new_key"
Fields = Mapping[str, Mapping[str, Any]]
"""By the place's name, as the protocol's own documentation has it: the keys of a request in which
the mark stands there."""

_URL = f"https://h/{MARK}.png"
_ARGUMENTS = f'{{"to": "{MARK}"}}'
_TOOL: Any = {"name": "sell", "description": MARK}
_SCHEMA: Any = {"name": "order", "schema": {"type": "object", "description": MARK}}
_HELLO: Any = {"role": "user", "content": "hello"}


def _said(role: str, content: Any = MARK, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content, **more}, _HELLO]}


def _part(role: str = "user", **part: Any) -> dict[str, Any]:
    return _said(role, [{"type": "text", "text": "see"}, part])


def _called(arguments: str, **names: str) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "sell", "arguments": arguments}}
    return _said("assistant", None, tool_calls=[call], **names)


CHAT: Fields = {
    "`messages[]`, role `user`": _said("user"),
    "`messages[]`, role `system`": _said("system"),
    "`messages[]`, role `developer`": _said("developer"),
    "`messages[]`, role `assistant`": _said("assistant"),
    "`refusal`, `reasoning_content` there": _said("assistant", "yes", reasoning_content=MARK),
    "`tool_calls[].function.arguments` there": _called(_ARGUMENTS),
    "`messages[]` that end with role `assistant`": {
        "messages": [_HELLO, {"role": "assistant", "content": MARK}]
    },
    "`messages[]`, role `tool`": _said("tool", tool_call_id="c1"),
    "`messages[].name`": _said("user", "hi", name=MARK),
    "parts of type `image_url`": _part(type="image_url", image_url={"url": _URL}),
    "parts of type `input_audio`": _part(type="input_audio", input_audio={"data": MARK}),
    "parts of type `file`": _part(type="file", file={"file_id": MARK}),
    "parts of any other type": _part(type="video", video=MARK),
    "`tools[]` of type `function`": {"tools": [{"type": "function", "function": _TOOL}]},
    "`tools[]` of any other type": {"tools": [{"type": "web_search", "note": MARK}]},
    "`tool_choice`, a name": {"tool_choice": {"type": "function", "function": {"name": MARK}}},
    "`response_format`, a schema": {
        "response_format": {"type": "json_schema", "json_schema": _SCHEMA}
    },
    "`prediction`": {"prediction": {"type": "content", "content": MARK}},
    "`documents`": {"documents": [{"title": MARK}]},
    "`stop`": {"stop": [MARK]},
    "`metadata`": {"metadata": {"k": MARK}},
    "`user`": {"user": MARK},
    "`safety_identifier`": {"safety_identifier": MARK},
    "`prompt_cache_key`": {"prompt_cache_key": MARK},
    "`audio`": {"audio": {"voice": MARK}},
    "any other key": {UNKNOWN: MARK},
}

COMPLETIONS: Fields = {
    "`prompt`": {"prompt": MARK},
    "`suffix`": {"suffix": MARK},
    "`stop`": {"stop": [MARK]},
    "`user`": {"user": MARK},
    "any other key": {UNKNOWN: MARK},
}


def _items(*items: Any) -> dict[str, Any]:
    return {"input": [*items, _HELLO]}


def _input(**part: Any) -> dict[str, Any]:
    return _items({"role": "user", "content": [{"type": "input_text", "text": "see"}, part]})


RESPONSES: Fields = {
    "`input`, a text": {"input": MARK},
    "`input[]`, messages of `user`": _items({"role": "user", "content": MARK}),
    "`instructions`": {"instructions": MARK},
    "`input[]`, messages of `developer`": _items({"role": "developer", "content": MARK}),
    "`input[]`, messages of `assistant`": _items({"role": "assistant", "content": MARK}),
    "`input[]` of type `function_call`": _items(
        {"type": "function_call", "call_id": "c1", "name": "sell", "arguments": _ARGUMENTS}
    ),
    "`input[]` of type `function_call_output`": _items(
        {"type": "function_call_output", "call_id": "c1", "output": MARK}
    ),
    "`input[]` of type `reasoning`": _items(
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": MARK}]}
    ),
    "`input[]` of any other type": _items({"type": "item_reference", "note": MARK}),
    "parts of type `input_image`": _input(type="input_image", image_url=_URL),
    "parts of type `input_audio`": _input(type="input_audio", input_audio={"data": MARK}),
    "parts of type `input_file`": _input(type="input_file", file_id=MARK),
    "`tools[]` of type `function`": {"tools": [{"type": "function", **_TOOL}]},
    "`tools[]` of any other type": {"tools": [{"type": "web_search", "note": MARK}]},
    "`tool_choice`, a name": {"tool_choice": {"type": "function", "name": MARK}},
    "`text.format`, a schema": {"text": {"format": {"type": "json_schema", **_SCHEMA}}},
    "`metadata`, `user`, `safety_identifier`, `prompt_cache_key`": {"metadata": {"k": MARK}},
    "`previous_response_id`, `conversation`, `prompt`": {"previous_response_id": MARK},
    "any other key": {UNKNOWN: MARK},
}


def _block(role: str = "user", **block: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": [block]}, _HELLO]}


MESSAGES: Fields = {
    "`messages[]`, role `user`": _said("user"),
    "`system`": {"system": MARK},
    "`messages[]`, role `assistant`": _said("assistant"),
    "`messages[]` that end with role `assistant`": {
        "messages": [_HELLO, {"role": "assistant", "content": MARK}]
    },
    "blocks of type `thinking`": _block("assistant", type="thinking", thinking=MARK),
    "blocks of type `tool_use`": _block(
        "assistant", type="tool_use", id="c1", name="sell", input={"to": MARK}
    ),
    "blocks of type `tool_result`": _block(type="tool_result", tool_use_id="c1", content=MARK),
    "blocks of type `image`": _block(type="image", source={"type": "url", "url": _URL}),
    "blocks of any other type, as `document`": _block(type="document", source={"data": MARK}),
    "`tools[]`": {"tools": [{"name": "sell", "description": MARK, "input_schema": {}}]},
    "`tools[]` with another `type`": {"tools": [{"type": "web_search_1", "name": MARK}]},
    "`tool_choice`, a name": {"tool_choice": {"type": "tool", "name": MARK}},
    "`stop_sequences`": {"stop_sequences": [MARK]},
    "`metadata`": {"metadata": {"user_id": MARK}},
    "any other key": {UNKNOWN: MARK},
}

LITELLM: Fields = {
    "`structured_messages[]`, role `user`": {
        "structured_messages": [{"role": "user", "content": MARK}]
    },
    "`structured_messages[]`, role `system`": {
        "structured_messages": [{"role": "system", "content": MARK}, _HELLO]
    },
    "`texts[]`": {"texts": [MARK]},
    "`tools[]`": {"tools": [{"type": "function", "function": _TOOL}]},
    "`tool_calls[]` without messages": {"structured_messages": [], "tool_calls": [{"id": MARK}]},
    "`images[]` without messages": {"structured_messages": [], "images": [_URL]},
    "`litellm_call_id`, `request_data`, `request_headers`": {"request_data": {"note": MARK}},
    "any other key": {UNKNOWN: MARK},
}

FIELDS: Mapping[str, Fields] = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": COMPLETIONS,
    "/v1/responses": RESPONSES,
    "/v1/messages": MESSAGES,
    "/v1/decisions": CHAT,
    "/beta/litellm_basic_guardrail_api": LITELLM,
}
"""By the protocol's path."""
BASES: Mapping[str, Mapping[str, Any]] = {
    "/v1/chat/completions": {"model": "m", "messages": [_HELLO]},
    "/v1/completions": {"model": "m", "prompt": "hello"},
    "/v1/responses": {"model": "m", "input": "hello"},
    "/v1/messages": {"model": "m", "max_tokens": 9, "messages": [_HELLO]},
    "/v1/decisions": {"model": "m", "messages": [_HELLO]},
    "/beta/litellm_basic_guardrail_api": {
        "model": "m",
        "input_type": "request",
        "structured_messages": [_HELLO],
        "texts": ["hello"],
    },
}
"""A request that says hello."""
