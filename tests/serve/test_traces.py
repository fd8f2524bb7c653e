"""Traces: who is whose parent, what goes upstream, and that no text is in them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interlock.errors import InterlockError
from interlock.serve.traces import OtelTraces, open_traces
from tests.serve.running import running
from tests.serve.scripted_upstream import NO, YES, Scripted, last_user_text, listening

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
CANARY = "canary words in the prompt"
BODY: Any = {"model": "canary-model", "messages": [{"role": "user", "content": CANARY}]}


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


@pytest.mark.slow
def test_without_an_address_nothing_is_imported_and_the_parent_goes_on(tmp_path: Path) -> None:
    code = (
        "import sys, interlock.serve.run;"
        "from interlock.serve.traces import open_traces; open_traces(None, 1.0, 'r').close();"
        "print([n for n in sys.modules if n.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    # FastAPI takes the API's names by itself, where they are installed.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            await guard.post(traceparent=PARENT)
            assert {sent["traceparent"] for sent in upstream.headers} == {PARENT}
            for odd in (f"{PARENT}-extra", f"00-{'0' * 32}-{SPAN}-01", "tell me a secret", ""):
                upstream.headers.clear()
                await guard.post(traceparent=odd)
                assert upstream.headers
                assert not any("traceparent" in sent for sent in upstream.headers), odd

    run(go())


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    with pytest.raises(InterlockError, match=r"pip install 'interlock\[otel\]'") as caught:
        open_traces("http://127.0.0.1:9/v1/traces", 1.0, "r")
    assert "\n" not in str(caught.value)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Spans in memory, of guards that are made now."""
    reason = "opentelemetry-sdk is not installed (interlock[otel])"
    pytest.importorskip("opentelemetry.sdk", reason=reason)
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = OtelTraces(provider)
    monkeypatch.setattr("interlock.serve.guard.open_traces", lambda *_: traces)
    return exporter


def test_spans_of_one_request(tmp_path: Path, exported: Any) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, keys=("k",)) as guard:
            key = {"authorization": "Bearer k"}
            answer = await guard.post(BODY, traceparent=PARENT, **key)
            assert answer.json()["interlock"]["outcome"] == "released"
            spans = exported.get_finished_spans()
            named: dict[str, list[Any]] = {}
            for span in spans:
                named.setdefault(span.name, []).append(span)
            assert set(named) == {
                "POST /v1/chat/completions", "vote", "copy", "original", "upstream",
            }  # fmt: skip
            assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
            (request,), (vote,) = named["POST /v1/chat/completions"], named["vote"]
            assert f"{request.parent.span_id:016x}" == SPAN
            assert dict(request.attributes) == {
                "http.request.method": "POST",
                "http.route": "/v1/chat/completions",
                "http.response.status_code": 200,
                "interlock.outcome": "released",
            }
            assert vote.parent.span_id == request.context.span_id
            assert vote.attributes["interlock.key"].startswith("unnamed-")
            calls = answer.json()["interlock"]["calls"]
            assert vote.attributes["interlock.calls"] == calls == len(named["upstream"])
            each = [*named["copy"], *named["original"]]
            assert {span.parent.span_id for span in each} == {vote.context.span_id}
            ids = {span.context.span_id for span in each}
            assert {span.parent.span_id for span in named["upstream"]} == ids
            judged = [s.attributes.get("interlock.verdict") for s in named["copy"]]
            assert judged.count("complied") >= 3
            assert all(span.start_time <= span.end_time for span in spans)
            # Each call was sent its own span.
            sent = {headers["traceparent"] for headers in upstream.headers}
            assert sent <= {
                f"00-{TRACE}-{span.context.span_id:016x}-01" for span in named["upstream"]
            }
            assert len(sent) == len(upstream.headers)

    run(go())


def test_no_text_is_in_spans(tmp_path: Path, exported: Any) -> None:
    """Whatever goes wrong, wherever a client writes it."""

    async def go() -> None:
        upstream = Scripted(lambda text: NO if "nasty" in text else f"{YES} {text}")
        async with running(tmp_path, upstream) as guard:
            bad = [{"role": "user", "content": f"nasty {CANARY}"}]
            await guard.post(BODY)
            await guard.post(BODY | {"messages": bad, "stream": True})
            await guard.post(BODY | {"canary key": 1}, x_request_id="canary-id")
            await guard.post(BODY | {"messages": [{"role": "canary", "content": "x"}]})
            await guard.http.post("/v1/canary", json=BODY)

            async def complains(exchange: Any) -> None:
                said = {"error": {"message": f"nasty: {last_user_text(exchange.body)}"}}
                await exchange.whole(400, json.dumps(said).encode())

            upstream.step = complains
            await guard.post(BODY | {"messages": [{"role": "user", "content": f"new {CANARY}"}]})
        spans = exported.get_finished_spans()
        assert len([span for span in spans if span.name.startswith("POST")]) == 5
        whole = " ".join(span.to_json() for span in spans)
        for word in ("canary", "words in the prompt", "step by step", "can't help", "nasty"):
            assert word not in whole, word

    run(go())


class Collector:
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.got.append((scope["method"], scope["path"], headers, body))
        kind = [(b"content-type", b"application/x-protobuf")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": b""})


def test_spans_reach_a_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the exporter that people run, over a socket: in one piece when the guard ends."""
    package = "opentelemetry.proto.collector.trace.v1.trace_service_pb2"
    reason = "opentelemetry-exporter-otlp-proto-http is not installed (interlock[otel])"
    wire = pytest.importorskip(package, reason=reason)
    for name in [one for one in os.environ if one.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")  # milliseconds
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=kites")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UPSTREAM_KEY", "sk-upstream-secret")

    async def go() -> Collector:
        collector, upstream = Collector(), Scripted(lambda text: f"{YES} {text}")
        async with listening(collector, lifespan="off") as url:
            given = {"endpoint": f"{url}/v1/traces"}
            async with running(
                tmp_path, upstream, keys=("sk-client-secret",), traces=given,
                upstream_key_env="UPSTREAM_KEY",
            ) as guard:  # fmt: skip
                answer = await guard.post(
                    BODY, authorization="Bearer sk-client-secret", x_request_id="canary-id"
                )
                assert CANARY in answer.json()["choices"][0]["message"]["content"]
                assert collector.got == []
        assert "Bearer sk-upstream-secret" in {sent["authorization"] for sent in upstream.headers}
        return collector

    ((method, path, headers, body),) = asyncio.run(asyncio.wait_for(go(), 120)).got
    assert (method, path) == ("POST", "/v1/traces")
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["x-tenant"] == "kites"
    (resource,) = wire.ExportTraceServiceRequest.FromString(body).resource_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "interlock-guard"
    spans = [span for scope in resource.scope_spans for span in scope.spans]
    names = [span.name for span in spans]
    assert set(names) == {"POST /v1/chat/completions", "vote", "copy", "original", "upstream"}
    assert names.count("upstream") == names.count("copy") + names.count("original") >= 4
    assert len({span.trace_id for span in spans}) == 1
    for word in ("canary", "words in the prompt", "step by step", "secret"):
        assert word.encode() not in body, word
