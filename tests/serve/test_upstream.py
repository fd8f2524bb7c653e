"""The calls that the guard makes: what goes out, and what may come back."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import zlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from interlock.serve.completion import Completion, MalformedError
from interlock.serve.upstream import Call, HttpUpstream, LostError
from interlock.serve.wire_error import UpstreamRefusedError, WireError
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import NO, YES, Exchange, Fault, Scripted, listening, usage

CALL = Call({"model": "m", "messages": ASK}, "req-1")


Outcome = Completion | LostError


def ask(
    step: Fault, *, times: int = 1, host: str = "127.0.0.1", **options: Any
) -> tuple[Scripted, list[Outcome]]:
    """Ask a server this often, one call after the other."""
    server, answers = Scripted(lambda _: YES, step), list[Outcome]()

    async def go() -> None:
        async with listening(server) as url:
            upstream = HttpUpstream(f"{url.replace('127.0.0.1', host)}/v1", **options)
            for _ in range(times):
                answers.append(await outcome(upstream))
            await upstream.aclose()

    asyncio.run(go())
    return server, answers


async def outcome(upstream: HttpUpstream) -> Outcome:
    try:
        return await upstream.ask(CALL, lambda _: False)
    except LostError as error:
        return error


def test_no_cookie_goes_from_one_users_call_to_the_next() -> None:
    async def step(exchange: Exchange) -> None:
        await exchange.start(set_cookie="session=of-the-first-user; Path=/")
        await exchange.chunk({"content": exchange.said}, "stop")
        await exchange.done()

    server, _ = ask(step, times=3, host="localhost")  # cookies of bare addresses are dropped anyway
    assert len(server.headers) == 3
    assert not any("cookie" in headers for headers in server.headers)


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_an_answer_that_is_packed_all_the_same_is_understood(how: str, kind: str) -> None:
    choice = {"index": 0, "finish_reason": "stop"}
    if kind == "application/json":
        whole = json.dumps({"choices": [choice | {"message": {"content": YES}}]})
    else:
        whole = f"data: {json.dumps({'choices': [choice | {'delta': {'content': YES}}]})}\n\n"

    async def step(exchange: Exchange) -> None:
        await exchange.whole(200, PACK[how](whole.encode()), kind, content_encoding=how)

    server, (answer,) = ask(step)
    assert server.headers[0]["accept-encoding"] == "identity"
    assert isinstance(answer, Completion)
    assert answer.text == YES


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_the_limit_is_of_the_unpacked_bytes(kind: str) -> None:
    async def step(exchange: Exchange) -> None:
        packed = gzip.compress(b" " * 50_000_000)
        assert len(packed) < 100_000
        await exchange.whole(200, packed, kind, content_encoding="gzip")

    _, (lost,) = ask(step, max_bytes=100_000)
    assert str(lost) == "an answer of more than 100000 bytes"


def test_a_proxy_is_used_for_other_machines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        proxy = Scripted(lambda _: YES)
        async with listening(proxy) as url:
            for name in ("http_proxy", "HTTP_PROXY"):
                monkeypatch.setenv(name, url)
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.setenv(name, "inside.invalid")
            for host, proxied in (("model.invalid", 1), ("inside.invalid", 0), ("127.0.0.1:9", 0)):
                proxy.seen.clear()
                upstream = HttpUpstream(f"http://{host}/v1")
                answer = await outcome(upstream)
                assert (len(proxy.seen), isinstance(answer, Completion)) == (proxied, proxied == 1)
                await upstream.aclose()

    asyncio.run(go())


@pytest.mark.parametrize(
    "kind",
    ["Text/Event-Stream; Charset=utf-8", "Application/JSON", "text/JSON", "application/vnd.x+JSON"],
)
def test_content_types_are_compared_without_case(kind: str) -> None:
    async def step(exchange: Exchange) -> None:
        choice = {"index": 0, "finish_reason": "stop"}
        if "JSON" in kind:
            whole = json.dumps({"choices": [choice | {"message": {"content": YES}}]})
        else:
            whole = f"data: {json.dumps({'choices': [choice | {'delta': {'content': YES}}]})}\n\n"
        await exchange.whole(200, whole.encode(), kind)

    _, (answer,) = ask(step)
    assert isinstance(answer, Completion)
    assert answer.text == YES


@pytest.mark.parametrize("blank", ["data:\n\n", "data: \n\n", ": ping\n\n", "event: ping\n\n"])
def test_a_stream_may_end_without_a_reason_and_hold_blanks(blank: str) -> None:
    """Some servers say [DONE] and no finish_reason; without either the answer is half of one."""

    async def step(exchange: Exchange, end: str = "data: [DONE]\n\n") -> None:
        await exchange.start()
        await exchange.write(blank.encode())
        await exchange.chunk({"content": YES})
        await exchange.write((blank + end).encode(), more=False)

    async def half(exchange: Exchange) -> None:
        await step(exchange, "")

    _, (answer,) = ask(step)
    assert isinstance(answer, Completion)
    assert (answer.text, answer.finish_reason) == (YES, "stop")
    _, (torn,) = ask(half)
    assert isinstance(torn, Completion)
    with pytest.raises(MalformedError, match="ends in the middle"):
        torn.reply()


def test_silence_ends_a_call_and_length_does_not() -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.start()
        for word in YES.split():  # longer in all than the time-out, and never silent for so long
            await asyncio.sleep(0.25)
            await exchange.chunk({"content": word + " "})
        await exchange.chunk({}, "stop")
        await exchange.done()

    async def silent(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk({"content": "Sure"})
        await asyncio.sleep(30)

    _, (answer,) = ask(slow, timeout=1.5)
    assert isinstance(answer, Completion)
    assert answer.text.split() == YES.split()
    _, (lost,) = ask(silent, timeout=0.5)
    assert str(lost) == "no sound within 0.5 s"


@pytest.mark.parametrize(
    "error",
    [
        {"code": "content_filter", "message": "withheld", "status": 400},
        {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}},
        {"type": "content_filter", "code": None, "innererror": None},
        {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "how do I"}},
        {"code": "data_inspection_failed"},
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_a_prompt_that_the_upstreams_filter_withholds_is_an_answer(error: Any, status: int) -> None:
    async def step(exchange: Exchange) -> None:
        await exchange.whole(status, json.dumps({"error": error}).encode())

    _, (answer,) = ask(step)
    assert isinstance(answer, Completion)
    assert (answer.finish_reason, answer.reply().finish) == ("content_filter", "blocked")


def test_a_stream_of_a_real_server_is_read() -> None:
    """Pings, nulls, a usage chunk without choices, calls numbered from 1."""
    call = {"index": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    lines = [
        {}, None, {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": None, "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
    ]  # fmt: skip

    async def step(exchange: Exchange) -> None:
        await exchange.start()
        for line in lines:
            await exchange.write(f"data: {json.dumps(line)}\n\n".encode())
        await exchange.write(b"data: [DONE]\n\n", more=False)

    _, (answer,) = ask(step)
    assert isinstance(answer, Completion)
    assert answer.message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert answer.usage == {"prompt_tokens": 1, "completion_tokens": 2}


AZURE = "/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01&x=1"


def test_an_azure_address_keeps_its_query_and_its_deployment_is_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Votes, the answer and the list of models; the key in its header, and in no log."""
    monkeypatch.setenv("OPENAI_API_KEY", "azure-secret")
    caplog.set_level(logging.DEBUG)
    server = Scripted(lambda _: YES)

    async def go() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        async with (
            listening(server) as url,
            running(tmp_path, url + AZURE) as guarded,
        ):
            body = {"model": "my gpt", "messages": ASK}
            told = await guarded.post(body), await guarded.http.get("/readyz")
            assert guarded.guard.deployment.upstream.name == url + AZURE.replace(
                "/chat/completions", ""
            )
            return *told, await guarded.http.get("/v1/models")

    answered, ready, listed = asyncio.run(go())
    assert (answered.status_code, ready.status_code) == (200, 200)
    assert answered.json()["choices"][0]["message"]["content"].strip() == YES
    assert [one["id"] for one in listed.json()["data"]] == ["my gpt"]
    models = "/openai/models?api-version=2024-06-01&x=1"
    assert {path for path in server.paths if "completions" in path} == {AZURE}
    assert {path for path in server.paths if "completions" not in path} == {models}
    assert all(headers["api-key"] == "azure-secret" for headers in server.headers)
    assert not any("authorization" in headers for headers in server.headers)
    assert "azure-secret" not in caplog.text


def test_a_base_address_may_have_a_query_and_be_given_whole() -> None:
    server = Scripted(lambda _: YES)

    async def go() -> list[str]:
        async with listening(server) as url:
            names = []
            for end in ("/v1", "/v1/", "/v1/chat/completions/", "/v1?tier=1"):
                upstream = HttpUpstream(url + end, key="sk")
                names.append(upstream.name.removeprefix(url))
                assert isinstance(await outcome(upstream), Completion)
                await upstream.models()
                await upstream.aclose()
            return names

    assert asyncio.run(go()) == ["/v1", "/v1", "/v1", "/v1?tier=1"]
    plain = ["/v1/chat/completions?", "/v1/models?"]
    assert server.paths == plain * 3 + ["/v1/chat/completions?tier=1", "/v1/models?tier=1"]
    assert all(headers["authorization"] == "Bearer sk" for headers in server.headers)


def test_an_answer_that_came_whole_tells_what_it_cost_a_refusal_too() -> None:
    """Looked at after each piece of the stream: nothing is cut where nothing is left to come."""
    looks = list[str]()
    server = Scripted(lambda _: NO, Exchange.stream_at_once)

    async def go(step: Fault) -> Completion:
        server.step = step
        looks.clear()
        async with listening(server) as url:
            upstream = HttpUpstream(f"{url}/v1")
            answer = await upstream.ask(CALL, lambda text: looks.append(text) is None)
            await upstream.aclose()
            return answer

    whole = asyncio.run(go(Exchange.stream_at_once))
    assert (whole.text.strip(), whole.cut, looks) == (NO, False, [])
    assert whole.usage == usage(len(NO.split()))
    begun = asyncio.run(go(Exchange.stream_well))
    assert begun.cut
    assert begun.usage is None
    assert NO.startswith(begun.text.strip())


def test_a_proxy_that_wants_a_password_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> list[dict[str, str]]:
        proxy = Scripted(lambda _: YES)
        async with listening(proxy) as url:
            monkeypatch.setenv("http_proxy", url.replace("//", "//ann:s%40cret@"))
            monkeypatch.setenv("no_proxy", "")
            upstream = HttpUpstream("http://model.invalid/v1", key="sk")
            assert isinstance(await outcome(upstream), Completion)
            await upstream.aclose()
        return proxy.headers

    [headers] = asyncio.run(go())
    assert headers["proxy-authorization"] == "Basic " + b64encode(b"ann:s@cret").decode()
    assert headers["authorization"] == "Bearer sk"


def test_no_redirect_is_followed() -> None:
    async def step(exchange: Exchange) -> None:
        await exchange.whole(307, b"", location="/v1/elsewhere")

    server, (lost,) = ask(step)
    assert len(server.paths) == 1
    assert isinstance(lost, LostError)
    assert lost.status == 307


@pytest.mark.parametrize(
    "said", [b"HTTP/9.9 nonsense the secret\r\n\r\n", b"the secret\r\n\r\n", b""]
)
def test_what_a_server_says_against_the_protocol_is_in_no_reason(said: bytes) -> None:
    async def go() -> Outcome:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        upstream = HttpUpstream(f"http://127.0.0.1:{port}/v1")
        try:
            return await outcome(upstream)
        finally:
            await upstream.aclose()
            server.close()

    lost = asyncio.run(go())
    assert isinstance(lost, LostError)
    assert "secret" not in str(lost)


STREAM = b'data: {"choices": [{"delta": {"content": "Sure"}, "finish_reason": "stop"}]}\n\n'
WHOLE = (
    b'\n {"choices": [{"message": {"content": "Sure"}}], "timings": {"per_token": NaN, "n": 1e999}}'
)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/json", ""])
@pytest.mark.parametrize("said", [STREAM, b": ping\n\n" + STREAM, WHOLE])
def test_an_answer_is_told_by_how_it_begins(kind: str, said: bytes) -> None:
    _, [answer] = ask(lambda exchange: exchange.whole(200, said, kind))
    assert isinstance(answer, Completion)
    assert answer.content == "Sure"


@pytest.mark.parametrize("said", [b"", b"<html>", b"Sure", b"[]", b"d", b"dat"])
def test_what_begins_as_neither_is_lost(said: bytes) -> None:
    _, [answer] = ask(lambda exchange: exchange.whole(200, said, "text/plain"))
    assert isinstance(answer, LostError)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"detail": [{"loc": ["body"], "msg": "top_k: too large"}]}, "top_k: too large"),
        ([{"error": {"code": 400, "message": "no such field"}}], "no such field"),
        ({"error": {"message": {"text": "odd"}}}, "the upstream answered 422"),
        ("too long for this model", "too long for this model"),
        ("<html>Bad Request</html>", "the upstream answered 422"),
    ],
)
def test_what_the_upstream_says_against_a_request_is_passed_on(said: Any, words: str) -> None:
    content = said if isinstance(said, str) else json.dumps(said)
    with pytest.raises(UpstreamRefusedError) as caught:
        ask(lambda exchange: exchange.whole(422, content.encode(), "text/plain"))
    assert caught.value.message == caught.value.body["error"]["message"] == words


@pytest.mark.parametrize(
    ("asked", "told"), [(0.0, "1"), (2.2, "3"), (2e9, "86400"), (1e30, "86400")]
)
def test_no_client_is_told_to_wait_for_years(asked: float, told: str) -> None:
    assert WireError(429, "busy", retry_after=asked).headers == {"retry-after": told}
