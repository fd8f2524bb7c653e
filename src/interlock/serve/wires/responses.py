"""``POST /v1/responses``: OpenAI's Responses, without state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from interlock.serve.answered import Answered
from interlock.serve.stream import Stream
from interlock.serve.wire_error import WireError, bad_request
from interlock.serve.wires.parts import Part, Parts, Step
from interlock.serve.wires.translated import Given, listed, same
from interlock.serve.wires.wire import COMMENT, event

_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_STATE = ("previous_response_id", "conversation", "background", "prompt")


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

    async def events(self, stream: Stream, pause: float) -> AsyncIterator[bytes]:
        """Its events, in order."""
        output, parts, number = _Output(stream.answered.id), Parts(), 0
        begun = _response(stream.answered, []) | {"status": "in_progress", "usage": None}
        begun |= {"incomplete_details": None}
        for name in ("response.created", "response.in_progress"):
            yield _event(name, number, {"response": begun})
            number += 1
        try:
            async for piece in stream.pieces(pause):
                if piece is None:
                    yield COMMENT
                    continue
                ended = piece[1]["finish_reason"] is not None
                for step in parts.end() if ended else parts.take(piece[1]["delta"]):
                    for name, data in output.events(step):
                        yield _event(name, number, data)
                        number += 1
        except WireError as error:
            yield _failed(error, number)
            return
        for name, data in output.end():
            yield _event(name, number, data)
            number += 1
        whole = _response(stream.answered, output.items)
        yield _event(f"response.{whole['status']}", number, {"response": whole})

    def error(self, error: WireError) -> dict[str, Any]:
        """OpenAI's ``error`` object."""
        return error.body

    def failed(self, error: WireError) -> bytes:
        """The event ``error``, with that object beside what Responses have there."""
        return _failed(error, 0)


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


def _event(name: str, number: int, data: Mapping[str, Any]) -> bytes:
    return event({"type": name, "sequence_number": number, **data}, name)


def _failed(error: WireError, number: int) -> bytes:
    said = {"code": error.code, "message": error.message, "param": error.param}
    return _event("error", number, said | error.body)


class _Output:
    """The items of a response that is being streamed."""

    def __init__(self, answer_id: str) -> None:
        self.items: list[dict[str, Any]] = []
        """Those that have begun; the last may be open."""
        self._number, self._open = answer_id.removeprefix("chatcmpl-"), False

    def events(self, step: Step) -> Iterator[tuple[str, dict[str, Any]]]:
        """What a step looks like."""
        what, part, text = step
        yield from (self._call if part.kind == "call" else self._said)(what, part, text)

    def end(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The end of the item that is open."""
        if self._open:
            self._open = False
            self.items[-1]["status"] = "completed"
            yield "response.output_item.done", self._at() | {"item": dict(self.items[-1])}

    def _at(self) -> dict[str, Any]:
        return {"output_index": len(self.items) - 1}

    def _begin(self, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from self.end()
        self.items.append(item | {"status": "in_progress"})
        self._open = True
        yield "response.output_item.added", self._at() | {"item": dict(self.items[-1])}

    def _call(self, what: str, part: Part, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if what == "begin":
            call = {"type": "function_call", "id": f"fc_{self._number}_{len(self.items)}"}
            call |= {"call_id": part.id, "name": part.name, "arguments": ""}
            yield from self._begin(call)
            return
        at = self._at() | {"item_id": self.items[-1]["id"]}
        name = "response.function_call_arguments"
        if what == "more":
            yield f"{name}.delta", at | {"delta": text}
            return
        self.items[-1]["arguments"] = part.text
        yield f"{name}.done", at | {"name": part.name, "arguments": part.text}
        yield from self.end()

    def _said(self, what: str, part: Part, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if what == "begin" and not self._open:
            head = {"type": "message", "id": f"msg_{self._number}", "role": "assistant"}
            if self.items:
                head["id"] += f"_{len(self.items)}"
            yield from self._begin(head | {"content": []})
        content = self.items[-1]["content"]
        refusal = part.kind == "refusal"
        key, name = (part.kind, "response.refusal") if refusal else ("text", "response.output_text")
        blank: dict[str, Any] = {"type": name.removeprefix("response."), key: ""}
        blank |= {} if refusal else {"annotations": [], "logprobs": []}
        more: dict[str, Any] = {} if refusal else {"logprobs": []}
        place = len(content) if what == "begin" else len(content) - 1
        at = self._at() | {"item_id": self.items[-1]["id"], "content_index": place}
        if what == "begin":
            content.append(blank)
            yield "response.content_part.added", at | {"part": dict(blank)}
        elif what == "more":
            yield f"{name}.delta", at | {"delta": text} | more
        else:
            content[-1][key] = part.text
            yield f"{name}.done", at | {key: part.text} | more
            yield "response.content_part.done", at | {"part": dict(content[-1])}
