"""What an earlier run finished: told by a record of all that decides a result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup
from torch import Tensor

from interlock._files import file_digest, write_atomically
from interlock._version import __version__
from interlock.cli.bench import Bench
from interlock.report import Chapter


class Keeper:
    """Writes results of one run with what made them, and takes up those of an earlier one.

    Args:
        bench: with the model; None for results that no classifier made, which have no ``key``.
        folder: where results are written.
        decides: options and files that decide all results; plain values.
        force: take nothing up.
    """

    def __init__(
        self, bench: Bench | None, folder: Path, decides: Mapping[str, Any], *, force: bool = False
    ) -> None:
        self._bench, self._folder, self._decides = bench, folder, decides
        self._force = force

    def key(self, **more: Any) -> dict[str, Any]:
        """All that decides a result, as JSON gives it back."""
        assert self._bench is not None
        return plain(
            {
                **more,
                "model": self._bench.name,
                "weights_sha256": self._bench.weights,
                **self._decides,
                "interlock": __version__,
            }
        )

    def take(
        self, name: str, key: Mapping[str, Any] | None, under: str = "made_from"
    ) -> dict[str, Any] | None:
        """The record of that name, if it was made from just this and all its files are whole.

        Args:
            name: of the record's file.
            key: what decides the result; None is never what it was made from.
            under: where the record holds it.
        """
        if self._force or key is None:
            return None
        try:
            record: dict[str, Any] = json.loads((self._folder / name).read_text("utf-8"))
            whole = all(
                file_digest(self._folder / file) == digest
                for file, digest in record["sha256"].items()
            )
            return record if whole and record[under] == key else None
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

    def put_chapters(self, name: str, chapters: Sequence[Chapter]) -> str:
        """Write parts of a report beside the results, to be taken up with them."""
        write_atomically(self._folder / name, json.dumps([asdict(one) for one in chapters]))
        return name

    def chapters(self, name: str) -> list[Chapter]:
        """What :meth:`put_chapters` wrote."""
        kept = json.loads((self._folder / name).read_text("utf-8"))
        return [Chapter(**one | {"body": Markup(one["body"])}) for one in kept]


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    loaded: dict[str, Any] = json.loads(json.dumps(value))
    return loaded


def seal(record: Mapping[str, Any]) -> str:
    """A digest of what a record tells, kept in it, so that a damaged one is made again."""
    beside = ("sha256", "made_from", "seal")
    facts = {name: value for name, value in record.items() if name not in beside}
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def input_digest(x: Tensor) -> str:
    """SHA-256 of a photo as the model takes it."""
    return sha256(x.detach().float().cpu().contiguous().numpy().tobytes()).hexdigest()
