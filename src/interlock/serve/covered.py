"""What a guard's certificate covers, channel by channel: asked of the code that decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from interlock.serve.channels import CHANNELS, ChannelName, Policies, Policy
from interlock.serve.chat import ChatRequest
from interlock.serve.coverage import measured_options
from interlock.serve.deployment import Deployment

_USER: Any = {"role": "user", "content": "some text"}
_CALL: Any = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "b"}'}}
_FUNCTION: Any = {"name": "f", "description": "text", "parameters": {"type": "object"}}
_TOOLS: Any = [{"type": "function", "function": _FUNCTION}]


def _said(role: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "text"}, _USER]}


def _part(kind: str) -> dict[str, Any]:
    parts = [{"type": "text", "text": "text"}, {"type": kind}]
    return {"messages": [{"role": "user", "content": parts}]}


_CALLED: Any = {
    "messages": [
        _USER,
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "text"},
    ],
    "tools": _TOOLS,
}
SAMPLES: Mapping[ChannelName, Mapping[str, Any]] = {
    "user": {},
    "system": _said("system"),
    "developer": _said("developer"),
    "assistant": _said("assistant"),
    "prefill": {"messages": [_USER, {"role": "assistant", "content": "text"}]},
    "arguments": _CALLED,
    "tool_results": _CALLED,
    "names": {"messages": [{**_USER, "name": "n"}]},
    "tools": {"tools": _TOOLS},
    "response_format": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}},
        }
    },
    "prediction": {"prediction": {"type": "content", "content": "text"}},
    "documents": {"documents": ["text"]},
    "stop": {"stop": ["text"]},
    "metadata": {"user": "text"},
    "images": _part("image_url"),
    "audio": _part("input_audio"),
    "files": _part("file"),
    "other": _part("something"),
}
"""For each channel a request that makes use of it, and of as little else as there can be."""


@dataclass(frozen=True)
class Covered:
    """What becomes of a request that makes use of a channel."""

    channel: ChannelName | Literal["extra"]
    policy: Policy
    certificate_applies: bool | None
    """None: such a request is answered 400."""
    because: tuple[str, ...] = ()
    """Why the certificate does not apply."""


@dataclass(frozen=True)
class _Alone:
    """One channel's policy, and of all others the most that a certificate could cover."""

    name: ChannelName
    policy: Policy
    extra: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    hidden: Literal["strip", "refuse"] = "strip"

    def of(self, name: ChannelName) -> Policy:
        """The policy of one channel."""
        if name == self.name:
            return self.policy
        order: tuple[Policy, ...] = ("vote", "drop", "pass")
        return next(policy for policy in order if policy in CHANNELS[name].choices)


def covered(deployment: Deployment, policies: Policies) -> tuple[Covered, ...]:
    """What the certificate speaks of, in the table's order."""
    rows = [_covered(deployment, name, policies.of(name)) for name in CHANNELS]
    extra = [Covered("extra", "pass", False, (f"{key}: passed on",)) for key in policies.extra]
    return (*rows, *extra)


def _covered(deployment: Deployment, name: ChannelName, policy: Policy) -> Covered:
    if policy == "refuse":
        return Covered(name, policy, None)
    card = deployment.card
    measured = measured_options(card.target_identity) if card is not None else {}
    body = {"model": deployment.model or "m", "messages": [_USER], **measured, **SAMPLES[name]}
    # The operator's own texts are as good as voted on, and there is none at hand.
    how: Policy = "vote" if policy == "fixed" else policy
    doubts = deployment.doubts(ChatRequest.of(body, _Alone(name, how, tuple(measured))))
    return Covered(name, policy, not doubts, doubts)
