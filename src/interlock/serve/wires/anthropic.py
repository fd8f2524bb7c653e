"""``POST /v1/messages``: Anthropic's protocol, before a model that speaks OpenAI's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.stream import Stream
from interlock.serve.strict_json import read_json
from interlock.serve.wire_error import WireError, bad_request
from interlock.serve.wires.parts import Parts, Step
from interlock.serve.wires.translated import Given, listed, same
from interlock.serve.wires.wire import event

_ENDS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"} | {
    413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error"
}  # fmt: skip
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


class Messages:
    """Blocks of text, calls of tools and their results; others by the chat's policies."""

    path = "/v1/messages"
    answers = True

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request as a chat's."""
        given = Given(body)
        given.drop("service_tier")
        thinking = given.take("thinking")
        if thinking is not None and thinking != {"type": "disabled"}:
            raise bad_request("leave thinking disabled", "thinking", "unsupported")
        chat = given.renamed(
            same("model", "max_tokens", "temperature", "top_p", "top_k", "stream", "metadata")
            | {"stop_sequences": "stop"}
        )
        if "max_tokens" not in chat:
            raise bad_request("give the most tokens of an answer", "max_tokens")
        system, messages = given.take("system"), list[dict[str, Any]]()
        if system:
            messages.append({"role": "system", "content": _content(system, "system")})
        for i, message in enumerate(listed(given.take("messages"), "messages")):
            messages += _message(Given(message, f"messages[{i}]"))
        tools = given.take("tools")
        if tools is not None:
            named = enumerate(listed(tools, "tools"))
            chat["tools"] = [_tool(tool, f"tools[{i}]") for i, tool in named]
        choice = given.take("tool_choice")
        if choice is not None:
            chat |= _choice(choice)
        given.end()
        return chat | {"messages": messages}

    def whole(self, answered: Answered) -> dict[str, Any]:
        """The ``message``."""
        chat = answered.completion()
        (choice, *_) = chat["choices"]
        return _message_of(answered) | {
            "content": _blocks(choice["message"]),
            "stop_reason": _stop(choice["finish_reason"]),
        }

    async def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """Its events, in order."""
        parts, number, reason = Parts(), -1, None
        yield _event("message_start", message=_message_of(stream.answered))
        yield _event("ping")
        async for piece in stream.pieces(pause):
            if piece is None:
                yield _event("ping")
                continue
            reason = piece[1]["finish_reason"]
            steps = parts.take(piece[1]["delta"]) if reason is None else parts.end()
            for step in steps:
                number += step[0] == "begin"
                yield _block_event(number, step)
        answered, delta = stream.answered, {"stop_reason": _stop(reason), "stop_sequence": None}
        more = {"interlock": answered.about} if stream.live else {}
        yield _event("message_delta", delta=delta, usage=_usage(answered.usage), **more)
        yield _event("message_stop")

    def error(self, error: WireError) -> dict[str, Any]:
        """Anthropic's ``error`` object."""
        plain = "invalid_request_error" if error.status < 500 else "api_error"
        kind = _KINDS.get(error.status, plain)
        body = {name: value for name, value in error.body.items() if name != "error"}
        return {"type": "error", "error": {"type": kind, "message": error.message}, **body}

    def failed(self, error: WireError) -> bytes:
        """The same."""
        return event(self.error(error), "error")


def _message(given: Given) -> list[dict[str, Any]]:
    role, content, where = given.take("role"), given.take("content"), given.where("content")
    given.end()
    if role not in ("user", "assistant"):
        raise bad_request("give the role user or assistant", given.where("role"))
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    results, calls, rest = list[dict[str, Any]](), list[dict[str, Any]](), list[Any]()
    for i, block in enumerate(listed(content, where)):
        here, kind = f"{where}[{i}]", block.get("type") if isinstance(block, Mapping) else None
        if kind == "tool_result" and role == "user":
            results.append(_result(Given(block, here)))
        elif kind == "tool_use" and role == "assistant":
            calls.append(_call(Given(block, here)))
        elif kind not in ("thinking", "redacted_thinking") or role == "user":
            rest.append(block)  # thinking of an earlier turn is not sent on
    message: dict[str, Any] = {"role": role}
    if rest or role == "assistant":
        message["content"] = _content(rest, where) if rest else None
        return [*results, message | ({"tool_calls": calls} if calls else {})]
    return results


def _content(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return value
    parts = list[dict[str, Any]]()
    for i, block in enumerate(listed(value, where)):
        here, kind = f"{where}[{i}]", block.get("type") if isinstance(block, Mapping) else None
        if kind != "text":
            # Its policy is that of the chat's; what is passed on speaks OpenAI's.
            parts.append(
                _picture(block) if kind == "image" else {"type": f"{kind}", "block": block}
            )
            continue
        given = Given(block, here)
        given.drop("type", "cache_control", "citations")
        parts.append({"type": "text", "text": given.take("text")})
        given.end()
    return parts


def _picture(block: Mapping[str, Any]) -> dict[str, Any]:
    source = block.get("source")
    given = source if isinstance(source, Mapping) else {}
    data = f"data:{given.get('media_type')};base64,{given.get('data')}"
    return {"type": "image_url", "image_url": {"url": given.get("url") or data}}


def _result(given: Given) -> dict[str, Any]:
    given.drop("type", "cache_control", "is_error")
    content, where = given.take("content"), given.where("content")
    call = given.take("tool_use_id")
    given.end()
    return {"role": "tool", "tool_call_id": call, "content": _content(content or "", where)}


def _call(given: Given) -> dict[str, Any]:
    given.drop("type", "cache_control")
    function = {"name": given.take("name"), "arguments": json.dumps(given.take("input"))}
    call = {"id": given.take("id"), "type": "function", "function": function}
    given.end()
    return call


def _tool(value: Any, where: str) -> Any:
    given = Given(value, where)
    kind = given.take("type")
    if kind not in (None, "custom"):
        return value
    given.drop("cache_control")
    function = given.renamed(same("name", "description", "strict") | {"input_schema": "parameters"})
    given.end()
    return {"type": "function", "function": function}


def _choice(value: Any) -> dict[str, Any]:
    given = Given(value, "tool_choice")
    kind, name = given.take("type"), given.take("name")
    chat: dict[str, Any] = {"parallel_tool_calls": False}
    if not given.take("disable_parallel_tool_use"):
        chat = {}
    given.end()
    if kind == "tool":
        return chat | {"tool_choice": {"type": "function", "function": {"name": name}}}
    if not isinstance(kind, str) or kind not in _CHOICES or name is not None:
        raise bad_request("give auto, any, none, or tool with a name", "tool_choice")
    return chat | {"tool_choice": _CHOICES[kind]}


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts = [message.get("content"), message.get("refusal")]
    blocks = [{"type": "text", "text": text} for text in texts if text]
    for call in message.get("tool_calls") or []:
        function = call["function"]
        try:
            said = read_json(function.get("arguments") or "{}")
        except ValueError:
            said = {"arguments": function["arguments"]}
        head = {"type": "tool_use", "id": call.get("id") or "", "name": function["name"]}
        blocks.append(head | {"input": said})
    return blocks


def _usage(counts: Mapping[str, Any]) -> dict[str, int]:
    return {"input_tokens": counts["prompt_tokens"], "output_tokens": counts["completion_tokens"]}


def _stop(finish: Any) -> str:
    return _ENDS.get(str(finish), "end_turn")


def _message_of(answered: Answered) -> dict[str, Any]:
    """The ``message`` before its first block."""
    return {
        "id": f"msg_{answered.id.removeprefix('chatcmpl-')}",
        "type": "message",
        "role": "assistant",
        "model": answered.completion()["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(answered.usage),
        "interlock": answered.about,
    }


def _event(name: str, **data: Any) -> bytes:
    return event({"type": name, **data}, name)


def _block_event(number: int, step: Step) -> bytes:
    what, part, text = step
    call = part.kind == "call"
    if what == "begin":
        block: dict[str, Any] = {"type": "text", "text": ""}
        if call:
            block = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        return _event("content_block_start", index=number, content_block=block)
    if what == "end":
        return _event("content_block_stop", index=number)
    delta = {"type": "text_delta", "text": text}
    if call:
        delta = {"type": "input_json_delta", "partial_json": text}
    return _event("content_block_delta", index=number, delta=delta)
