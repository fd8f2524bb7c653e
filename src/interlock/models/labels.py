"""Classes by name or number, as people and data give them."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.errors import OptionError


def class_index(target: str | None, labels: Sequence[str]) -> int | None:
    """A label, or the number of a class; a label that looks like a number wins.

    Raises:
        OptionError: the model has no such class.
    """
    if target is None:
        return None
    if target in labels:
        return labels.index(target)
    matching = [k for k, label in enumerate(labels) if label.casefold() == target.casefold()]
    if len(matching) == 1:
        return matching[0]
    try:
        index = int(target)
    except ValueError:
        from difflib import get_close_matches

        near = get_close_matches(target, labels, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise OptionError(f"target={target!r}: the model has no such label{hint}") from None
    if not 0 <= index < len(labels):
        raise OptionError(f"target={index}: the model has classes 0 to {len(labels) - 1}")
    return index


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
