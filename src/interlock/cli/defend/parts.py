"""Finished pieces of an evaluation on disk: tallies and universal patches, with what made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interlock._files import write_atomically
from interlock.defend.attacks.universal import UniversalPatch
from interlock.defend.evaluation import Case, Tally, Trial


def store(path: Path, key: Mapping[str, Any], tensors: Mapping[str, Tensor], **facts: Any) -> None:
    """Write tensors and plain facts to one file, whole or absent."""
    from safetensors.torch import save

    header = json.dumps({"key": _digest(key), **facts}, sort_keys=True)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, {"interlock": header}))


def restore(path: Path, key: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and facts, if the file is whole and was made from just this."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})["interlock"])
            if facts["key"] != _digest(key):
                return None
            # Cloned: they outlive the file, which may be written anew.
            return {name: file.get_tensor(name).clone() for name in file.keys()}, facts  # noqa: SIM118
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def store_tally(path: Path, key: Mapping[str, Any], tally: Tally) -> None:
    """Write a tally with the pictures of its cases."""
    tensors = {f"right.{row}": hits for row, hits in tally.right.items()}
    tensors |= {f"passes.{row}": count for row, count in tally.passes.items()}
    tensors["masked"] = tally.masked
    cases = []
    for k, case in enumerate(tally.cases):
        tensors |= {f"case.{k}.{name}": getattr(case, name) for name in ("image", "patch", "mask")}
        names = ("kind", "truth", "undefended", "label", "index")
        cases.append({name: getattr(case, name) for name in names})
    store(path, key, tensors, cases=cases, rows=list(tally.right))


def restore_tally(path: Path, key: Mapping[str, Any], trial: Trial) -> Tally | None:
    """The tally of that trial, if the file is whole and was made from just this."""
    found = restore(path, key)
    if found is None:
        return None
    tensors, facts = found
    cases = []
    for k, case in enumerate(facts["cases"]):
        planes = {name: tensors[f"case.{k}.{name}"] for name in ("image", "patch", "mask")}
        cases.append(Case(**{"trial": trial, **planes, **case}))
    rows = facts["rows"]
    return Tally(
        trial,
        {row: tensors[f"right.{row}"] for row in rows},
        {row: tensors[f"passes.{row}"] for row in rows if f"passes.{row}" in tensors},
        tensors["masked"],
        tuple(cases),
    )


def store_patch(path: Path, key: Mapping[str, Any], patch: UniversalPatch) -> None:
    """Write a trained patch."""
    store(path, key, {f.name: getattr(patch, f.name) for f in fields(patch)})


def restore_patch(
    path: Path, key: Mapping[str, Any], device: torch.device
) -> UniversalPatch | None:
    """The trained patch, if the file is whole and was made from just this."""
    found = restore(path, key)
    if found is None:
        return None
    return UniversalPatch(**{name: tensor.to(device) for name, tensor in found[0].items()})


def _digest(key: Mapping[str, Any]) -> str:
    return sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
