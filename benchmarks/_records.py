"""Results kept as JSON lines, so that an interrupted benchmark goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock.lab.code import code_digest as code_digest

Record = dict[str, Any]


class Records:
    """A file of records, each with a ``key``; the last one of a key counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Record] = {}
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self._broken = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # the last line of a run that was killed
                continue
            self._known[record["key"]] = record

    def __getitem__(self, key: str) -> Record:
        return self._known[key]

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def add(self, records: Iterable[Record]) -> None:
        """Append to the file and remember."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            if self._broken:
                file.write("\n")
                self._broken = False
            for record in records:
                file.write(json.dumps(record) + "\n")
                self._known[record["key"]] = record

    def keys(self) -> frozenset[str]:
        """All keys on file."""
        return frozenset(self._known)


def key(**parts: Any) -> str:
    """A key that changes with any of its parts."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
