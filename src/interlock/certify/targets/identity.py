"""Which model answers: by what decides its answers, not by the way it is reached.

A local model is its weights, tokenizer, chat template, system prompt and decoding, wherever its
directory lies and whatever it is called. What stands behind an address cannot be looked into: it is
its address, the name it is asked for, system prompt and decoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DECODING = ("max_tokens", "temperature")
_LOCAL = {
    "template_sha256": "chat template, sha256",
    "sha256": "weights or tokenizer, sha256",
}
_ENDPOINT = {"model": "model", "url": "address"}
_SYSTEM = "system_sha256"


def deciding(identity: Mapping[str, Any]) -> dict[str, Any]:
    """All of an identity that answers depend on: without the name of what is known by its hash."""
    named_only = "model" if "sha256" in identity else None
    return {name: value for name, value in identity.items() if name != named_only}


def describe(identity: Mapping[str, Any]) -> str:
    """What kind of model it is, and which, in a few words."""
    kind = identity.get("target")
    if kind == "local":
        return f"weights {str(identity.get('sha256'))[:12]} ({identity.get('model', 'unnamed')})"
    if kind == "endpoint":
        return f"{identity.get('model')!r} behind the address {identity.get('url')}"
    if kind == "recorded":
        return f"recorded answers {str(identity.get('sha256'))[:12]}"
    return repr(kind)


def target_differences(
    certified: Mapping[str, Any], deployed: Mapping[str, Any], *, decoding: bool = True
) -> tuple[str, ...]:
    """Each way in which the deployed model is not the certified one, one line each.

    Where one is known by its weights and the other by its address, that alone is said: the two
    cannot be compared, even where the same weights stand behind the address.

    Args:
        certified, deployed: identities.
        decoding: compare longest answer and temperature, too; a guard in front of an address
            compares those of each request instead.
    """
    lines = []
    kinds = certified.get("target"), deployed.get("target")
    if kinds[0] != kinds[1]:
        lines.append(f"target: certified {describe(certified)}, deployed {describe(deployed)}")
    else:
        compared = _ENDPOINT if kinds[0] == "endpoint" else _LOCAL
        names = compared | (dict.fromkeys(_DECODING) if decoding else {})
        if "template_sha256" not in certified:
            names.pop("template_sha256", None)
        elif certified["template_sha256"] != deployed.get("template_sha256"):
            names.pop("sha256", None)  # which covers the template, too
        lines += [
            _line(label or name, certified.get(name), deployed.get(name))
            for name, label in names.items()
            if certified.get(name) != deployed.get(name)
        ]
    systems = certified.get(_SYSTEM), deployed.get(_SYSTEM)
    if systems[0] != systems[1]:
        old, new = (
            "without one" if one is None else f"one of sha256 {str(one)[:12]}" for one in systems
        )
        lines.append(f"system prompt: certified {old}, deployed {new} (--system FILE)")
    return tuple(lines)


def _line(label: str, old: object, new: object) -> str:
    return f"{label}: certified {old!r}, deployed {new!r}"
