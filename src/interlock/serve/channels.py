"""Every way in which text of a client can reach the model, and what the guard does with each.

One table: the settings (``[policy]``), the reader of requests, the claim of the certificate, the
guard's page and the docs follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Policy = Literal["refuse", "vote", "fixed", "drop", "pass"]
ChannelName = Literal[
    "user", "system", "developer", "assistant", "prefill", "arguments", "tool_results", "names",
    "tools", "response_format", "prediction", "documents", "stop", "metadata", "images", "audio",
    "files", "other",
]  # fmt: skip
POLICIES: Mapping[Policy, str] = {
    "refuse": "A request that holds any is answered 400, and the model sees none of it.",
    "vote": "Changed at random in every copy, like the user's own words, and voted on.",
    "fixed": "Sent as it is where it is the operator's own (its SHA-256 is in `policy.fixed`); "
    "what follows one of `policy.prefixes` is voted on; anything else is answered 400.",
    "drop": "Taken off the request, and never sent to the model.",
    "pass": "Sent to the model as it is, past the vote.",
}
"""What becomes of a text, for people."""
CLAIMED: frozenset[Policy] = frozenset({"vote", "fixed", "drop"})
"""Policies under which nothing that a client wrote comes to the model past the vote."""


@dataclass(frozen=True)
class Channel:
    """One way in."""

    name: ChannelName
    holds: str
    """What a client writes there, for people."""
    default: Policy
    choices: tuple[Policy, ...]
    voted: str = POLICIES["vote"]
    """What ``vote`` makes of it."""

    def means(self, policy: Policy) -> str:
        """What becomes of it, for people."""
        return self.voted if policy == "vote" else POLICIES[policy]


_TEXT: tuple[Policy, ...] = ("refuse", "vote", "fixed", "pass")
_BLIND: tuple[Policy, ...] = ("refuse", "pass")
CHANNELS: Mapping[ChannelName, Channel] = {
    channel.name: channel
    for channel in (
        Channel("user", "Text of the role `user`.", "vote", ("vote",)),
        Channel("system", "Text of the role `system`.", "vote", _TEXT),
        Channel("developer", "Text of the role `developer`.", "vote", _TEXT),
        Channel("assistant", "Earlier answers: text, refusal and reasoning.", "vote", _TEXT),
        Channel("prefill", "A chat that ends in words of the assistant.", "refuse", _BLIND),
        Channel("arguments", "Arguments of earlier calls of tools.", "vote", _TEXT),
        Channel("tool_results", "Text of the role `tool`.", "vote", _TEXT),
        Channel("names", "Names of those who speak.", "vote", ("refuse", "vote", "drop", "pass")),
        Channel("tools", "Names, descriptions and schemas of tools.", "vote", _TEXT),
        Channel("response_format", "Name, description and schema of the answer.", "vote", _TEXT),
        Channel("prediction", "The answer that is expected.", "refuse", _TEXT),
        Channel("documents", "Documents beside the chat.", "refuse", _TEXT),
        Channel(
            "stop",
            "Stop strings.",
            "vote",
            ("refuse", "vote", "drop", "pass"),
            "Left out of the copies, lest a refusal be cut short; the request as it came has them.",
        ),
        Channel(
            "metadata",
            "`metadata`, `user`, `safety_identifier`, `prompt_cache_key`.",
            "drop",
            ("refuse", "drop", "pass"),
        ),
        Channel("images", "Pictures.", "refuse", _BLIND),
        Channel("audio", "Sound, or a spoken answer.", "refuse", _BLIND),
        Channel("files", "Files.", "refuse", _BLIND),
        Channel("other", "Parts and tools of another type.", "refuse", _BLIND),
    )
}


class Policies(Protocol):
    """What a guard does with each channel."""

    @property
    def extra(self) -> tuple[str, ...]:
        """Keys beyond the known ones that are sent on as they are."""

    @property
    def fixed(self) -> tuple[str, ...]:
        """SHA-256 of the operator's own texts and objects, in hexadecimal."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of the operator's own."""

    @property
    def hidden(self) -> Literal["strip", "refuse"]:
        """What becomes of characters that could hide text."""

    def of(self, name: ChannelName) -> Policy:
        """The policy of one channel."""


@dataclass(frozen=True)
class DefaultPolicies:
    """Those of the table."""

    extra: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    hidden: Literal["strip", "refuse"] = "strip"

    def of(self, name: ChannelName) -> Policy:
        """The policy of one channel."""
        return CHANNELS[name].default


@dataclass(frozen=True)
class Use:
    """A channel that a request makes use of."""

    channel: ChannelName | Literal["extra"]
    where: str
    """Such as ``messages[2].content[1]``."""
    policy: Policy

    @property
    def claimed(self) -> bool:
        """Whether a certificate may speak of it: the one place where channels decide this."""
        return self.policy in CLAIMED

    @property
    def holds(self) -> str:
        """What a client writes there, for people."""
        return EXTRA if self.channel == "extra" else CHANNELS[self.channel].holds

    @property
    def means(self) -> str:
        """What became of it, for people."""
        if self.channel == "extra":
            return POLICIES[self.policy]
        return CHANNELS[self.channel].means(self.policy)


EXTRA = "A key that the operator opened (`policy.extra`)."


def unclaimed(uses: Iterable[Use]) -> tuple[str, ...]:
    """Which ways in no certificate speaks of."""
    return tuple(
        dict.fromkeys(f"{use.where}: passed on unguarded" for use in uses if not use.claimed)
    )
