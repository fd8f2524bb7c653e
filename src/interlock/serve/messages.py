"""The messages of a chat, built anew from what the guard knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.serve.channels import ChannelName
from interlock.serve.reading import LEFT_OUT, Field, Reading
from interlock.serve.tools import ToolReader
from interlock.serve.wire_error import bad_request

_SPOKEN: Mapping[str, ChannelName] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool_results",
    "function": "tool_results",
}
_PARTS: Mapping[str, ChannelName] = {
    "image_url": "images",
    "input_image": "images",
    "input_audio": "audio",
    "audio": "audio",
    "file": "files",
    "input_file": "files",
}


class MessageReader:
    """Reads the messages of one request."""

    def __init__(self, reading: Reading, tools: ToolReader) -> None:
        self._reading, self._tools = reading, tools

    def messages(self, value: Any, where: str) -> list[dict[str, Any]]:
        """``messages``, of which there is at least one."""
        if not isinstance(value, list) or not value:
            raise bad_request("give at least one message", where)
        built = [self._message(one, f"{where}[{i}]") for i, one in enumerate(value)]
        if built[-1]["role"] == "assistant":
            self._reading.use("prefill", f"{where}[{len(value) - 1}]")
        return built

    def _message(self, value: Any, where: str) -> dict[str, Any]:
        role = value.get("role") if isinstance(value, dict) else None
        if not isinstance(role, str) or role not in _SPOKEN:
            raise bad_request(
                f"give an object with a role out of {', '.join(sorted(_SPOKEN))}", where
            )
        channel = _SPOKEN[role]
        known: dict[str, Field] = {
            "role": lambda one, _: one,
            "content": lambda one, here: self._content(channel, one, here, where),
            "name": self._tools.called if role in ("tool", "function") else self._name,
        }
        if role == "tool":
            known["tool_call_id"] = self._tools.id
        if role == "assistant":
            known |= {
                "tool_calls": self._tools.calls,
                "refusal": lambda one, here: self._reading.text(channel, where, one, here),
                "reasoning_content": lambda one, here: self._reading.text(
                    channel, where, one, here
                ),
                "annotations": self._reading.left_out,
                "audio": self._audio,
            }
        built = self._reading.fields(value, where, "messages", known)
        if role == "assistant":
            built.setdefault("content", None)
        elif "content" not in built:
            raise bad_request("give a text or a list of parts", f"{where}.content")
        return built

    def _name(self, value: Any, where: str) -> Any:
        policy = self._reading.use("names", where)
        if policy == "drop":
            return LEFT_OUT
        name = self._reading.name("names", value, where)
        return name if policy == "vote" else name.text

    def _audio(self, value: Any, where: str) -> Any:
        self._reading.use("audio", where)
        return value

    def _content(self, channel: ChannelName, value: Any, where: str, message: str) -> Any:
        if isinstance(value, str):
            text = self._reading.clean(value, where)
            voted = self._reading.use(channel, message, text) == "vote"
            return self._reading.leaf(channel, message, text) if voted else text
        if not isinstance(value, list) or not value:
            raise bad_request("give a text or a list of parts", where)
        parts = [self._part(channel, one, f"{where}[{i}]") for i, one in enumerate(value)]
        texts = [part for part in parts if isinstance(_text(part), str)]
        if texts:
            whole = "".join(str(_text(part)) for part in texts)
            voted = self._reading.use(channel, message, whole) == "vote"
            for part in texts if voted else ():
                key = str(part["type"])
                part[key] = self._reading.leaf(channel, message, part[key])
        return parts

    def _part(self, channel: ChannelName, value: Any, where: str) -> dict[str, Any]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            raise bad_request("give an object with a type", where)
        if kind == "text" or (kind == "refusal" and channel == "assistant"):
            known: dict[str, Field] = {"type": lambda one, _: one, kind: self._reading.clean}
            built = self._reading.fields(value, where, "content", known)
            if kind not in built:
                raise bad_request("give a text", f"{where}.{kind}")
            return built
        self._reading.use(_PARTS.get(kind, "other"), where)
        return dict(value)


def _text(part: Mapping[str, Any]) -> Any:
    return part.get(part["type"]) if part["type"] in ("text", "refusal") else None
