"""Labels and class names as data sets write them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.data.sources.paths import WholeFile, locate
from interlock.data.sources.sample import Label
from interlock.errors import DataError

_INDEX = re.compile(r"-?[0-9]{1,18}")


def class_names(
    classes: Sequence[str] | str | None, storage: Mapping[str, Any] | None = None
) -> tuple[str, ...] | None:
    """Names in the order of class indices.

    Args:
        classes: the names, or the path of a JSON list or of a text file with one name a line.
        storage: options of the file system, if the path is a URL.

    Raises:
        DataError: the file is missing or holds something else, or a name stands twice.
    """
    if classes is None or classes == "":
        return None
    names: Any = classes
    where = "classes"
    if isinstance(classes, str):
        where = classes
        fs, inside = locate(classes, storage if "://" in classes else None)
        try:
            text = WholeFile(fs, inside).fetch().decode("utf-8-sig")
            names = json.loads(text) if classes.endswith(".json") else text.splitlines()
        except (DataError, ValueError) as error:
            raise DataError(f"{classes}: class names cannot be read ({error})") from None
    if (
        isinstance(names, str)
        or not isinstance(names, Sequence)
        or not names
        or not all(isinstance(name, str) for name in names)
    ):
        raise DataError(f"{where}: expected a list of class names")
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if twice is not None:
        raise DataError(f"{where}: class {twice!r} stands twice")
    return tuple(names)


def cell_label(text: str) -> Label:
    """A cell of a text table: a whole number is a class index, nothing is no label."""
    text = text.strip()
    if not text:
        return None
    return int(text) if _INDEX.fullmatch(text) else text


def checked(value: object, classes: tuple[str, ...] | None, where: str) -> Label:
    """A stored value as a label.

    Args:
        value: text, a whole number (also as a float), or nothing (None, NaN).
        classes: the names, where they are known.
        where: names the item in errors.

    Raises:
        DataError: it is no label, or not one of the classes.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        if classes is not None and value not in classes:
            raise DataError(f"{where}: label {value!r} is not one of the {len(classes)} classes")
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        raise DataError(f"{where}: label {value!r} is neither a class name nor a class index")
    if classes is not None and not 0 <= value < len(classes):
        raise DataError(f"{where}: label {value} is outside 0..{len(classes) - 1}")
    return int(value)
