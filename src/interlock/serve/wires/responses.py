"""``POST /v1/responses``: OpenAI's Responses, without state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.wire_error import WireError, bad_request
from interlock.serve.wires.translated import Given, listed, same
from interlock.serve.wires.wire import event

_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_STATE = ("previous_response_id", "conversation", "background", "prompt")
PIECE = 48
"""Characters of one delta."""


class Responses:
    """A response is kept nowhere: what refers to an earlier one is refused."""

    path = "/v1/responses"
    answers = True

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The items of the input as messages of a chat."""
        given = Given(body)
        given.refuse("this guard keeps no state; send the whole input", *_STATE)
        given.drop("store", "include", "truncation")
        chat = given.renamed(
            same(
                "model", "temperature", "top_p", "stream", "parallel_tool_calls", "metadata",
                "user", "safety_identifier", "prompt_cache_key", "service_tier", "top_logprobs",
            )
            | {"max_output_tokens": "max_completion_tokens"}
        )  # fmt: skip
        instructions, items = given.take("instructions"), given.take("input")
        messages = [] if instructions is None else [{"role": "system", "content": instructions}]
        chat["messages"] = messages + _messages(items)
        options = {
            "tools": _tools(given.take("tools")),
            "tool_choice": _choice(given.take("tool_choice")),
            **_text(given.take("text")),
            **_reasoning(given.take("reasoning")),
        }
        given.end()
        return chat | {name: value for name, value in options.items() if value is not None}

    def whole(self, answered: Answered) -> dict[str, Any]:
        """The ``response``."""
        return _response(answered, _items(answered))

    def events(self, answered: Answered) -> Iterator[bytes]:
        """Its events, in order."""
        for number, (name, data) in enumerate(_events(answered)):
            yield event({"type": name, "sequence_number": number, **data}, name)

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body


def _messages(items: Any) -> list[dict[str, Any]]:
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    messages = list[dict[str, Any]]()
    for i, item in enumerate(listed(items, "input")):
        given = Given(item, f"input[{i}]")
        kind = given.take("type") or "message"
        given.drop("id", "status")
        if kind == "message":
            messages.append(_message(given))
        elif kind == "function_call":
            function = {"name": given.take("name"), "arguments": given.take("arguments")}
            call = {"id": given.take("call_id"), "type": "function", "function": function}
            last = messages[-1] if messages else {}
            if last.get("role") == "assistant" and "tool_calls" in last:
                last["tool_calls"].append(call)
            else:
                messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        elif kind == "function_call_output":
            output, where = given.take("output"), given.where("output")
            content = output if isinstance(output, str) else _parts(output, where)
            call_id = given.take("call_id")
            messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
        elif kind == "reasoning":
            continue  # the model's own of an earlier turn: not sent on
        else:
            raise bad_request(f"items of type {kind!r} cannot be guarded", given.where("type"))
        given.end()
    return messages


def _message(given: Given) -> dict[str, Any]:
    given.drop("phase")
    content, where = given.take("content"), given.where("content")
    parts = content if isinstance(content, str) else _parts(content, where)
    return {"role": given.take("role"), "content": parts}


def _parts(value: Any, where: str) -> list[dict[str, Any]]:
    parts = []
    for i, part in enumerate(listed(value, where)):
        here = f"{where}[{i}]"
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(kind, str):
            raise bad_request("give an object with a type", here)
        if kind not in _PARTS:
            parts.append(dict(part))  # its policy is that of the chat's
            continue
        given, key = Given(part, here), _PARTS[kind]
        given.drop("type", "annotations", "logprobs")
        parts.append({"type": key, key: given.take(key)})
        given.end()
    return parts


def _tools(value: Any) -> list[Any] | None:
    if value is None:
        return None
    tools = list[Any]()
    for tool in listed(value, "tools"):
        if isinstance(tool, Mapping) and tool.get("type") == "function":
            function = {name: one for name, one in tool.items() if name != "type"}
            tools.append({"type": "function", "function": function})
        else:
            tools.append(tool)
    return tools


def _choice(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    given = Given(value, "tool_choice")
    named = {"type": given.take("type"), "function": {"name": given.take("name")}}
    given.end()
    return named


def _text(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    given = Given(value, "text")
    form, verbosity = given.take("format"), given.take("verbosity")
    given.end()
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        inside = {name: one for name, one in form.items() if name != "type"}
        form = {"type": "json_schema", "json_schema": inside}
    elif isinstance(form, Mapping) and form.get("type") == "text":
        form = None
    return {"response_format": form, "verbosity": verbosity}


def _reasoning(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    given = Given(value, "reasoning")
    given.drop("summary", "generate_summary")
    effort = given.take("effort")
    given.end()
    return {"reasoning_effort": effort}


def _items(answered: Answered) -> list[dict[str, Any]]:
    (choice, *_) = answered.completion()["choices"]
    message, number = choice["message"], answered.id.removeprefix("chatcmpl-")
    items, content = list[dict[str, Any]](), list[dict[str, Any]]()
    if message.get("content"):
        text = {"type": "output_text", "text": message["content"], "annotations": []}
        content.append(text | {"logprobs": []})
    if message.get("refusal"):
        content.append({"type": "refusal", "refusal": message["refusal"]})
    if content:
        head = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
        items.append(head | {"status": "completed", "content": content})
    for i, call in enumerate(message.get("tool_calls") or []):
        head = {"type": "function_call", "id": f"fc_{number}_{i}", "call_id": call.get("id") or ""}
        items.append(head | dict(call["function"]) | {"status": "completed"})
    return items


def _response(answered: Answered, output: list[dict[str, Any]]) -> dict[str, Any]:
    chat = answered.completion()
    finish, usage = chat["choices"][0]["finish_reason"], chat["usage"]
    reasons = {"content_filter": "content_filter", "length": "max_output_tokens"}
    reason = reasons.get(str(finish))
    body = answered.request.original.body
    return {
        "id": f"resp_{answered.id.removeprefix('chatcmpl-')}",
        "object": "response",
        "created_at": answered.created,
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "model": chat["model"],
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "temperature": body.get("temperature"),
        "tool_choice": "auto",
        "tools": [],
        "top_p": body.get("top_p"),
        "store": False,
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
        "interlock": answered.about,
    }


def _events(answered: Answered) -> Iterator[tuple[str, dict[str, Any]]]:
    items = _items(answered)
    begun = _response(answered, []) | {"status": "in_progress", "incomplete_details": None}
    begun |= {"usage": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for i, item in enumerate(items):
        at = {"output_index": i, "item_id": item["id"]}
        empty: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
        added = item | {"status": "in_progress"} | empty
        yield "response.output_item.added", {"output_index": i, "item": added}
        if item["type"] == "function_call":
            said = item["arguments"]
            yield "response.function_call_arguments.delta", at | {"delta": said}
            done = at | {"name": item["name"], "arguments": said}
            yield "response.function_call_arguments.done", done
        for number, part in enumerate(item.get("content", ())):
            yield from _part(at | {"content_index": number}, part)
        yield "response.output_item.done", {"output_index": i, "item": item}
    whole = _response(answered, items)
    yield f"response.{whole['status']}", {"response": whole}


def _part(at: dict[str, Any], part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    key = "text" if part["type"] == "output_text" else "refusal"
    name, text = f"response.{part['type']}", part[key]
    more: dict[str, Any] = {"logprobs": []} if key == "text" else {}
    yield "response.content_part.added", at | {"part": part | {key: ""}}
    for start in range(0, len(text), PIECE):
        yield f"{name}.delta", at | {"delta": text[start : start + PIECE]} | more
    yield f"{name}.done", at | {key: text} | more
    yield "response.content_part.done", at | {"part": part}
