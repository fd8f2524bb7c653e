"""Of which requests a certificate speaks: the one place that decides it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.serve.channels import Use, unclaimed
from interlock.serve.chat import ChatRequest

_NEUTRAL = frozenset(
    {"model", "messages", "seed", "user", "metadata", "store", "service_tier"}
    | {"safety_identifier", "prompt_cache_key"}
)
"""Fields that do not bear on what a copy is answered, or are looked at elsewhere."""


@dataclass(frozen=True)
class Coverage:
    """What a certificate makes of one request."""

    ways: tuple[tuple[Use, bool], ...]
    """Each use of a channel, and whether the certificate may speak of it."""
    differences: tuple[str, ...]
    """In what else the request is not one as they were measured."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the certificate does not speak of the request; empty where it does."""
        return (*unclaimed(use for use, covered in self.ways if not covered), *self.differences)


def coverage(request: ChatRequest, certified: Mapping[str, Any] | None) -> Coverage:
    """Whether a certificate speaks of a request, way by way.

    Args:
        request: as it was read.
        certified: the identity of the target that was measured; None where there is no certificate.
    """
    if certified is None:
        return Coverage(tuple((use, use.claimed) for use in request.uses), ())
    old, body = measured_options(certified), request.original.body
    # What the operator opened and measured with is no way in that was left out.
    same = {name for name, value in old.items() if body.get(name) == value}
    opened = {use for use in request.uses if use.channel == "extra" and use.where in same}
    ways = tuple((use, use.claimed or use in opened) for use in request.uses)
    return Coverage(ways, tuple(_differences(certified, old, body)))


def measured_with(certified: Mapping[str, Any]) -> dict[str, Any]:
    """How the target was asked as it was measured: fields of a request's body.

    Args:
        certified: the target's identity.
    """
    if certified.get("target") == "endpoint":
        return measured_options(certified)
    temperature = certified.get("temperature")
    return {} if temperature is None else {"temperature": temperature}


def measured_options(certified: Mapping[str, Any]) -> dict[str, Any]:
    """With which fields an endpoint was asked."""
    if certified.get("target") != "endpoint":
        return {}  # a model of this process has its decoding options from the card
    fields = {name: certified.get(name) for name in ("temperature", "max_tokens")}
    extra = certified.get("extra")
    return _options(fields | (json.loads(extra) if isinstance(extra, str) else {}))


def _differences(
    certified: Mapping[str, Any], old: Mapping[str, Any], body: Mapping[str, Any]
) -> list[str]:
    """In what a request is not one as they were measured: a chat, and how it is answered."""
    differences = []
    first = body["messages"][0]
    if len(body["messages"]) > 1:
        count = len(body["messages"])
        differences.append(f"messages: certified with the user's alone, asked with {count}")
    elif first["role"] != "user" or "name" in first:
        differences.append("messages[0]: certified with the user's text alone")
    if certified.get("target") != "endpoint":
        return differences
    new = _options(body)
    for name in (*old, *(name for name in new if name not in old)):
        if old.get(name) == new.get(name):
            continue
        if name in old:
            asked = textwrap.shorten(repr(new.get(name)), 60)
            differences.append(f"{name}: certified {old[name]!r}, asked {asked}")
        else:
            differences.append(f"{name}: certified without")
    return differences


def _options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What bears on an answer; null is as good as absent, and a length has two names.

    Of two lengths that differ servers take one or the other, so that both count.
    """
    given = {k: v for k, v in fields.items() if v is not None and k not in _NEUTRAL}
    length = given.get("max_completion_tokens")
    if length is None or given.get("max_tokens", length) != length:
        return given
    del given["max_completion_tokens"]
    return {"max_tokens": length} | given
