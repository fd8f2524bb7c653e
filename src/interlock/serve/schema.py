"""JSON schemas of a client: their structure is kept, and all that a client words is voted on."""

from __future__ import annotations

from typing import Any

from interlock.serve.channels import ChannelName
from interlock.serve.reading import Field, Reading, flag, listed, number, one_of
from interlock.serve.tree import Leaf, Pairs, Pointer
from interlock.serve.wire_error import bad_request

_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_FORMATS = frozenset(
    {"date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"}
    | {"int32", "int64", "float", "double", "byte", "binary", "password", "regex"}
)
_DEFS = ("$defs", "definitions", "properties")
_STEPS = ("#", *_DEFS, "items", "anyOf", "oneOf", "allOf")


class SchemaReader:
    """Reads the schemas of one tool, or of one format of answers."""

    def __init__(self, reading: Reading, channel: ChannelName, group: str) -> None:
        self._reading, self._channel, self._group = reading, channel, group
        texts = ("description", "title", "$comment", "pattern")
        numbers = (
            "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
            "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
        )  # fmt: skip
        flags = ("uniqueItems", "nullable", "deprecated", "readOnly", "writeOnly")
        self._fields: dict[str, Field] = {
            **dict.fromkeys(texts, self._text),
            **dict.fromkeys(numbers, number),
            **dict.fromkeys(flags, flag),
            **dict.fromkeys(("enum", "const", "default", "examples", "example"), self._json),
            **dict.fromkeys(("$defs", "definitions", "properties"), self._named),
            **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), self._schemas),
            **dict.fromkeys(("not", "if", "then", "else", "additionalProperties"), self.read),
            "items": self._items,
            "type": self._type,
            "required": lambda value, where: [
                self._key(one, where) for one in listed(value, where)
            ],
            "format": self._format,
            "$ref": self._ref,
            "discriminator": self._discriminator,
            "$schema": self._text if reading.unaltered else reading.left_out,
        }

    def read(self, value: Any, where: str) -> Any:
        """A schema, which may be true or false."""
        if isinstance(value, bool):
            return value
        return self._reading.fields(value, where, "schema", self._fields)

    def _text(self, value: Any, where: str) -> Leaf:
        return Leaf(self._channel, self._group, self._reading.clean(value, where))

    def _json(self, value: Any, where: str) -> Any:
        return self._reading.json(self._channel, self._group, value, where)

    def _key(self, value: Any, where: str) -> Leaf:
        """A property's name: alike in all places."""
        text = self._reading.clean(value, where)
        if text != value or not text:
            raise bad_request("give names without hidden characters", where)
        return Leaf(self._channel, f"name {text}", text, "name")

    def _named(self, value: Any, where: str) -> Pairs:
        if not isinstance(value, dict):
            raise bad_request("give an object", where)
        pairs = value.items()
        return Pairs(
            tuple((self._key(key, where), self.read(one, f"{where}.{key}")) for key, one in pairs)
        )

    def _schemas(self, value: Any, where: str) -> list[Any]:
        return [self.read(one, f"{where}[{i}]") for i, one in enumerate(listed(value, where))]

    def _items(self, value: Any, where: str) -> Any:
        return self._schemas(value, where) if isinstance(value, list) else self.read(value, where)

    def _type(self, value: Any, where: str) -> Any:
        one = one_of(*_TYPES)
        return [one(v, where) for v in value] if isinstance(value, list) else one(value, where)

    def _format(self, value: Any, where: str) -> Any:
        return value if isinstance(value, str) and value in _FORMATS else self._text(value, where)

    def _ref(self, value: Any, where: str) -> Pointer:
        if not isinstance(value, str) or not value.startswith("#"):
            raise bad_request("give a reference inside this schema, as '#/$defs/Name'", where)
        steps: list[Any] = []
        for step in value.split("/"):
            named = steps and steps[-1] in _DEFS
            place = step.isascii() and step.isdigit() and len(step) < 4
            if not (named or place or step in _STEPS):
                raise bad_request("give a reference as '#/$defs/Name'", where)
            steps.append(self._key(step, where) if named else step)
        return Pointer(tuple(steps))

    def _discriminator(self, value: Any, where: str) -> Any:
        known: dict[str, Field] = {"propertyName": self._key, "mapping": self._mapping}
        return self._reading.fields(value, where, "schema", known)

    def _mapping(self, value: Any, where: str) -> Pairs:
        if not isinstance(value, dict):
            raise bad_request("give an object", where)
        return Pairs(
            tuple((self._key(key, where), self._ref(one, where)) for key, one in value.items())
        )
