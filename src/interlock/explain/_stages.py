"""The stages of an explanation: how long each took, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable

Told = Callable[[float], None]
DONE_AFTER = {"prior": 0.03, "path gradients": 0.64, "growth": 0.99, "dividends": 1.0}
"""Share of the work that is done after each stage, about, at the default settings."""


class Clock:
    """Seconds of each stage; tells how much of the work is done.

    Args:
        told: hears of the share, in [0, 1].
    """

    def __init__(self, told: Told | None) -> None:
        self.laps: dict[str, float] = {}
        self._told = told
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """A stage of ``DONE_AFTER`` has ended."""
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now
        if self._told is not None:
            self._told(DONE_AFTER[name])


def part_of(told: Told | None, number: int, count: int) -> Told | None:
    """Tells of one of several images as a part of all."""
    return None if told is None else lambda share: told((number + share) / count)
