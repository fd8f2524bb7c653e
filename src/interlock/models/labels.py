"""Classes by name or number, as people and data give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.errors import OptionError

NAMED = 10
"""Labels that an error names."""


def label_list(labels: Sequence[Any] | Mapping[Any, Any], classes: int = 0) -> list[str]:
    """One name for each class; a mapping has names by number, and others are called by theirs.

    Args:
        labels: names in the order of the classes, or number -> name.
        classes: how many there are at least.
    """
    if not isinstance(labels, Mapping):
        return [str(name) for name in labels]
    named = {int(k): str(name) for k, name in labels.items()}
    count = max([classes, *(k + 1 for k in named)])
    return [named.get(k, f"class {k}") for k in range(count)]


def class_index(target: str | None, labels: Sequence[str]) -> int | None:
    """A label, or the number of a class; a label that looks like a number wins.

    Raises:
        OptionError: the model has no such class, or several of that name.
    """
    if target is None:
        return None
    same = [k for k, label in enumerate(labels) if label == target]
    if len(same) > 1:
        raise OptionError(
            f"target={target!r}: classes {', '.join(map(str, same))} have that name; give a number"
        )
    if same:
        return same[0]
    matching = [k for k, label in enumerate(labels) if label.casefold() == target.casefold()]
    if len(matching) == 1:
        return matching[0]
    try:
        index = int(target)
    except ValueError:
        raise OptionError(
            f"target={target!r}: the model has no such label{_hint(target, labels)}"
        ) from None
    if not 0 <= index < len(labels):
        raise OptionError(f"target={index}: the model has classes 0 to {len(labels) - 1}")
    return index


def _hint(target: str, labels: Sequence[str]) -> str:
    """The labels that have it as a word, else those that are spelt alike."""
    word = re.compile(rf"(?<!\w){re.escape(target.casefold())}(?!\w)")
    with_word = [label for label in labels if word.search(label.casefold())]
    if with_word:
        more = f" and {len(with_word) - NAMED} more" if len(with_word) > NAMED else ""
        return f"; labels with that word: {'; '.join(with_word[:NAMED])}{more}"
    from difflib import get_close_matches

    near = get_close_matches(target, labels, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def labelled_class(name: str, labels: Sequence[str]) -> int:
    """The class that the label of a photo names, such as its folder: ``_`` may stand for a blank.

    Raises:
        OptionError: the model has no such class.
    """
    try:
        index = class_index(name.replace("_", " "), labels)
    except OptionError:
        index = class_index(name, labels)
    assert index is not None
    return index
