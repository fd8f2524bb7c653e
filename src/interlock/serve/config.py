"""The settings of a guard from ``guard.toml`` and the command line, checked before it starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from interlock._files import read_settings
from interlock.errors import ConfigError
from interlock.serve.settings import GuardConfig, LedgerSettings


def read_config(path: Path | None, given: Mapping[str, Any]) -> GuardConfig:
    """The file's settings, overruled by those given.

    Args:
        path: a ``guard.toml``; None for none.
        given: nested like the file; None as a value is no setting.

    Raises:
        ConfigError: a line for each thing that is wrong.
    """
    settings = _overruled(read_settings(path) if path is not None else {}, given)
    try:
        return GuardConfig.model_validate(settings)
    except ValidationError as error:
        raise _named(error, path) from None


def read_faulty_config(path: Path) -> tuple[GuardConfig | None, tuple[str, ...], frozenset[str]]:
    """All that is wrong in a file, also what shows only once the rest is right.

    Returns:
        The settings without those that are wrong, None where that is not enough; a line for each
        fault; and the first names of what was left out.

    Raises:
        ConfigError: the file cannot be read, or is no TOML.
    """
    settings, lines = read_settings(path), list[str]()
    left_out = set[tuple[Any, ...]]()
    while True:
        try:
            return (
                GuardConfig.model_validate(settings),
                tuple(lines),
                frozenset(str(loc[0]) for loc in left_out),
            )
        except ValidationError as error:
            problems = [
                problem
                for problem in error.errors()
                # What a section lacks may be what was left out of it.
                if not any(loc[:-1] == problem["loc"] for loc in left_out)
            ]
            lines += [f"{path}: {_line(problem)}" for problem in problems]
            removed = {problem["loc"] for problem in error.errors() if problem["loc"]}
            if not any(_remove(settings, loc) for loc in removed):
                return None, tuple(lines), frozenset(str(loc[0]) for loc in left_out)
            left_out |= removed


def _remove(settings: dict[str, Any], loc: tuple[Any, ...]) -> bool:
    """Whether there was such a setting, or its nearest section or list, to be taken out."""
    place: Any = settings
    for depth, name in enumerate(loc):
        inner = place.get(name) if isinstance(place, dict) else None
        if depth == len(loc) - 1 or not isinstance(inner, dict):
            return isinstance(place, dict) and place.pop(name, None) is not None
        place = inner
    return False


def read_ledger_url(path: Path | None) -> str:
    """The ledger's address by the file, whatever else stands there.

    Raises:
        ConfigError: the file cannot be read, or its ``[ledger]`` is wrong.
    """
    section = read_settings(path).get("ledger", {}) if path is not None else {}
    try:
        return LedgerSettings.model_validate(section).url
    except ValidationError as error:
        raise _named(error, path, "ledger") from None


def read_keys(path: Path | None, variable: str) -> tuple[str, ...]:
    """Keys of a file and of an environment variable.

    Raises:
        ConfigError: the file cannot be read, holds no key, or a key is no plain ASCII.
    """
    keys = [key.strip() for key in os.environ.get(variable, "").split(",")]
    if path is not None:
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError((f"{path}: cannot be read ({error})",)) from None
        lines = [line for line in lines if line and not line.startswith("#")]
        if not lines:
            raise ConfigError((f"{path}: holds no key",))
        keys += lines
    keys = [key for key in keys if key]
    if any(not (key.isascii() and key.isprintable()) or " " in key for key in keys):
        raise ConfigError(("a key of the guard holds characters that no key has",))
    return tuple(dict.fromkeys(keys))


def _overruled(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(settings)
    for name, value in given.items():
        if isinstance(value, Mapping):
            inner = merged.get(name, {})
            if isinstance(inner, Mapping):  # else it is wrong, and told so
                merged[name] = _overruled(inner, value)
        elif value is not None:
            merged[name] = value
    return merged


def _named(error: ValidationError, path: Path | None, *within: str) -> ConfigError:
    where = f"{path}: " if path is not None else ""
    return ConfigError(tuple(where + _line(problem, within) for problem in error.errors()))


_SAID = {
    "extra_forbidden": "no such setting",
    "model_type": "give a table of settings",
    "is_instance_of": "give a path, as text",
}


def _line(problem: Mapping[str, Any], within: tuple[str, ...] = ()) -> str:
    name = ".".join(str(part) for part in (*within, *problem["loc"]))
    said = _SAID.get(problem["type"], str(problem["msg"]).removeprefix("Value error, "))
    if not name:
        return said
    shown = f" (given: {_shown(problem['input'])})" if problem["type"] != "extra_forbidden" else ""
    return f"{name}: {said}{shown}"


def _shown(value: Any) -> str:
    """For the log, without what may be secret in an address."""
    text = re.sub(r"//[^/@]*@", "//***@", repr(value))
    return re.sub(r"([?#])[^'\"]*", r"\1***", text)
