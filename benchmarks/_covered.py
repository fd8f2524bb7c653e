"""Tables of "What is and is not covered", from the guard's table of channels and its protocols.

What becomes of a field is tried, not told: a request that holds a mark there is read as the guard
reads it, with all opened that can be opened, and the channels that it makes use of are looked up.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from _wire_fields import BASES, CHAT, FIELDS, MARK, UNKNOWN
from interlock.serve.app import WIRES
from interlock.serve.channels import CHANNELS, CLAIMED, POLICIES, ChannelName, Policy
from interlock.serve.chat import ChatRequest
from interlock.serve.wire_error import WireError
from interlock.serve.wires.wire import Chat, Wire

_LEFT: Mapping[Policy, str] = {
    "refuse": "Nothing on this way.",
    "vote": "Only what outlives the changes: an attack in plain words, a cipher with room for "
    "errors. How often those measured do is what the certificate bounds.",
    "fixed": "Nothing on this way, as long as the text is the operator's own and good.",
    "drop": "Nothing on this way.",
    "pass": "Anything: the text comes to the model unchanged, beside all copies alike. The answer "
    'says `"certificate_applies": false`.',
}
"""What an attacker can still do."""


class _Opened:
    """All that can be sent on is sent on."""

    extra: tuple[str, ...] = (UNKNOWN,)
    fixed: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    hidden = "strip"

    def of(self, name: ChannelName) -> Policy:
        """``pass`` where there is a choice."""
        channel = CHANNELS[name]
        return "pass" if "pass" in channel.choices else channel.default


def channels_of(wire: Wire, keys: Mapping[str, Any]) -> Sequence[str] | None:
    """Through which channels a marked place of a request comes to the model.

    Returns:
        Their names, ``extra`` among them; none where the mark is not sent on; None where there is
        no way in at all: such a request is answered 400, whatever is opened.
    """
    before = Counter(use.channel for use in _read(wire, BASES[wire.path]).uses)
    try:
        request = _read(wire, BASES[wire.path] | keys)
    except WireError:
        return None
    if MARK not in json.dumps(request.original.body):
        return []
    after = Counter(use.channel for use in request.uses)
    marked = {leaf.channel for leaf in request.leaves if MARK in leaf.text}
    new = (after - before).keys() - {"user"} | marked
    return [name for name in (*CHANNELS, "extra") if name in new]


def _read(wire: Wire, body: Mapping[str, Any]) -> ChatRequest:
    return ChatRequest.of(wire.chat(dict(body)), _Opened())  # type: ignore[arg-type]


def default_of(channels: Sequence[str] | None) -> Policy | None:
    """What the guard does by default: the strictest of the channels' policies.

    Returns:
        None where the place is not sent on at all.
    """
    if channels is None or "extra" in channels:
        return "refuse"
    policies = [channel.default for name, channel in CHANNELS.items() if name in channels]
    return min(policies, key=list(POLICIES).index, default=None)


def renewed(document: str) -> str:
    """A document with every marked block as it is made now.

    Args:
        document: Markdown, with blocks between ``<!-- covered:NAME -->`` and ``<!-- /covered -->``,
            NAME one of :data:`BLOCKS`.

    Raises:
        KeyError: there is no block of that name.
    """
    return _BLOCK.sub(lambda one: f"{one[1]}\n{BLOCKS[one[2]]()}\n\n{one[3]}", document)


def _policies() -> str:
    rows = [
        (
            f"`{name}`",
            means,
            "there is no answer" if name == "refuse" else "yes" if name in CLAIMED else "**no**",
            _LEFT[name],
        )
        for name, means in POLICIES.items()
    ]
    head = ("policy", "what becomes of the text", "may the certificate apply?", "what is left")
    return _table(head, rows)


def _kinds() -> str:
    rows = [
        (
            f"`policy.{one.name}`",
            one.holds,
            f"`{one.default}`",
            one.means(one.default),
            ", ".join(f"`{policy}`" for policy in one.choices if policy != one.default),
        )
        for one in CHANNELS.values()
    ]
    head = ("setting", "what a client writes there", "by default", "what that means", "or")
    return _table(head, rows)


def _wires() -> str:
    return "\n\n".join(part for wire in WIRES for part in _fields(wire))


BLOCKS: Mapping[str, Callable[[], str]] = {
    "policies": _policies,
    "kinds": _kinds,
    "fields": _wires,
}
"""What is made, by its name."""
_BLOCK = re.compile(
    r"^(<!-- covered:(\w+) -->\n)(?:.*?)^(<!-- /covered -->)$", re.DOTALL | re.MULTILINE
)


def _fields(wire: Wire) -> list[str]:
    head = f"### `POST {wire.path}`"
    if FIELDS[wire.path] is CHAT and wire.path != Chat.path:
        return [head, f"As `{Chat.path}`; such a request is voted on, and not answered."]
    rows = []
    for name, keys in FIELDS[wire.path].items():
        channels = channels_of(wire, keys)
        policy = default_of(channels)
        settings = ", ".join(f"`policy.{one}`" for one in channels or ())
        rows.append(
            (
                name,
                f"`{policy}`" if policy else "not sent on",
                settings or ("none opens it" if policy else ""),
            )
        )
    return [head, _table(("field", "by default", "setting"), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
