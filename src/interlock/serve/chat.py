"""One chat request: what the user wrote in it, what no vote can vouch for, and its copies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from interlock.certify import Perturbation, Prompt
from interlock.certify.targets.protocol import Message
from interlock.certify.vote.graphemes import graphemes
from interlock.serve.strict_json import read_json
from interlock.serve.wire_error import bad_request

Kind = Literal["images", "audio", "files", "tool_results", "prefill", "other"]
"""What a vote over perturbed text cannot vouch for. ``prefill``: the chat ends in words of the
assistant, which the model would go on from. ``other``: a part of an unknown type."""

UNGUARDED: Mapping[Kind, str] = {
    "images": "images",
    "audio": "sound",
    "files": "files",
    "tool_results": "results of tools",
    "prefill": "chats that end in words of the assistant",
    "other": "parts of this type",
}
"""What they are called to a client."""
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_PARTS: Mapping[str, Kind | None] = {
    "text": None,
    "refusal": None,
    "image_url": "images",
    "input_image": "images",
    "input_audio": "audio",
    "audio": "audio",
    "file": "files",
    "input_file": "files",
}
_NAME = 512  # characters of a model's name; the ledger keeps it
_OWN = frozenset({"n", "stream", "stream_options"})  # the guard answers these itself


@dataclass(frozen=True)
class UserText:
    """The text of one message of the user; offsets into it are all that is perturbed."""

    message: int
    """Its place in the chat."""
    parts: tuple[tuple[int | None, str], ...]
    """(place of the part, its text); the place is None where the content is one string."""

    @property
    def text(self) -> str:
        """All parts, in order."""
        return "".join(text for _, text in self.parts)


@dataclass(frozen=True)
class Unguarded:
    """Something in the request that reaches the model as it is, though a user may have made it."""

    kind: Kind
    where: str
    """Such as ``messages[2].content[1]``."""


@dataclass(frozen=True)
class Copy:
    """One perturbed copy of a request."""

    body: Mapping[str, Any]
    """To be sent upstream."""
    prompt: Prompt
    """The user's perturbed messages, for the judge; its seed is the copy's number."""


@dataclass(frozen=True)
class ChatRequest:
    """A request that was read and found to be one."""

    body: Mapping[str, Any]
    texts: tuple[UserText, ...]
    unguarded: tuple[Unguarded, ...]
    model: str
    n: int
    stream: bool
    include_usage: bool

    @classmethod
    def read(cls, content: bytes) -> ChatRequest:
        """Read the body of ``POST /v1/chat/completions``.

        Raises:
            WireError: 400, with the field that is wrong.
        """
        try:
            body = read_json(content)
        except ValueError:
            raise bad_request("the body is not JSON") from None
        if not isinstance(body, dict):
            raise bad_request("the body must be a JSON object")
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(model, str) or not model.isprintable() or not 0 < len(model) <= _NAME:
            raise bad_request(f"give the model's name, at most {_NAME} characters", "model")
        if not isinstance(messages, list) or not messages:
            raise bad_request("give at least one message", "messages")
        texts, unguarded = list[UserText](), list(_other_ways_in(body))
        for number, message in enumerate(messages):
            text, passed = _read_message(number, message)
            unguarded += passed
            if text is not None:
                texts.append(text)
        if messages[-1]["role"] == "assistant":
            unguarded.append(Unguarded("prefill", f"messages[{len(messages) - 1}]"))
        options = body.get("stream_options") or {}
        if not isinstance(options, dict):
            raise bad_request("must be an object", "stream_options")
        return cls(
            body=body,
            texts=tuple(texts),
            unguarded=tuple(unguarded),
            model=model,
            n=_count(body, "n"),
            stream=_flag(body, "stream"),
            include_usage=bool(options.get("include_usage")),
        )

    @property
    def characters(self) -> int:
        """Code points that the user wrote."""
        return sum(len(text) for user in self.texts for _, text in user.parts)

    @property
    def digest(self) -> str:
        """SHA-256 of the user's messages; equal for equal prompts."""
        words = json.dumps([user.text for user in self.texts])
        return sha256(words.encode()).hexdigest()

    def copies(self, perturbation: Perturbation, count: int, seed: int) -> list[Copy]:
        """The first ``count`` copies; those of :meth:`SmoothLLM.perturbed` for the same seed.

        Parts of one message are perturbed as one text: cut into many small parts it must not
        come through with fewer changes.
        """
        columns = [list(_perturbed(user, perturbation, count, seed)) for user in self.texts]
        made = []
        for index in range(count):
            messages = list(self.body["messages"])
            said = []
            for user, texts in zip(self.texts, columns, strict=True):
                messages[user.message] = _with_text(
                    messages[user.message], user.parts, texts[index]
                )
                said.append(Message("user", "".join(texts[index])))
            body = {key: value for key, value in self.body.items() if key not in _OWN}
            body["messages"] = messages
            if isinstance(body.get("seed"), int):
                body["seed"] = (body["seed"] + index) % 2**31
            made.append(Copy(body, Prompt(tuple(said), seed=index)))
        return made


def _perturbed(
    user: UserText, perturbation: Perturbation, count: int, seed: int
) -> Iterator[list[str]]:
    """For each copy the new text of each part."""
    split = [graphemes(text) for _, text in user.parts]
    joined = [character for part in split for character in part]
    for changed in perturbation.copies_of(joined, count, seed=seed + user.message):
        places, start = [], 0
        for part in split:
            places.append("".join(changed[start : start + len(part)]))
            start += len(part)
        yield places


def _with_text(
    message: Mapping[str, Any], parts: Sequence[tuple[int | None, str]], texts: Sequence[str]
) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": texts[0]}
    content = list(content)
    for (place, _), text in zip(parts, texts, strict=True):
        if place is not None:
            content[place] = {**content[place], "text": text}
    return {**message, "content": content}


def _read_message(number: int, message: Any) -> tuple[UserText | None, list[Unguarded]]:
    where = f"messages[{number}]"
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise bad_request(f"give an object with a role out of {', '.join(sorted(_ROLES))}", where)
    role, content = message["role"], message.get("content")
    if role in ("tool", "function"):
        return None, [Unguarded("tool_results", where)]
    unguarded = [Unguarded("audio", where)] if message.get("audio") else []
    if content is None and role == "assistant":
        return None, unguarded
    if isinstance(content, str):
        parts: list[tuple[int | None, str]] = [(None, content)]
    elif isinstance(content, list) and content:
        parts = []
        for place, part in enumerate(content):
            here = f"{where}.content[{place}]"
            kind = _part_kind(part, here, role)
            if kind is not None:
                unguarded.append(Unguarded(kind, here))
            elif part["type"] == "text":
                parts.append((place, part["text"]))
    else:
        raise bad_request("give a text or a list of parts", f"{where}.content")
    user = UserText(number, tuple(parts)) if role == "user" and parts else None
    return user, unguarded


def _part_kind(part: Any, where: str, role: str) -> Kind | None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise bad_request("give an object with a type", where)
    if part["type"] == "text" and not isinstance(part.get("text"), str):
        raise bad_request("give a text", f"{where}.text")
    if part["type"] == "refusal" and role != "assistant":
        return "other"  # some servers read it as text, and it would go through unperturbed
    return _PARTS.get(part["type"], "other")


def _other_ways_in(body: Mapping[str, Any]) -> Iterator[Unguarded]:
    modalities = body.get("modalities")
    if body.get("audio") or (isinstance(modalities, list) and "audio" in modalities):
        yield Unguarded("audio", "modalities")  # a spoken answer, which no judge reads


def _count(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if value is None:
        return 1
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise bad_request("give a whole number from 1 on", name)
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request("give true or false", name)
    return bool(value)
