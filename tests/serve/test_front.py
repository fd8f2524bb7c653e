"""The door: who may knock, under which name, and what happens when he leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import YES, Exchange, Scripted


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


async def status(guard: Any, path: str = "/v1/models", **headers: str) -> int:
    return int((await guard.http.get(path, headers=headers)).status_code)


def test_a_guard_without_keys_answers_its_own_name_alone(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            port = guard.url.rpartition(":")[2]
            for host in (f"localhost:{port}", "127.0.0.1", "LOCALHOST", "[::1]:80"):
                assert await status(guard, host=host) == 200
            for host in ("attacker.example", f"attacker.example:{port}", "127.0.0.1.evil", "", "["):
                for path in (
                    "/v1/models",
                    "/",
                    "/interlock/status",
                    "/metrics",
                    "/interlock/page.js",
                ):
                    assert await status(guard, path, host=host) == 403, (host, path)
            answer = await guard.post(host="attacker.example")
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_host")
            assert answer.headers["x-request-id"]
            own = f"http://127.0.0.1:{port}"
            assert (await guard.post(origin=own)).status_code == 200
            for origin in (
                "http://attacker.example",
                "null",
                f"http://localhost:{port}",
                "file://",
            ):
                assert (await guard.post(origin=origin)).status_code == 403
            assert await status(guard, "/healthz", host="balancer") == 200
        async with running(tmp_path, upstream.url, auth={"hosts": ["inside"]}) as guard:
            assert await status(guard, "/metrics", host="inside:80") == 200
            assert await status(guard, "/metrics", host="outside") == 403
        async with running(tmp_path, upstream.url, keys=("k",)) as guard:
            bearer = {"authorization": "Bearer k"}
            assert await status(guard, "/metrics", host="any.name", **bearer) == 200

    run(go())


def test_a_slash_at_the_end_is_served(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            body = {"model": "m", "messages": ASK}
            answer = await guard.http.post("/v1/chat/completions/", json=body)
            assert answer.status_code == 200
            for path in ("/v1/models/", "/healthz/", "/v1/models/m/"):
                assert await status(guard, path) == 200

    run(go())


def test_clients_that_hang_up_leave_no_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            host, port = guard.url.removeprefix("http://").split(":")
            for _ in range(20):
                _, writer = await asyncio.open_connection(host, int(port))
                head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                head += "content-type: application/json\r\ncontent-length: 500\r\n\r\n{"
                writer.write(head.encode())
                await writer.drain()
                writer.close()
            await asyncio.sleep(0.3)
            assert (await guard.post()).status_code == 200

    with caplog.at_level("WARNING"):
        run(go())
    assert [record.getMessage() for record in caplog.records] == []


def test_a_long_vote_keeps_its_stream_open(tmp_path: Path) -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.5)
        await exchange.stream_well()

    async def hang(exchange: Exchange) -> None:
        await asyncio.sleep(600)

    async def go() -> None:
        upstream = Scripted(lambda _: YES, slow)
        vote = {"head": 0.1, "deadline": 2.0}
        async with running(tmp_path, upstream, vote=vote) as guard:
            body = {"model": "m", "messages": ASK, "stream": True}
            answer = await guard.post(body)
            assert answer.headers["x-interlock-outcome"] == "pending"
            assert answer.text.startswith(": the vote is under way\n\n")
            assert YES.split()[-1] in answer.text
            assert answer.text.endswith("data: [DONE]\n\n")
            client = guard.client()
            chunks = [c async for c in await client.chat.completions.create(
                model="m", messages=ASK, stream=True
            )]  # fmt: skip
            assert "".join(c.choices[0].delta.content or "" for c in chunks) == YES + " "
            upstream.step = hang
            answer = await guard.post(body)
            assert answer.text.splitlines()[-3].startswith("event: error")
            assert '"deadline"' in answer.text
            assert "Sure" not in answer.text

    run(go())


def test_the_page_needs_no_imports() -> None:
    """What is served is read at the start; nothing heavy is imported for it, then or later."""
    code = (
        "import sys; from interlock.serve import page; a = page._style(); b = page._text('guard.js');"
        "assert len(a) > 99 and len(b) > 99;"
        "print([n for n in ('interlock.report', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_answer_says_what_it_is(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            for stream in (False, True):
                headers = (
                    await guard.post({"model": "m", "messages": ASK, "stream": stream})
                ).headers
                assert headers["x-interlock-outcome"] == "released"
                assert headers["x-interlock-certificate-applies"] == "false"
                assert int(headers["x-interlock-calls"]) >= 4
            headers = (await guard.post({"model": "m", "messages": []})).headers
            assert headers["x-interlock-outcome"] == "rejected"
            assert headers["x-interlock-certificate-applies"] == "false"

    run(go())
