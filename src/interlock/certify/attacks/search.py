"""Search attacks on many requests, keeping each outcome: what ``interlock certify attack`` runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock.certify.attacks.attack import Attack
from interlock.errors import ModelError, OutputError

if TYPE_CHECKING:
    from interlock.certify.attacks.gcg import SuffixAttack
    from interlock.certify.judges.judge import Judge
    from interlock.certify.targets.local import LocalTarget

Progress = Callable[[int, int], None]
"""Told how many searches are done, and of how many."""


def search_attacks(
    target: LocalTarget,
    attack: SuffixAttack,
    judge: Judge,
    requests: Sequence[tuple[str, str]],
    *,
    journal: str | Path,
    seed: int = 0,
    progress: Progress | None = None,
    failed: Callable[[str, str], None] | None = None,
    known_only: bool = False,
) -> list[Attack | None]:
    """One suffix search for each request; failures are outcomes, too.

    A search that cannot start is one: it is written down with its reason, and the others go on.

    Args:
        target: a local model.
        attack: settings of the search.
        judge: confirms each success.
        requests: the user's message, and the opening of the answer wished for.
        journal: a JSONL file that each outcome is appended to as it comes. A run that was killed
            goes on from there; a search is repeated only if target, settings, judge, request or
            seed have changed.
        seed: request i is searched with seed + i.
        progress: told after each search.
        failed: told the request and the reason where a search could not be made.
        known_only: search nothing, and take what the journal holds.

    Returns:
        In the order of the requests; None where no suffix was found.

    Raises:
        OutputError: the journal cannot be read or written.
    """
    path = Path(journal)
    known = _read(path)
    shared: list[Any] = [dict(target.identity), asdict(attack), dict(judge.identity)]
    attacks: list[Attack | None] = []
    for i, (request, opening) in enumerate(requests):
        parts = json.dumps([*shared, request, opening, seed + i], sort_keys=True)
        key = sha256(parts.encode()).hexdigest()
        if key not in known and known_only:
            known[key] = None
        elif key not in known:
            known[key] = None
            row: dict[str, Any] = {"key": key, "attack": None}
            try:
                outcome = attack.run(target, request, opening, judge, seed=seed + i)
            except ModelError as error:  # of this request; the others go on
                row["error"] = str(error)
                if failed is not None:
                    failed(request, str(error))
            else:
                known[key] = row["attack"] = asdict(outcome) if outcome is not None else None
            _append(path, row)
        kept = known[key]
        attacks.append(
            Attack(**{**kept, "span": tuple(kept["span"]), "earlier": ()})
            if kept is not None
            else None
        )
        if progress is not None:
            progress(i + 1, len(requests))
    return attacks


def _read(path: Path) -> dict[str, dict[str, Any] | None]:
    """Outcomes by key; a last line that a kill cut short is searched again."""
    if not path.exists():
        return {}
    known: dict[str, dict[str, Any] | None] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                known[row["key"]] = row["attack"]
            except (ValueError, KeyError, TypeError):
                continue
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: cannot be read as a journal of searches ({error})") from None
    return known


def _append(path: Path, row: Mapping[str, Any]) -> None:
    try:
        # A cut-off last line must not swallow this one.
        torn = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if torn else "") + json.dumps(row) + "\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
