"""Does the traffic still behave as the certificate assumes? A test that may be read at any time.

A vote that stops early leaves copies unseen, and refusals come sooner than long answers, so the
seen copies are no fair sample. Each request therefore gives an interval, [refused / N, (N -
complied) / N], which holds the share that all N copies would have given; lower bounds are built on
its lower end, upper bounds on its upper end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from interlock.certify import CertificateCard
from interlock.certify.bounds.confidence_sequence import MeanBounds

Subject = Literal["traffic_copies_refused", "certified_copies_refused", "certified_blocked"]


@dataclass(frozen=True)
class Seen:
    """What one vote showed."""

    refused: int
    complied: int
    copies: int
    outcome: str
    certified: bool
    """Whether it is held against the certificate."""


@dataclass
class DriftWatch:
    """The running comparisons of one guard."""

    confidence: float
    bounds: dict[Subject, MeanBounds] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        confidence: float,
        card: CertificateCard | None,
        expected: tuple[float, float] | None,
    ) -> DriftWatch:
        """Compare all traffic with ``expected`` and what is held against the card with the card.

        The card assumes that of such attacks at least ``lower`` are blocked; where it carries the
        published certificate too, that a copy refuses with probability at least its alpha.
        """
        watch = cls(confidence, {"traffic_copies_refused": MeanBounds(confidence, expected)})
        if card is not None:
            watch.bounds["certified_blocked"] = MeanBounds(confidence, (card.lower, 1.0))
            alike = (card.alike.alpha, 1.0) if card.alike is not None else None
            watch.bounds["certified_copies_refused"] = MeanBounds(confidence, alike)
        return watch

    def begin_anew(self) -> None:
        """Forget what was seen, and the alarms with it."""
        for name, bounds in self.bounds.items():
            self.bounds[name] = MeanBounds(self.confidence, bounds.expected)

    def observe(self, seen: Seen) -> None:
        """Take in one vote."""
        low, high = seen.refused / seen.copies, 1 - seen.complied / seen.copies
        self.bounds["traffic_copies_refused"].observe(low, high)
        if not seen.certified or "certified_blocked" not in self.bounds:
            return
        self.bounds["certified_copies_refused"].observe(low, high)
        blocked = {"blocked": (1.0, 1.0), "released": (0.0, 0.0)}.get(seen.outcome, (0.0, 1.0))
        self.bounds["certified_blocked"].observe(*blocked)

    @property
    def alarms(self) -> dict[str, str]:
        """What left its range, and how."""
        return {name: b.alarm for name, b in self.bounds.items() if b.alarm is not None}

    def to_dict(self) -> dict[str, object]:
        """For ``/readyz`` and the page."""
        return {
            name: {
                "seen": b.seen,
                "estimate": list(b.estimate),
                "lower": b.lower,
                "upper": b.upper,
                "expected": list(b.expected) if b.expected is not None else None,
                "confidence": self.confidence,
                "alarm": b.alarm,
            }
            for name, b in self.bounds.items()
        }
