"""A request as it was built: what is sent to the model, with the places of voted text marked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from interlock.serve.channels import ChannelName

Kind = Literal["text", "name", "value"]


@dataclass(frozen=True, eq=False)
class Leaf:
    """A text that a client wrote and that is voted on."""

    channel: ChannelName
    group: str
    """Texts of one group are perturbed as one: cut into parts they come through no better."""
    text: str
    kind: Kind = "text"
    """``name``: perturbed by itself, within the characters of names, equal names alike.
    ``value``: a number or a word of JSON, which becomes a string where it is changed."""
    value: Any = None
    """What stands there unchanged."""
    before: str = ""
    """The operator's own beginning, which stays."""


@dataclass(frozen=True)
class Pairs:
    """An object whose keys are text of the client, too."""

    pairs: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Encoded:
    """JSON within a string."""

    raw: str
    inside: Any


@dataclass(frozen=True)
class Pointer:
    """A reference inside a schema; its names change as the others do."""

    steps: tuple[Any, ...]


@dataclass(frozen=True)
class Uncopied:
    """Sent with the unperturbed request alone."""

    value: Any


Texts = Mapping[Leaf, str] | None
"""The perturbed text of each leaf; None for the request as it came."""


def leaves(node: Any) -> list[Leaf]:
    """All leaves, in order."""
    if isinstance(node, Leaf):
        return [node]
    if isinstance(node, Encoded):
        return leaves(node.inside)
    inside: Any = ()
    if isinstance(node, dict):
        inside = node.values()
    elif isinstance(node, list):
        inside = node
    elif isinstance(node, Pairs):
        inside = [one for pair in node.pairs for one in pair]
    elif isinstance(node, Pointer):
        inside = node.steps
    return [leaf for one in inside for leaf in leaves(one)]


def filled(node: Any, texts: Texts) -> Any:
    """The JSON to send."""
    if isinstance(node, Leaf):
        return _text(node, texts)
    if isinstance(node, dict):
        return {
            key: filled(value, texts)
            for key, value in node.items()
            if texts is None or not isinstance(value, Uncopied)
        }
    if isinstance(node, list):
        return [filled(one, texts) for one in node]
    if isinstance(node, Pairs):
        return {str(filled(key, texts)): filled(value, texts) for key, value in node.pairs}
    if isinstance(node, Encoded):
        return node.raw if texts is None else json.dumps(filled(node.inside, texts))
    if isinstance(node, Pointer):
        return "/".join(str(filled(step, texts)) for step in node.steps)
    return node.value if isinstance(node, Uncopied) else node


def _text(leaf: Leaf, texts: Texts) -> Any:
    new = leaf.text if texts is None else texts[leaf]
    if leaf.kind == "value" and new == leaf.text:
        return leaf.value
    return leaf.before + new
