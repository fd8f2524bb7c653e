"""Fitted things on disk: tensors with a JSON header, tied to the model that they were fitted to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interlock._files import write_atomically
from interlock._weights import fingerprint
from interlock.errors import DataError, ModelError


def model_id(model: nn.Module) -> str:
    """What names a model in a fitted thing: half of its fingerprint."""
    return fingerprint(model)[:32]


def store(path: str | Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> Path:
    """Write safetensors with the header as JSON in its metadata, atomically."""
    from safetensors.torch import save

    plain = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    header = header | {"sha256": _digest(plain, header)}
    return write_atomically(path, save(plain, {"interlock": json.dumps(header, sort_keys=True)}))


def _digest(tensors: dict[str, Tensor], header: dict[str, Any]) -> str:
    """SHA-256 of all that is kept."""
    digest = sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@contextmanager
def complete(path: str | Path, kind: str) -> Iterator[None]:
    """Turn what goes wrong while fitted parts are put together into one line.

    Raises:
        DataError: a part is missing or of the wrong kind.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: an incomplete {kind} ({error}); fit it again") from None


def restore(
    path: str | Path, kind: str, version: int, model: nn.Module
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read it back: tensors, where the model's are, and header.

    Raises:
        DataError: no such file, or not one of this kind and version.
        ModelError: it was fitted to another model.
    """
    from safetensors import safe_open

    path = Path(path)
    place = next((weight.device for weight in model.state_dict().values()), None)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("interlock", "{}"))
            # Cloned: views into the file are unaligned and round differently.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own kinds for damaged files
        raise DataError(f"{path}: not a fitted {kind}: {error}") from None
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise DataError(f"{path}: not a fitted {kind}")
    if header.get("version") != version:
        raise DataError(
            f"{path}: version {header.get('version')} of a {kind}, this release reads {version}; "
            "fit it again"
        )
    stated = header.pop("sha256", None)  # which files of earlier releases lack
    if stated is not None and stated != _digest(tensors, header):
        raise DataError(f"{path}: damaged; fit the {kind} again")
    if header.get("model") != model_id(model):
        raise ModelError(f"{path}: fitted to another model; fit a {kind} to this one")
    return {name: tensor.to(place) for name, tensor in tensors.items()}, header
