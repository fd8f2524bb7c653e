"""Settings of who may ask a guard, and of what happens to the text that they write."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, create_model, field_validator

from interlock.serve.channels import CHANNELS, Channel, ChannelName, Policy
from interlock.serve.keys import KeyHash
from interlock.serve.setting_types import Count, File, Names, Section, Tokens


class Policies(Section):
    """What happens to text of a client on each of its ways to the model; see ``channels``."""

    extra: Names = ()
    """Keys beyond the known ones that are sent on as they are; the certificate does not apply to
    such a request. A key inside an object is named with its level: ``"content.cache_control"``."""
    fixed: Names = ()
    """SHA-256 of the operator's own texts, or of objects as sorted, compact ASCII JSON, where a
    channel is ``"fixed"``."""
    prefixes: Names = ()
    """Beginnings of the operator's own where a channel is ``"fixed"``; the rest is voted on."""
    hidden: Literal["strip", "refuse"] = "strip"
    """Characters that no reader sees: taken out, or answered 400."""

    @field_validator("fixed")
    @classmethod
    def _hashes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(one) != 64 or set(one) - set("0123456789abcdef") for one in value):
            raise ValueError("give SHA-256 digests of 64 hexadecimal digits, in lower case")
        return value

    @field_validator("prefixes")
    @classmethod
    def _begin(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value):
            raise ValueError("an empty beginning is everybody's")
        return value

    def of(self, name: ChannelName) -> Policy:
        """The policy of one channel."""
        policy: Policy = getattr(self, name)
        return policy


def _policy(channel: Channel) -> tuple[Any, Any]:
    choices = ", ".join(f'`"{choice}"`' for choice in channel.choices)
    said = f"{channel.holds} {choices}."
    return Literal[channel.choices], Field(default=channel.default, description=said)


PolicySettings: type[Policies] = create_model(
    "PolicySettings",
    __base__=Policies,
    **{name: _policy(channel) for name, channel in CHANNELS.items()},  # type: ignore[call-overload]
)
"""One setting for each channel of the table."""


class AuthSettings(Section):
    """Who may ask the guard."""

    keys_file: File | None = None
    """One key a line; blank lines and lines with ``#`` are skipped."""
    keys_env: str = "INTERLOCK_GUARD_KEYS"
    """Environment variable with keys, commas between them."""
    admin_keys_file: File | None = None
    """Keys that may also see the page's data and the copies of the try-it box."""
    admin_keys_env: str = "INTERLOCK_GUARD_ADMIN_KEYS"
    """Likewise, by environment."""
    open: bool = False
    """Serve other machines without keys."""
    hosts: Names = ()
    """Without keys: further names by which requests may call this guard; ``["*"]`` for any."""
    origins: Names = ()
    """Sites whose pages may ask, such as ``https://app.example``; with keys ``["*"]`` for any."""

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            parts = urlsplit(one)
            if one != "*" and (not parts.netloc or one != f"{parts.scheme}://{parts.netloc}"):
                raise ValueError("give scheme and host alone, such as https://app.example")
        return tuple(one.lower() for one in value)


def _of_keys(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        KeyHash.read(text)
    return value


class KeySettings(Section):
    """One client's keys, quota and policy."""

    hashes: Annotated[Names, AfterValidator(_of_keys)] = ()
    """Salted hashes of its keys, as ``interlock guard key`` makes them."""
    env: str = ""
    """Environment variable with its keys, commas between them."""
    file: File | None = None
    """A file with its keys, one a line."""
    requests_per_minute: Count | None = None
    """Its quota; where absent ``limits.requests_per_minute``."""
    tokens_per_minute: Tokens | None = None
    """Likewise."""
    policy: PolicySettings = PolicySettings()  # type: ignore[valid-type]
    """What is otherwise than in ``[policy]`` for its requests."""


def checked_names(value: dict[str, KeySettings]) -> dict[str, KeySettings]:
    """Names that clients can have.

    Raises:
        ValueError: one is none.
    """
    for name in value:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
            raise ValueError(f"{name!r}: give a name in small letters, digits and . _ -")
        if name == "admin" or name.startswith("unnamed-"):
            raise ValueError(f"{name!r} is a name of the guard's own")
    return value
