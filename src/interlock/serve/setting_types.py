"""What the guard's settings are made of: kinds of values, and a section of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from interlock.certify.targets.address import Address
from interlock.errors import OptionError

Seconds = Annotated[float, Field(gt=0, le=3600)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Tokens = Annotated[int, Field(ge=1, le=10**12)]


def _base_address(value: str) -> str:
    """An address of chat completions, perhaps with a query; nothing in it is secret."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("start with http:// or https://")
    try:
        url = httpx.URL(value)
        if not url.host or not 0 < (url.port or 1) < 2**16:
            raise httpx.InvalidURL("no host, or no such port")
    except (httpx.InvalidURL, ValueError):
        raise ValueError("no address of a server; give one such as http://host:8000/v1") from None
    if url.userinfo or url.fragment:
        raise ValueError("no user, password or fragment; keys go into the environment")
    try:
        Address.read(value)
    except OptionError as error:
        raise ValueError(str(error).partition(": ")[2]) from None
    return value


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else value


def _several(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


BaseAddress = Annotated[str, AfterValidator(_base_address)]
File = Annotated[Path, BeforeValidator(_path)]
Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Section(BaseModel):
    """A table of settings: a name that it does not have is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )
