"""A folder with other weights for a classifier that is loaded by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from interlock._files import read_text, write_atomically
from interlock._weights import fingerprint
from interlock.errors import DataError, ModelError

FILE, WEIGHTS = "derived.json", "weights.safetensors"


def save_derived(folder: Path, base: str, original: nn.Module, model: nn.Module) -> str:
    """Write weights so that the folder is a model by itself; their fingerprint.

    Args:
        folder: that exists.
        base: the original's name, as ``load_classifier`` takes it.
        original: as it is loaded by that name.
        model: with the new weights.
    """
    from safetensors.torch import save

    named = base != "embedded" and Path(base).exists()
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    write_atomically(folder / WEIGHTS, save(weights))
    record = {
        "base": str(Path(base).resolve()) if named else base,
        "base_weights": fingerprint(original),
        "weights": fingerprint(model),
    }
    write_atomically(folder / FILE, json.dumps(record, indent=2) + "\n")
    return record["weights"]


def read_derived(folder: Path) -> dict[str, Any]:
    """The record of a derived model.

    Raises:
        ModelError: it is damaged.
    """
    try:
        record: dict[str, Any] = json.loads(read_text(folder / FILE))
        parts = {name: str(record[name]) for name in ("base", "base_weights", "weights")}
    except (ValueError, KeyError, TypeError, DataError):
        raise ModelError(f"{folder / FILE}: damaged; make it again") from None
    if Path(parts["base"]).resolve() == folder.resolve():
        raise ModelError(f"{folder / FILE}: made of itself; make it again")
    return parts


def put_weights(folder: Path, model: nn.Module) -> None:
    """Give a loaded original the folder's weights.

    Raises:
        ModelError: the original has changed, or the weights are damaged.
    """
    from safetensors.torch import load_file

    record = read_derived(folder)
    if fingerprint(model) != record["base_weights"]:
        raise ModelError(f"{folder}: made of {record['base']}, whose weights are others now")
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except Exception as error:  # safetensors raises its own kinds for damaged files
        raise ModelError(f"{folder / WEIGHTS}: not the weights of this model: {error}") from None
    if fingerprint(model) != record["weights"]:
        raise ModelError(f"{folder / WEIGHTS}: damaged; make it again")
