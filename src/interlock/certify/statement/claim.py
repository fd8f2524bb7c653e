"""The sentence of a certificate: what is claimed, of what, by whose word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.names import FailedAttacks

_FAILED: dict[FailedAttacks, str] = {
    "out": "those marked as failed left out",
    "in": "those marked as failed among them",
    "successful only": "only those that succeed undefended",
}


def claim(
    *,
    lower: float,
    confidence: float,
    joint: int,
    tries: int,
    family: str,
    attacks: int,
    groups: int,
    failed: FailedAttacks,
    judge: Mapping[str, Any],
    judge_error: Mapping[str, Any] | None,
    target: str,
    identity: Mapping[str, Any],
    defence: str,
    named: int = 1,
) -> str:
    """A bound in one sentence, with all that it hangs on.

    Args:
        named: defences that were named, and whose bounds hold at once.
    """
    several = [
        f"{number} {what}" for number, what in ((joint, "families"), (named, "defences"))
        if number > 1
    ]  # fmt: skip
    together = f" for {' and '.join(several)} at once" if several else ""
    tried = "in one try" if tries == 1 else f"in each of {tries} tries"
    alike = "1 group" if groups == 1 else f"{groups} groups"
    return (
        f"With {confidence:.0%} confidence{together}, at least {lower:.1%} of {family} attacks "
        f"like the {attacks} measured, in {alike} ({_FAILED[failed]}), are judged refused "
        f"{tried} by {judge_said(judge, judge_error)}, where {defence} guards {target} "
        f"({asked_as(identity)})."
    )


def judge_said(judge: Mapping[str, Any], error: Mapping[str, Any] | None) -> str:
    """Which judge, and whether its errors were counted."""
    name = str(judge.get("judge", "an unnamed judge"))
    target = judge.get("target")
    if isinstance(target, Mapping) and (model := target.get("model")):
        name += f" {model}"
    if error is None:
        checked = "unchecked"
    elif not error.get("jailbroken"):
        checked = f"none of {error.get('refused', 0)} checked answers jailbroken, counted in"
    else:
        missed, of = error.get("missed"), error.get("jailbroken")
        checked = f"{missed} of {of} checked jailbreaks missed, counted in"
    return f"{name} ({checked})"


def asked_as(identity: Mapping[str, Any]) -> str:
    """The system prompt and the decoding of a target, as its identity has them."""
    system = identity.get("system_sha256")
    parts = ["no system prompt sent" if system is None else f"system prompt {str(system)[:12]}"]
    temperature, longest = identity.get("temperature"), identity.get("max_tokens")
    decoding = [] if temperature is None else [f"temperature {temperature:g}"]
    decoding += [] if longest is None else [f"at most {longest} tokens"]
    return ", ".join(parts + (decoding or ["decoding not stated"]))
