"""Traces by OpenTelemetry: a span for each request, its vote, each copy, and each call.

Without an address to send them to nothing of it is imported, and a client's ``traceparent`` is
passed on as it is. No attribute holds text of a prompt or an answer, nor a name that a client
chose.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from interlock._version import __version__
from interlock.certify.vote.decision import ORIGINAL
from interlock.errors import InterlockError
from interlock.serve.vote import Ballot, Watcher

Pairs = Sequence[tuple[str, str]]
_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SECONDS = 5  # for one export; a collector that hangs holds nothing up


class RequestTrace(Protocol):
    """A request under way."""

    def answered(self, status: int, outcome: str | None) -> None:
        """The head of its answer is sent."""


class VoteTrace(Protocol):
    """A vote under way."""

    def watching(self, watch: Watcher | None) -> Watcher | None:
        """Whom the vote tells its steps."""

    def decided(self, ballot: Ballot) -> None:
        """It is over."""


class Traces(Protocol):
    """Where spans go; spans of one request find each other by its context."""

    def request(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[RequestTrace]:
        """The whole of a request."""

    def vote(self, key: str | None) -> AbstractContextManager[VoteTrace]:
        """One vote, within its request."""

    def call(self, copy: int) -> AbstractContextManager[Pairs]:
        """One call for a copy, or for the request as it came; gives the headers to send along."""

    def close(self) -> None:
        """Send what waits."""


class NoTraces:
    """Records nothing."""

    def __init__(self) -> None:
        self._parent: ContextVar[Pairs] = ContextVar("traceparent", default=())

    @contextmanager
    def request(self, path: str, headers: Mapping[str, str]) -> Iterator[RequestTrace]:
        """See :class:`Traces`; a client's ``traceparent`` is kept for its calls."""
        given = headers.get("traceparent", "")
        pairs = (("traceparent", given),) if _PARENT.fullmatch(given) else ()
        token = self._parent.set(pairs)
        try:
            yield self
        finally:
            self._parent.reset(token)

    def vote(self, key: str | None) -> AbstractContextManager[VoteTrace]:
        """See :class:`Traces`."""
        return nullcontext(self)

    def call(self, copy: int) -> AbstractContextManager[Pairs]:
        """See :class:`Traces`."""
        return nullcontext(self._parent.get())

    def close(self) -> None:
        """Nothing waits."""

    def answered(self, status: int, outcome: str | None) -> None:
        """Nothing is kept."""

    def watching(self, watch: Watcher | None) -> Watcher | None:
        """As it is."""
        return watch

    def decided(self, ballot: Ballot) -> None:
        """Nothing is kept."""


class OtelTraces:
    """Spans by OpenTelemetry's SDK.

    Args:
        provider: of tracers, with the exporter; it is shut down when the traces are closed.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace, self._provider = trace, provider
        self._tracer = provider.get_tracer("interlock.guard", __version__)
        self._wire = TraceContextTextMapPropagator()
        self._copies: ContextVar[_Copies] = ContextVar("copies")

    @contextmanager
    def request(self, path: str, headers: Mapping[str, str]) -> Iterator[RequestTrace]:
        """See :class:`Traces`; the client's span is the parent."""
        names = ("traceparent", "tracestate")
        carrier = {name: headers[name] for name in names if name in headers}
        with self._tracer.start_as_current_span(
            f"POST {path}",
            context=self._wire.extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": "POST", "http.route": path},
            **_PLAIN,
        ) as span:
            yield _Request(span, self._trace)

    @contextmanager
    def vote(self, key: str | None) -> Iterator[VoteTrace]:
        """See :class:`Traces`."""
        copies = _Copies()
        token = self._copies.set(copies)
        try:
            with self._tracer.start_as_current_span("vote", **_PLAIN) as span:
                if key is not None:
                    span.set_attribute("interlock.key", key)
                try:
                    yield _Vote(span, copies)
                finally:
                    copies.end()
        finally:
            self._copies.reset(token)

    @contextmanager
    def call(self, copy: int) -> Iterator[Pairs]:
        """See :class:`Traces`."""
        copies = self._copies.get()
        if copy not in copies.spans:
            name, of = ("original", {}) if copy == ORIGINAL else ("copy", {"interlock.copy": copy})
            copies.spans[copy] = self._tracer.start_span(name, attributes=of)
        within = self._trace.set_span_in_context(copies.spans[copy])
        span = self._tracer.start_span("upstream", within, self._trace.SpanKind.CLIENT)
        carrier: dict[str, str] = {}
        self._wire.inject(carrier, self._trace.set_span_in_context(span))
        try:
            yield tuple(carrier.items())
        except asyncio.CancelledError:
            span.set_attribute("interlock.end", "cancelled")
            raise
        except BaseException as error:  # its text may be the upstream's
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(self._trace.StatusCode.ERROR)
            raise
        finally:
            span.end()
            copies.ends[copy] = time.time_ns()

    def close(self) -> None:
        """See :class:`Traces`."""
        self._provider.shutdown()


_PLAIN: Mapping[str, Any] = {"record_exception": False, "set_status_on_exception": False}
"""Errors may hold a client's own words."""


@dataclass
class _Copies:
    """Spans of a vote's copies: each from its first call to its last verdict."""

    spans: dict[int, Any] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)

    def judged(self, copy: int, verdict: str) -> None:
        if copy in self.spans:
            self.spans[copy].set_attribute("interlock.verdict", verdict)
            self.ends[copy] = time.time_ns()

    def end(self) -> None:
        for copy, span in self.spans.items():
            span.end(self.ends.get(copy))


class _Request:
    def __init__(self, span: Any, trace: Any) -> None:
        self._span, self._trace = span, trace

    def answered(self, status: int, outcome: str | None) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if outcome is not None:
            self._span.set_attribute("interlock.outcome", outcome)
        if status >= 500:
            self._span.set_status(self._trace.StatusCode.ERROR)


class _Vote:
    def __init__(self, span: Any, copies: _Copies) -> None:
        self._span, self._copies = span, copies

    def watching(self, watch: Watcher | None) -> Watcher | None:
        def heed(step: Mapping[str, Any]) -> None:
            if step["event"] == "verdict":
                self._copies.judged(step.get("copy", ORIGINAL), step["verdict"])
            if watch is not None:
                watch(step)

        return heed

    def decided(self, ballot: Ballot) -> None:
        facts: dict[str, Any] = {"outcome": ballot.outcome, "repeated": ballot.repeated}
        facts |= {"copies": ballot.decision.copies, "calls": ballot.decision.calls}
        for name, value in facts.items():
            self._span.set_attribute(f"interlock.{name}", value)


def open_traces(endpoint: str | None, share: float, replica: str) -> Traces:
    """Traces that are sent to a collector.

    Args:
        endpoint: its address for OTLP over HTTP, with the path; None for no traces.
        share: of requests without a sampled parent that are traced, 0 to 1.
        replica: who sends them.

    Raises:
        InterlockError: the packages are missing.
    """
    if endpoint is None:
        return NoTraces()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
    except ImportError as error:
        raise InterlockError(
            f"traces need {error.name}; install it with: pip install 'interlock[otel]'"
        ) from None
    facts = {"service.name": "interlock-guard", "service.version": __version__}
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(share),
        resource=Resource.create({**facts, "service.instance.id": replica}),
    )
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelTraces(provider)
