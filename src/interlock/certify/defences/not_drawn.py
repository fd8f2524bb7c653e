"""What defences share that draw nothing at random: no number of copies, mostly one question."""

from __future__ import annotations


class NotDrawn:
    """A defence that is no majority of random copies."""

    @property
    def copies(self) -> None:
        """None: no copies are drawn."""
        return None


class OneQuestion(NotDrawn):
    """One question decides."""

    @property
    def most(self) -> int:
        """One."""
        return 1
