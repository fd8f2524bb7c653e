"""``study.json`` of a folder: the study as it was run last, sealed like the Parquet beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.errors import OutputError

FILE = "study.json"
UNSEALED = {"name", "task", "file", "base", "device", "study", "text"}
"""All that earlier versions wrote, without a seal: where there is more, its name is damaged."""


def keep_study(kept: Mapping[str, Any], folder: Path) -> None:
    """Write it.

    Raises:
        OutputError: it cannot be written.
    """
    whole = {**kept, "seal": _seal(kept)}
    write_atomically(folder / FILE, json.dumps(whole, indent=2) + "\n")


def kept_study(folder: Path) -> dict[str, Any]:
    """What was kept; a file without a seal is an earlier version's.

    Raises:
        OutputError: there is none, or it is damaged.
    """
    path = folder / FILE
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
        seal = kept.pop("seal", None)
        if seal != _seal(kept) and not (seal is None and kept.keys() <= UNSEALED):
            raise ValueError("its bytes are not those that were written")
    except (OSError, ValueError, AttributeError) as error:
        raise OutputError(f"{path}: holds no study ({error}); run it again") from None
    return kept


def _seal(kept: Mapping[str, Any]) -> str:
    return sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
