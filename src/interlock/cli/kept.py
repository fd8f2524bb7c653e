"""What an earlier run finished: told by a record of all that decides a result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from interlock._files import write_atomically
from interlock._version import __version__
from interlock._weights import fingerprint
from interlock.cli.bench import Bench


class Keeper:
    """Writes results of one run with what made them, and takes up those of an earlier one.

    Args:
        bench: with the model.
        folder: where results are written.
        decides: options and files that decide all results; plain values.
        force: take nothing up.
    """

    def __init__(
        self, bench: Bench, folder: Path, decides: Mapping[str, Any], *, force: bool = False
    ) -> None:
        self._bench, self._folder, self._decides = bench, folder, decides
        self._force = force

    @cached_property
    def _weights(self) -> str:
        return fingerprint(self._bench.model)

    def key(self, **more: Any) -> dict[str, Any]:
        """All that decides a result, as JSON gives it back."""
        found: dict[str, Any] = json.loads(
            json.dumps(
                {
                    **more,
                    "model": self._bench.classifier.name,
                    "weights_sha256": self._weights,
                    **self._decides,
                    "interlock": __version__,
                }
            )
        )
        return found

    def take(self, name: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record of that name, if it was made from just this and all its files are whole."""
        if self._force:
            return None
        try:
            record: dict[str, Any] = json.loads((self._folder / name).read_text("utf-8"))
            whole = all(
                file_digest(self._folder / file) == digest
                for file, digest in record["sha256"].items()
            )
            return record if whole and record["made_from"] == key else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(
        self, name: str, key: Mapping[str, Any], record: Mapping[str, Any], files: Iterable[str]
    ) -> dict[str, Any]:
        """Write a record; the last of what belongs to a result, for it says that all is there."""
        digests = {file: file_digest(self._folder / file) for file in files}
        full = {**record, "sha256": digests, "made_from": key}
        write_atomically(self._folder / name, json.dumps(full, indent=2) + "\n")
        return full


def file_digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read, which its reader will tell."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def input_digest(x: Tensor) -> str:
    """SHA-256 of a photo as the model takes it."""
    return sha256(x.detach().float().cpu().contiguous().numpy().tobytes()).hexdigest()
