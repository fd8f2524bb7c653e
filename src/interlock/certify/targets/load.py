"""A target by name, as the command line and configuration files give it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from interlock.certify.targets.protocol import Target
from interlock.errors import OptionError


def load_target(name: str, *, model: str | None = None, **options: Any) -> Target:
    """Open a target.

    Args:
        name: ``"embedded"``; an http(s) address; ``"recorded:FILE"``; else a transformers
            directory or hub id.
        model: the model's name at an endpoint; required there, but for an Azure deployment, and
            nowhere else.
        options: passed on to the target's class.

    Raises:
        OptionError: an endpoint without a model name, a model name without an endpoint, or an
            option that the target does not take.
        ModelError, DataError: what the target's class raises.
    """
    if name.startswith(("http://", "https://")):
        from interlock.certify.targets.endpoint import EndpointTarget

        see_options(EndpointTarget, options, name)
        return EndpointTarget(name, model, **options)
    if model is not None:
        raise OptionError(f"model={model!r}: only an endpoint takes a model name")
    if options.get("extra"):
        raise OptionError(
            f"extra={next(iter(options['extra']))}: only an endpoint takes more fields"
        )
    if name.startswith("recorded:"):
        if options.get("system") is not None:
            raise OptionError(f"{name}: was recorded with the system prompt it has; give no other")
        from interlock.certify.targets.recorded import RecordedTarget

        see_options(RecordedTarget, options, name)
        return RecordedTarget(name.removeprefix("recorded:"), **options)
    from interlock.certify.targets.local import LocalTarget

    see_options(LocalTarget, options, name)
    return LocalTarget(name, **options)


def see_options(factory: Callable[..., object], options: Mapping[str, Any], name: str) -> None:
    """Refuse options that a class or a function does not take, before it is called.

    Raises:
        OptionError: one is unknown.
    """
    known = [
        key
        for key, parameter in inspect.signature(factory).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    ]
    for option in options:
        if option not in known:
            raise OptionError(f"{name}: has no option {option!r}; choose from {', '.join(known)}")
