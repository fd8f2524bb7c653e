"""What a guard's metrics read off at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from interlock.serve.admission import Admission
from interlock.serve.breaker import Breaker
from interlock.serve.drift import DriftWatch, MeanBounds
from interlock.serve.ledger import Ledger
from interlock.serve.metrics import Metrics

_STATES = {"closed": 0, "trying": 1, "open": 2}
_BOUNDS: Mapping[str, Callable[[MeanBounds], float]] = {
    "lower": lambda b: b.lower,
    "upper": lambda b: b.upper,
    "seen_at_least": lambda b: b.estimate[0],
    "seen_at_most": lambda b: b.estimate[1],
}


def add_gauges(
    metrics: Metrics, admission: Admission, ledger: Ledger, breaker: Breaker, drift: DriftWatch
) -> None:
    """Show how full the guard is, and where the drift test stands."""
    gauge = metrics.gauge
    gauge("active_requests", "Requests voted on.", lambda: admission.active)
    gauge("waiting_requests", "Requests in the queue.", lambda: admission.waiting)
    gauge("ledger_waiting", "Decisions not on disk yet.", lambda: ledger.waiting)
    gauge("breaker_state", "0 closed, 1 trying again, 2 open.", lambda: _STATES[breaker.state])
    for name, bounds in drift.bounds.items():
        for which, value in _BOUNDS.items():
            read = partial(value, bounds)
            labels = {"of": name, "is": which}
            gauge("refusal_share", "Confidence bounds and what was seen.", read, labels)
        gauge(
            "drift",
            "1 from the moment on at which an assumption was ruled out.",
            partial(_alarmed, bounds),
            {"of": name},
        )


def _alarmed(bounds: MeanBounds) -> float:
    return float(bounds.alarm is not None)
