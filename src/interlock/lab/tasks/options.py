"""Options of methods, checked against the functions that take them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from interlock.errors import OptionError
from interlock.lab.study import unknown


def taken_by(function: Callable[..., Any], *, but: Sequence[str] = ()) -> list[str] | None:
    """The options that a function takes by name; None where it takes any.

    Args:
        function: or a class.
        but: parameters that are no options.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return None
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in named and p.name not in but]


def unknown_options(
    given: Mapping[str, Any], known: Sequence[str] | None
) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it) for each option that is not taken."""
    for key in given:
        if known is not None and key not in known:
            yield key, unknown("key", key, known)


def imported(name: str) -> Callable[..., Any]:
    """What ``package.module:attribute`` names.

    Raises:
        OptionError: there is no such thing, or it cannot be called.
    """
    module, _, attribute = name.partition(":")
    sys.path.insert(0, "")  # as `python -m` does, so that a module beside the user is found
    try:
        thing = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"{name}: {error}; give package.module:function") from None
    finally:
        sys.path.remove("")
    if not callable(thing):
        raise OptionError(f"{name}: cannot be called; give package.module:function")
    return thing  # type: ignore[no-any-return]
