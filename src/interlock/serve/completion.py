"""Answers of a chat model: put together from streamed pieces, and cut into pieces again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.certify import Reply
from interlock.certify.targets.wire import finish_of, reply_of, says_withheld, text_of
from interlock.serve.calls import CallPlaces, whole_calls
from interlock.serve.token_logs import TokenLogs

PIECE = 48
"""Characters of one delta where the upstream did not stream."""
_REASONS = ("reasoning_content", "reasoning")
_LISTED = ("content", "refusal")  # fields of an answer whose tokens a server lists
_WHOLE = frozenset({"role", "id", "type", "name", "index"})  # sent once, not piece by piece


class MalformedError(ValueError):
    """What came from upstream is no chat completion, or only half of one."""


@dataclass
class Completion:
    """What one copy was answered."""

    message: dict[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    """Of the tokens of its content and its refusal."""
    usage: dict[str, Any] | None = None
    """As the upstream counts; None where it did not say, as for a call that was cut short."""
    deltas: list[dict[str, Any]] = field(default_factory=list)
    """The choices of the streamed chunks, as they came; empty where it was not streamed."""
    cut: bool = False
    """Whether the call was ended early; the answer goes no further than its verdict needs."""
    places: CallPlaces = field(default_factory=CallPlaces)
    """Of calls of tools in a stream."""
    about: dict[str, Any] = field(default_factory=dict)
    """``model``, ``system_fingerprint``, ``service_tier`` where given."""
    replaced: dict[str, None] = field(default_factory=dict)
    """What a stream said first and then otherwise, in JSON; a client may hold either."""
    alternatives: bool = False
    """Whether ``logprobs`` hold what else might have stood there, which nobody judges."""
    tokens: dict[str, TokenLogs] = field(default_factory=dict)
    """What has come of them, by the field that they are of."""

    @property
    def content(self) -> str:
        """The text of its message, as far as it has come."""
        content = self.message.get("content")
        return content if isinstance(content, str) else ""

    @property
    def text(self) -> str:
        """What a judge reads: all that would be released, reasoning and calls of tools included."""
        message = {name: value for name, value in self.message.items() if value and name != "role"}
        content = message.pop("content", None)
        parts = [f"<think>{message.pop(n)}</think>" for n in _REASONS if n in message]
        parts += [content if isinstance(content, str) else json.dumps(content)] if content else []
        parts += [json.dumps(message)] if message else []
        parts += self.replaced
        return "\n".join(part for part in parts if part.strip())

    def reply(self) -> Reply:
        """As a vote sees it.

        Raises:
            MalformedError: the answer has no end, or is empty.
        """
        if self.finish_reason is None:
            raise MalformedError("the answer ends in the middle")
        if not all(call["function"].get("name") for call in self.message.get("tool_calls") or ()):
            raise MalformedError("a call of a tool without its name")
        try:
            refusal = self.message.get("refusal")
            return reply_of(self.text, refusal, self.finish_reason, self.usage)
        except ValueError as error:
            raise MalformedError(str(error)) from None

    def add_chunk(self, chunk: Any) -> None:
        """Take in one ``chat.completion.chunk``.

        Raises:
            MalformedError: it is none, or reports an error.
        """
        if chunk is None:
            return  # some servers keep a stream open with it
        if says_withheld(chunk):
            self.finish_reason = "content_filter"
            return
        if not isinstance(chunk, dict) or _is_error(chunk):
            raise MalformedError("the stream reports an error")
        self._note(chunk)
        choices = chunk.get("choices") or []  # none in a ping, and in the chunk with the usage
        if not isinstance(choices, list):
            raise MalformedError("choices that are no list")
        for choice in choices:
            if choice is None:
                continue
            delta = (choice.get("delta") or {}) if isinstance(choice, dict) else None
            if not isinstance(delta, dict):
                raise MalformedError("a choice without delta")
            if (choice.get("index") or 0) != 0:
                continue
            calls, finish = delta.get("tool_calls"), _finish(choice)
            delta = _spoken(delta)
            if calls is not None:
                delta["tool_calls"] = _calls(self.places.placed, calls)
            _merge(self.message, {"role": "assistant", **delta}, self.replaced)
            logprobs = self._listed(delta, choice.get("logprobs"))
            self.finish_reason = finish or self.finish_reason
            self.deltas.append({"delta": delta, "logprobs": logprobs, "finish_reason": finish})

    def _listed(self, said: Mapping[str, Any], logprobs: Any) -> dict[str, Any] | None:
        """What may be given of the tokens that came with a part of the answer, and before it."""
        listed, given = logprobs if isinstance(logprobs, dict) else {}, dict[str, Any]()
        for name in _LISTED:
            text = said.get(name)
            if listed.get(name) and name not in self.tokens:
                self.tokens[name] = TokenLogs(self.alternatives)
                text = self.message.get(name)  # with what came before
            if name in self.tokens and (told := self.tokens[name].add(text, listed.get(name))):
                given[name] = told
        if not given:
            return None
        self.logprobs = self.logprobs or {}
        for name, told in given.items():
            self.logprobs.setdefault(name, []).extend(told)
        return given

    @classmethod
    def of_completion(cls, data: Any, alternatives: bool = False) -> Completion:
        """Take in one ``chat.completion``.

        Raises:
            MalformedError: it is none.
        """
        if says_withheld(data):
            return cls(message={"role": "assistant"}, finish_reason="content_filter")
        try:
            choice = data["choices"][0]
            message = choice["message"]
        except (KeyError, IndexError, TypeError, AttributeError):
            raise MalformedError("no choices[0].message") from None
        if not isinstance(message, dict):
            raise MalformedError("no choices[0].message")
        calls, message = message.get("tool_calls"), _spoken(message)
        if calls is not None:
            message["tool_calls"] = _calls(whole_calls, calls)
        answer = cls(
            message={"role": "assistant", **message},
            # A whole answer has come to its end, whether or not the server says why.
            finish_reason=_finish(choice) or "stop",
            alternatives=alternatives,
        )
        answer._listed(answer.message, choice.get("logprobs"))
        answer._note(data)
        return answer

    def _note(self, data: Mapping[str, Any]) -> None:
        if isinstance(data.get("usage"), dict):
            self.usage = data["usage"]
        for name in ("model", "system_fingerprint", "service_tier"):
            if isinstance(data.get(name), str):
                self.about[name] = data[name]

    def pieces(self) -> Iterator[dict[str, Any]]:
        """The choice as ``delta``, ``logprobs`` and ``finish_reason`` of a stream.

        The first carries the role, the last the reason and nothing else.
        """
        yield FIRST
        yield from self.streamed() if self.deltas else self._split()
        yield self.last

    @property
    def last(self) -> dict[str, Any]:
        """The last piece of a stream."""
        return _piece({}, finish=self.finish_reason)

    def streamed(self, start: int = 0, end: int | None = None) -> Iterator[dict[str, Any]]:
        """The pieces between the first and the last that came as ``deltas[start:end]``."""
        for piece in self.deltas[start:end]:
            delta = {k: v for k, v in piece["delta"].items() if k != "role" and v is not None}
            if delta.get("content") == "" and len(delta) == 1:
                continue
            if delta or piece["logprobs"]:
                yield _piece(delta, piece["logprobs"])

    def _split(self) -> Iterator[dict[str, Any]]:
        message = {k: v for k, v in self.message.items() if k != "role" and v is not None}
        content = message.pop("content", None)
        listed = self.logprobs
        if listed is not None:  # tokens and text stay together
            told = {"content": content, "refusal": message.pop("refusal", None)}
            yield _piece({name: text for name, text in told.items() if text is not None}, listed)
        elif isinstance(content, str):
            for start in range(0, len(content), PIECE):
                yield _piece({"content": content[start : start + PIECE]})
        if "tool_calls" in message:
            calls = message["tool_calls"]
            message["tool_calls"] = [{"index": i, **call} for i, call in enumerate(calls)]
        if message:
            yield _piece(message)


def _is_error(chunk: Mapping[str, Any]) -> bool:
    """As servers report one in the middle of a stream."""
    bare = "choices" not in chunk and bool(chunk.get("message"))
    return bool(chunk.get("error")) or "error" in (chunk.get("object"), chunk.get("type")) or bare


def _finish(choice: Mapping[str, Any]) -> str | None:
    try:
        return finish_of("error" if choice.get("error") else choice.get("finish_reason"))
    except ValueError as error:
        raise MalformedError(str(error)) from None


def _spoken(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message or a delta with its content as text; who speaks is known."""
    spoken = {name: value for name, value in message.items() if name != "role"}
    content = spoken.get("content")
    if isinstance(content, list | dict):
        spoken["content"] = text_of(content)
    elif content is not None and not isinstance(content, str):
        raise MalformedError("content that is no text")
    return spoken


def _calls(read: Callable[[Any], list[dict[str, Any]]], calls: Any) -> list[dict[str, Any]]:
    try:
        return read(calls)
    except (ValueError, TypeError) as error:
        raise MalformedError(str(error)) from None


def add_usage(counts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Token counts added up, field by field, details included."""
    total: dict[str, Any] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    for usage in counts:
        _add(total, usage)
    return total


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, Mapping):
            inner = total.setdefault(name, {})
            if isinstance(inner, dict):
                _add(inner, value)
        elif isinstance(value, int) and not isinstance(value, bool):
            known = total.get(name, 0)
            if isinstance(known, int):
                total[name] = known + value


def _merge(whole: dict[str, Any], piece: Mapping[str, Any], replaced: dict[str, None]) -> None:
    """Text grows, what is listed with an index is merged in place, the rest is replaced."""
    for name, value in piece.items():
        known = whole.get(name)
        if value is None:
            whole.setdefault(name, None)
            continue
        if isinstance(value, str) and isinstance(known, str) and name not in _WHOLE:
            whole[name] = known + value
            continue
        if known and type(known) is not type(value):
            replaced[json.dumps(known)] = None
        if isinstance(value, dict):
            inner = known if isinstance(known, dict) else {}
            _merge(inner, value, replaced)
            whole[name] = inner
        elif isinstance(value, list):
            whole[name] = _merged_list(known if isinstance(known, list) else [], value, replaced)
        elif not (isinstance(known, str) and value == "" and name in _WHOLE):
            if isinstance(known, str) and known != value:
                replaced[json.dumps(known)] = None
            whole[name] = value


def _merged_list(known: list[Any], new: list[Any], replaced: dict[str, None]) -> list[Any]:
    for item in new:
        place = item.get("index") if isinstance(item, dict) else None
        if not isinstance(place, int):
            known.append(item)
            continue
        if not 0 <= place <= len(known):
            raise MalformedError("a list with a gap")
        if place == len(known):
            known.append({})
        rest = {key: value for key, value in item.items() if key != "index"}
        if not isinstance(known[place], dict):
            raise MalformedError("a list of two kinds")
        _merge(known[place], rest, replaced)
    return known


def _piece(
    delta: Mapping[str, Any], logprobs: Any = None, finish: str | None = None
) -> dict[str, Any]:
    return {"delta": dict(delta), "logprobs": logprobs, "finish_reason": finish}


FIRST = _piece({"role": "assistant", "content": ""})
"""The first piece of every stream."""
