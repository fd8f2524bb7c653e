"""What ``/metrics`` tells Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from interlock.certify import Verdict
from interlock.certify.bounds.confidence_sequence import MeanBounds
from interlock.serve.admission import Admission
from interlock.serve.breaker import Breaker
from interlock.serve.drift import DriftWatch, Subject
from interlock.serve.ledger import Ledger
from interlock.serve.ledger_table import Entry
from interlock.serve.vote import Ballot

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
_STATES = {"closed": 0, "trying": 1, "open": 2}
_BOUNDS: Mapping[str, Callable[[MeanBounds], float]] = {
    "lower": lambda b: b.lower,
    "upper": lambda b: b.upper,
    "seen_at_least": lambda b: b.estimate[0],
    "seen_at_most": lambda b: b.estimate[1],
}


class Metrics:
    """The counters of one guard, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry, "namespace": "interlock_guard"}
        self.requests = Counter(
            "requests", "Chat requests by what became of them.", ["outcome"], **own
        )
        self.decided = Counter(
            "decided", "Decisions by defence and stage.", ["defence", "stage", "outcome"], **own
        )
        self.watched = Counter(
            "watched", "Requests answered under watch, by what a guard would do.", ["would"], **own
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

    def count(self, ballot: Ballot, entry: Entry) -> None:
        """A decision that is on record."""
        self.requests.labels(entry.outcome).inc()
        self.decided.labels(entry.defence, entry.stage or "none", entry.outcome).inc()
        if ballot.watched:
            self.watched.labels(ballot.would or "not voted on").inc()
        self.seconds.observe(entry.milliseconds / 1000)
        for verdict in Verdict:
            self.votes.labels(verdict.value).inc(ballot.decision.count(verdict))
        self.saved.inc(ballot.decision.saved)
        self.tokens.labels("prompt").inc(entry.prompt_tokens)
        self.tokens.labels("completion").inc(entry.completion_tokens)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


def add_gauges(
    metrics: Metrics, admission: Admission, ledger: Ledger, breaker: Breaker, drift: DriftWatch
) -> None:
    """Show how full the guard is, and where the drift test stands."""
    gauge = metrics.gauge
    gauge("active_requests", "Requests voted on.", lambda: admission.active)
    gauge("waiting_requests", "Requests in the queue.", lambda: admission.waiting)
    gauge("ledger_waiting", "Decisions not on disk yet.", lambda: ledger.waiting)
    gauge("breaker_state", "0 closed, 1 trying again, 2 open.", lambda: _STATES[breaker.state])
    for name in drift.bounds:
        for which, value in _BOUNDS.items():
            read = partial(_bound, drift, name, value)
            labels = {"of": name, "is": which}
            gauge("refusal_share", "Confidence bounds and what was seen.", read, labels)
        gauge(
            "drift",
            "1 from the moment on at which an assumption was ruled out.",
            partial(_alarmed, drift, name),
            {"of": name},
        )


def _bound(drift: DriftWatch, name: Subject, value: Callable[[MeanBounds], float]) -> float:
    return value(drift.bounds[name])


def _alarmed(drift: DriftWatch, name: Subject) -> float:
    return float(drift.bounds[name].alarm is not None)
