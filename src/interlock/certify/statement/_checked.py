"""Frozen dataclasses that pydantic checks when they are made; what is wrong is told in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, Strict, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import CoreSchema, core_schema

from interlock.errors import OptionError

Made = TypeVar("Made", bound=type)


@dataclass(frozen=True)
class Give:
    """Of a field: what an error says to give instead."""

    instead: str

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        message = f"give {self.instead}"
        return core_schema.custom_error_schema(handler(kind), "value", custom_error_message=message)


Text = Annotated[str, Strict(), Field(min_length=1), Give("a text")]
Flag = Annotated[bool, Strict(), Give("true or false")]
Whole = Annotated[int, Strict(), Field(ge=0), Give("a whole number from 0 on")]
Count = Annotated[int, Strict(), Field(ge=1), Give("a whole number from 1 on")]
Number = Annotated[int, Strict()] | Annotated[float, Strict(), Field(allow_inf_nan=False)]
"""An integer stays one: the id of a card is a hash of what its file holds."""
Share = Annotated[Number, Field(ge=0, le=1), Give("a number from 0 to 1")]


@dataclass_transform(frozen_default=True)
def checked(cls: Made) -> Made:
    """Make a frozen dataclass whose fields are checked by their types, and no others taken.

    Making one raises ``OptionError`` with the first thing that is wrong.
    """
    config = ConfigDict(extra="forbid", revalidate_instances="always")
    made: Any = pydantic_dataclass(cls, frozen=True, config=config)
    made.__init__ = _in_one_line(made.__init__, [field.name for field in fields(made)])
    return cast(Made, made)


def _in_one_line(init: Callable[..., None], names: Sequence[str]) -> Callable[..., None]:
    @wraps(init)
    def checked_init(self: Any, *values: Any, **named: Any) -> None:
        try:
            init(self, *values, **named)
        except ValidationError as error:
            problems = sorted(error.errors(), key=lambda problem: not _unknown(problem))
            raise OptionError(_line(problems[0], names)) from None

    return checked_init


def _unknown(problem: Mapping[str, Any]) -> bool:
    """Whether it is a field that there is none of: the name may be all that is wrong."""
    return str(problem["type"]).startswith("unexpected_")


def _line(problem: Mapping[str, Any], names: Sequence[str]) -> str:
    place = list(problem["loc"])
    if place and isinstance(place[0], int):  # it was given by its position
        place[0] = names[place[0]] if place[0] < len(names) else f"value {place[0] + 1}"
    name = ".".join(map(str, place))
    if problem["type"] == "missing":
        return f"no field {name!r}: it is missing"
    if _unknown(problem):
        return f"{name}: no such field"
    said = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}={problem['input']!r}: {said}" if name else said
