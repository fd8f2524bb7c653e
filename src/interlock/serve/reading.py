"""What reading a request takes at every level: known keys, clean text, a policy for each way in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from interlock.serve.channels import CHANNELS, ChannelName, Policies, Policy, Use
from interlock.serve.strict_json import folded
from interlock.serve.tree import Kind, Leaf, Pairs
from interlock.serve.unseen import seen
from interlock.serve.wire_error import bad_request

LARGEST = 2**53
"""Of a number that has a field of its own: more digits could spell a text."""
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
Field = Callable[[Any, str], Any]
"""Reads the value of a key: given the value and where it stands."""


class Reading:
    """One request as it is read.

    Args:
        policies: what the guard does with each channel.
        unaltered: whether somebody else sends it to the model as it came: what the guard would take
            off or out of it gets there all the same, and is passed on or refused.
    """

    def __init__(self, policies: Policies, *, unaltered: bool = False) -> None:
        self.policies, self.unaltered = policies, unaltered
        self.uses: list[Use] = []

    def fields(
        self, given: Any, where: str, level: str, known: Mapping[str, Field]
    ) -> dict[str, Any]:
        """An object, built from the keys that are known; null is as good as absent.

        Raises:
            WireError: 400, naming a key that is not known.
        """
        if not isinstance(given, dict):
            raise bad_request("give an object", where or None)
        prefix, built = f"{where}." if where else "", dict[str, Any]()
        for key, value in given.items():
            here, name = f"{prefix}{key}", f"{level}.{key}" if level else key
            if key in known:
                if value is not None:
                    built[key] = known[key](value, here)
            elif folded(key) not in map(folded, known) and self.opened(name, here):
                built[key] = value
            else:
                raise bad_request(
                    f"the key {key!r} is none that this guard knows there; its operator can open "
                    f"it (policy.extra = [{json.dumps(name)}])",
                    here,
                    "unknown_key",
                )
        return {key: value for key, value in built.items() if value is not LEFT_OUT}

    def opened(self, name: str, where: str) -> bool:
        """Whether the operator lets a key through (``policy.extra``); the request makes use of it
        then.
        """
        if name not in self.policies.extra:
            return False
        self.uses.append(Use("extra", where, "pass"))
        return True

    def clean(self, text: Any, where: str) -> str:
        """A text without characters that could hide another.

        Raises:
            WireError: 400, where it is none, or holds such and the guard refuses them.
        """
        if not isinstance(text, str):
            raise bad_request("give a text", where)
        plain = seen(text)
        if plain != text and (self.unaltered or self.policies.hidden == "refuse"):
            raise bad_request(
                "the text holds characters that no reader sees (tags, stray selectors, joiners or "
                "marks); leave them out",
                where,
                "hidden_characters",
            )
        return plain

    def use(self, channel: ChannelName, where: str, value: Any = None) -> Policy:
        """Make use of a channel; ``fixed`` is only said of a value that is the operator's own.

        Raises:
            WireError: 400, where the policy does not let it through.
        """
        policy = self.policies.of(channel)
        if policy == "drop" and self.unaltered:
            policy = "pass"
        if policy == "fixed" and digest(value) not in self.policies.fixed:
            if self._prefix(value) is None:
                raise _refused(channel, where, "takes them from its operator alone")
            policy = "vote"
        if policy == "refuse":
            raise _refused(channel, where, "refuses them")
        self.uses.append(Use(channel, where, policy))
        return policy

    def left_out(self, value: Any, where: str) -> Any:
        """A value that the guard does not send on."""
        if self.unaltered and value:
            self.use("other", where)
        return LEFT_OUT

    def text(self, channel: ChannelName, group: str, text: Any, where: str) -> Any:
        """A text by itself, under its channel's policy."""
        plain = self.clean(text, where)
        policy = self.use(channel, where, plain)
        if policy == "drop":
            return LEFT_OUT
        return self.leaf(channel, group, plain) if policy == "vote" else plain

    def leaf(self, channel: ChannelName, group: str, text: str, kind: Kind = "text") -> Leaf:
        """A text that is voted on; the operator's own beginning stays."""
        own = self._prefix(text) if self.policies.of(channel) == "fixed" else None
        return Leaf(channel, group, text[len(own or "") :], kind, before=own or "")

    def _prefix(self, value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        own = [prefix for prefix in self.policies.prefixes if value.startswith(prefix)]
        return max(own, key=len, default=None)

    def name(self, channel: ChannelName, value: Any, where: str) -> Leaf:
        """A name that is voted on.

        Raises:
            WireError: 400, where it is no name.
        """
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise bad_request("give a name of letters, digits, '_', '-', '.' and ':'", where)
        return Leaf(channel, f"name {value}", value, "name")

    def json(self, channel: ChannelName, group: str, value: Any, where: str) -> Any:
        """Any JSON, voted on in all of its keys, texts, numbers and words."""
        if isinstance(value, dict):
            return Pairs(
                tuple(
                    (
                        Leaf(channel, group, self.clean(key, where)),
                        self.json(channel, group, one, f"{where}.{key}"),
                    )
                    for key, one in value.items()
                )
            )
        if isinstance(value, list):
            return [self.json(channel, group, one, f"{where}[{i}]") for i, one in enumerate(value)]
        if isinstance(value, str):
            return Leaf(channel, group, self.clean(value, where))
        return Leaf(channel, group, json.dumps(value), "value", value)


LEFT_OUT = object()
"""In place of a value that is not sent on."""


def digest(value: Any) -> str:
    """SHA-256 by which ``policy.fixed`` names a text, or an object (sorted, compact, in ASCII)."""
    if not isinstance(value, str):
        value = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def number(value: Any, where: str) -> Any:
    """A number of a sane size.

    Raises:
        WireError: 400, where it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST:
        raise bad_request("give a number", where)
    return value


def flag(value: Any, where: str) -> bool:
    """True or false.

    Raises:
        WireError: 400, where it is neither.
    """
    if not isinstance(value, bool):
        raise bad_request("give true or false", where)
    return value


def one_of(*words: str) -> Field:
    """Reads one of a few words."""

    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in words:
            raise bad_request(f"give one of {', '.join(words)}", where)
        return value

    return read


def listed(value: Any, where: str) -> Sequence[Any]:
    """A list.

    Raises:
        WireError: 400, where it is none.
    """
    if not isinstance(value, list):
        raise bad_request("give a list", where)
    return value


def _refused(channel: ChannelName, where: str, why: str) -> Exception:
    return bad_request(
        f"{CHANNELS[channel].holds.rstrip('.')}: this guard {why} (policy.{channel})",
        where,
        "unguardable_content",
    )
