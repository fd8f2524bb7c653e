"""What ``/metrics`` tells Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)


class Metrics:
    """The counters of one guard, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry, "namespace": "interlock_guard"}
        self.requests = Counter(
            "requests", "Chat requests by what became of them.", ["outcome"], **own
        )
        self.seconds = Histogram(
            "decision_seconds", "From arrival to decision.", buckets=_SECONDS, **own
        )
        self.votes = Counter("votes", "Votes of copies.", ["verdict"], **own)
        self.calls = Counter(
            "upstream_calls", "Calls of the upstream by their end.", ["end"], **own
        )
        self.saved = Counter(
            "copies_saved", "Copies never asked, for the vote was already settled.", **own
        )
        self.tokens = Counter("tokens", "Tokens as the upstream counts.", ["kind"], **own)
        self._own = own
        self._gauges: dict[str, Gauge] = {}

    def gauge(
        self,
        name: str,
        help: str,
        value: Callable[[], float],
        labels: dict[str, str] | None = None,
    ) -> None:
        """A number that is read when it is asked for."""
        made = self._gauges.get(name)
        if made is None:
            made = self._gauges[name] = Gauge(name, help, list(labels or ()), **self._own)
        (made.labels(**labels) if labels else made).set_function(value)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
