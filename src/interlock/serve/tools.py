"""Tools, calls of tools and formats of answers, as a request names them."""

from __future__ import annotations

import json
import re
from typing import Any

from interlock.serve.channels import ChannelName
from interlock.serve.reading import LEFT_OUT, Field, Reading, flag, listed, number, one_of
from interlock.serve.schema import SchemaReader
from interlock.serve.strict_json import KeyTwiceError, read_client_json
from interlock.serve.tree import Encoded, filled
from interlock.serve.wire_error import bad_request

_ID = re.compile(r"[A-Za-z0-9_.:-]{0,64}")


class ToolReader:
    """Reads what concerns tools in one request."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._plain = set[str]()  # names of tools that are sent as they are
        self._ids: dict[str, str] = {}

    def tools(self, value: Any, where: str) -> Any:
        """``tools``: under ``vote`` functions alone."""
        made = [self._tool(one, f"{where}[{i}]") for i, one in enumerate(listed(value, where))]
        return made or LEFT_OUT

    def _tool(self, value: Any, where: str) -> Any:
        policy = self._reading.use("tools", where, value)
        kind = value.get("type") if isinstance(value, dict) else None
        if kind != "function":
            self._reading.use("other", where)
            return value
        if policy != "vote":
            function = value.get("function")
            name = function.get("name") if isinstance(function, dict) else None
            self._plain |= {name} if isinstance(name, str) else set()
            return value
        known: dict[str, Field] = {
            "type": one_of("function"),
            "function": lambda one, here: self._described("tools", where, "parameters", one, here),
        }
        return self._reading.fields(value, where, "tools", known)

    def _described(
        self, channel: ChannelName, group: str, schema: str, value: Any, where: str
    ) -> dict[str, Any]:
        """What has a name, a description and a schema."""
        reader, reading = SchemaReader(self._reading, channel, group), self._reading
        known: dict[str, Field] = {
            "name": lambda one, here: reading.name(channel, one, here),
            "description": lambda one, here: reading.leaf(channel, group, reading.clean(one, here)),
            schema: reader.read,
            "strict": flag,
        }
        built = reading.fields(value, where, "function", known)
        if "name" not in built:
            raise bad_request("give a name", f"{where}.name")
        return built

    def choice(self, value: Any, where: str) -> Any:
        """``tool_choice``."""
        if isinstance(value, str):
            return one_of("none", "auto", "required")(value, where)
        named: dict[str, Field] = {"name": self.called}
        known: dict[str, Field] = {
            "type": one_of("function"),
            "function": lambda one, here: self._reading.fields(one, here, "tool_choice", named),
        }
        return self._reading.fields(value, where, "tool_choice", known)

    def called(self, value: Any, where: str) -> Any:
        """The name of a tool that is called; as it is where the tool's own is."""
        plain = isinstance(value, str) and value in self._plain
        return value if plain else self._reading.name("tools", value, where)

    def calls(self, value: Any, where: str) -> list[Any]:
        """``tool_calls`` of an earlier answer."""
        known: dict[str, Field] = {
            "id": self.id,
            "type": one_of("function"),
            "index": _place,
            "function": lambda one, here: self._call(one, here, where),
        }
        return [
            self._reading.fields(one, f"{where}[{i}]", "tool_calls", known)
            for i, one in enumerate(listed(value, where))
        ]

    def _call(self, value: Any, where: str, group: str) -> dict[str, Any]:
        known: dict[str, Field] = {
            "name": self.called,
            "arguments": lambda one, here: self._arguments(one, here, group),
        }
        return self._reading.fields(value, where, "tool_calls", known)

    def _arguments(self, value: Any, where: str, group: str) -> Any:
        raw = self._reading.clean(value, where)
        if self._reading.use("arguments", where, raw) != "vote":
            return raw
        try:
            said = read_client_json(raw)
        except KeyTwiceError as error:
            raise bad_request(str(error), where, "ambiguous_key") from None
        except ValueError:
            return self._reading.leaf("arguments", group, raw)
        inside = self._reading.json("arguments", group, said, where)
        if filled(inside, None) != said:  # something was hidden behind JSON's escapes
            raw = json.dumps(filled(inside, None), ensure_ascii=False)
        return Encoded(raw, inside)

    def id(self, value: Any, where: str) -> str:
        """The number of a call, in the guard's own words: a client's could say anything."""
        if not isinstance(value, str):
            raise bad_request("give a text", where)
        if self._reading.unaltered and not _ID.fullmatch(value):
            raise bad_request("give at most 64 letters, digits, '_', '-', '.' and ':'", where)
        return self._ids.setdefault(value, f"call{len(self._ids):05}")

    def response_format(self, value: Any, where: str) -> Any:
        """``response_format``."""
        kind = value.get("type") if isinstance(value, dict) else None
        known: dict[str, Field] = {"type": one_of("text", "json_object", "json_schema")}
        if kind == "json_schema":
            channel: ChannelName = "response_format"
            if self._reading.use(channel, where, value) != "vote":
                return value
            known["json_schema"] = lambda one, here: self._described(
                channel, where, "schema", one, here
            )
        return self._reading.fields(value, where, "response_format", known)


def _place(value: Any, where: str) -> Any:
    number(value, where)
    return LEFT_OUT
