"""What the page may ask, checked field by field."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interlock.serve.strict_json import read_json
from interlock.serve.wire_error import bad_request
from interlock.studio.patches import Content

T = TypeVar("T", bound="Asked")
Pixels = Annotated[int, Field(ge=0, le=1_000_000)]


class Asked(BaseModel):
    """An object with these fields and no other."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Named(Asked):
    """A sample, a model, or a kind of work."""

    name: Annotated[str, Field(min_length=1, max_length=4096)]


class Explained(Asked):
    """An explanation."""

    target: Annotated[int, Field(ge=0)] | None = None
    """Class; None for the model's answer."""


class Removed(Asked):
    """Regions to be away."""

    regions: Annotated[list[int], Field(max_length=100)]
    """Their ranks, from 1."""


class Changed(Asked):
    """What is to be another one of the patch."""

    top: Pixels | None = None
    left: Pixels | None = None
    side: Pixels | None = None
    content: Content | None = None
    on: bool | None = None


class Attacked(Asked):
    """A patch to be made."""

    steps: Annotated[int, Field(ge=1, le=1000)] = 40


class Certified(Asked):
    """A certified answer."""

    area: Annotated[float, Field(gt=0, lt=1)]
    """Share of the photo that an attacker is taken to own."""


class Voted(Asked):
    """A vote."""

    prompt: str
    defence: Annotated[str, Field(min_length=1, max_length=500)]
    target: Annotated[str, Field(min_length=1, max_length=4096)] = "embedded"


def read(kind: type[T], content: bytes) -> T:
    """A request from its body.

    Raises:
        WireError: it is none; the first fault is named.
    """
    try:
        given: Any = read_json(content)
    except ValueError:
        raise bad_request("give one JSON object") from None
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise bad_request(f"{where}: {first['msg']}", where) from None
