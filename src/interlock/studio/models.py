"""Models by name, of which none brings code along: what a page asks for must not run anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interlock._files import read_text
from interlock.errors import DataError, ModelError
from interlock.models import Classifier, load_classifier
from interlock.models.available import Use, available_models
from interlock.models.derived import FILE, read_derived
from interlock.studio.board import Part

CONFIGURED = (
    "config.json", "preprocessor_config.json", "processor_config.json", "tokenizer_config.json",
    "video_preprocessor_config.json", "generation_config.json",
)  # fmt: skip
"""Files that may name code beside them."""
DEEPEST = 8
"""Folders that are each made of the next one."""


def listed(use: Use) -> list[Part]:
    """Models on this machine, as ``interlock models`` lists them, that are no code of a module."""
    return [
        {"name": one.name, "origin": one.origin, "megabytes": round(one.size / 1e6, 1)}
        for one in available_models(Path.cwd())
        if one.use == use and one.verbs and not one.runs_code
    ]


def load_plain(name: str, device: str | None) -> Classifier:
    """A classifier by the name that the page gives it: embedded, a folder, or in the hub's cache.

    Raises:
        ModelError: there is no such one, it cannot be loaded, or it would run code of its own.
    """
    check_plain(name)
    return load_classifier(name, device=device)


def check_plain(name: str, use: Use = "classifier") -> None:
    """Refuse what is no model on this machine, and what would run code of its own.

    Args:
        name: as the page gives it.
        use: what it is wanted for.

    Raises:
        ModelError: it is one of them.
    """
    for part in _made_of(name):
        here = part == "embedded" or Path(part).is_dir()
        if not here and part not in [one["name"] for one in listed(use)]:
            raise ModelError(f"{part}: no folder on this machine, nor in the list of models")
    check_codeless(name)


def check_codeless(name: str) -> None:
    """Refuse a folder that would run code of its own, or is made of one.

    That is one whose configuration names Python files, or that is made by a factory
    (``package.module:function``). Weights are read by readers that run nothing.

    Raises:
        ModelError: it is one of them.
    """
    first, *others = _made_of(name)
    for part in others:
        if ":" in part and not Path(part).exists():
            raise ModelError(f"{name}: made by {part}, code that the studio does not run")
    for part in (first, *others):
        for file, content in _configurations(part):
            if "auto_map" in content:
                raise ModelError(
                    f"{part}: its {file} names code of its own, which the studio never runs"
                )


def never_run_code() -> None:
    """Nobody is asked whether code that a model brings along may run: it may not."""
    from transformers import dynamic_module_utils

    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0


def _made_of(name: str) -> Iterator[str]:
    """A name, and what each folder of ``interlock defend harden`` says that it is made of."""
    part = name
    yield part
    for _ in range(DEEPEST):
        if not (Path(part) / FILE).is_file():
            return
        part = read_derived(Path(part))["base"]
        yield part
    raise ModelError(f"{name}: made of folder after folder; load the first one")


def _configurations(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in CONFIGURED:
        path = Path(name) / file if Path(name).is_dir() else _cached(name, file)
        try:
            content = json.loads(read_text(path)) if path is not None and path.is_file() else None
        except (DataError, ValueError):
            continue  # loading it says what is wrong
        if isinstance(content, dict):
            yield file, content


def _cached(name: str, file: str) -> Path | None:
    """A file of a model in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    try:
        path = try_to_load_from_cache(name, file)
    except ValueError:  # no id of the hub
        return None
    return Path(path) if isinstance(path, str) else None
