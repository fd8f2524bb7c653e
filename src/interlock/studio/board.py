"""What the page shows, part by part: it stays when the page is loaded again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

Part = Mapping[str, Any]
"""Of the page, as plain values for JSON."""


class Board:
    """Parts by name, each with a number that changes when the part does. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, tuple[int, Part]] = {}
        self._last = 0

    def put(self, name: str, part: Part) -> None:
        """Show a part in the place of the one of that name."""
        with self._lock:
            self._last += 1
            self._parts[name] = self._last, part

    def drop(self, *names: str) -> None:
        """Show these no more."""
        with self._lock:
            for name in names:
                self._parts.pop(name, None)

    def get(self, name: str) -> tuple[int, Part] | None:
        """A part and its number."""
        with self._lock:
            return self._parts.get(name)

    @property
    def numbers(self) -> dict[str, int]:
        """Of all parts that are shown."""
        with self._lock:
            return {name: number for name, (number, _) in self._parts.items()}
