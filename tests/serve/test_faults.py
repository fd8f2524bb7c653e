"""Upstreams that fail in every way, over sockets: nothing gets out that a full vote would block."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from interlock.certify import Perturbation, SmoothLLM
from interlock.serve.chat import ChatRequest
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import NO, YES, Exchange, Fault, Scripted, last_user_text
from tests.serve.test_vote import Sync, mixed, part

ROUNDS = 40


async def hang(exchange: Exchange) -> None:
    await asyncio.sleep(600)


async def hang_in_the_middle(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk({"role": "assistant", "content": "Sure, "})
    await asyncio.sleep(600)


async def drip(exchange: Exchange) -> None:
    await exchange.start()
    while True:
        await exchange.write(b":\n")
        await asyncio.sleep(0.02)


async def reset(exchange: Exchange) -> None:
    raise ConnectionResetError


async def reset_in_the_middle(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk({"role": "assistant", "content": YES})
    raise ConnectionResetError


async def half_a_stream(exchange: Exchange) -> None:
    """Ends as if all were well, but nothing said that the answer is complete."""
    await exchange.start()
    await exchange.chunk({"role": "assistant", "content": exchange.said[: len(exchange.said) // 8]})
    await exchange.write(b"", more=False)


async def half_a_completion(exchange: Exchange) -> None:
    await exchange.whole(200, b'{"choices": [{"message": {"content": "Sure')


async def server_error(exchange: Exchange) -> None:
    await exchange.whole(500, b'{"error": {"message": "Sure"}}')


async def busy(exchange: Exchange) -> None:
    await exchange.whole(429, b"{}", retry_after="3")


async def elsewhere(exchange: Exchange) -> None:
    await exchange.whole(302, b"", location="http://127.0.0.1:9/")


async def malformed(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.write(b"data: {Sure\n\ndata: [DONE]\n\n", more=False)


async def wrong_type(exchange: Exchange) -> None:
    await exchange.whole(200, b"<html>Sure, here is how.</html>", kind="text/html")


async def error_in_the_stream(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk({"role": "assistant", "content": YES})
    await exchange.write(b'data: {"error": {"message": "overloaded"}}\n\n', more=False)


async def ten_megabytes(exchange: Exchange) -> None:
    await exchange.start()
    for _ in range(160):
        await exchange.chunk({"content": "Sure " * 13_000})
    await exchange.chunk({}, "stop")
    await exchange.done()


async def one_endless_line(exchange: Exchange) -> None:
    await exchange.start(kind="application/json")
    for _ in range(160):
        await exchange.write(b"x" * 65_536)
    await exchange.write(b"", more=False)


async def empty(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk({"role": "assistant", "content": "  "})
    await exchange.chunk({}, "stop")
    await exchange.done()


async def compressed_nonsense(exchange: Exchange) -> None:
    await exchange.whole(200, b"\x1f\x8b\x00nonsense", content_encoding="gzip")


FAULTS: list[Fault] = [
    hang, hang_in_the_middle, drip, reset, reset_in_the_middle, half_a_stream, half_a_completion,
    server_error, busy, elsewhere, malformed, wrong_type, error_in_the_stream,
    ten_megabytes, one_endless_line, empty, compressed_nonsense,
]  # fmt: skip


def faulty(share: float, salt: int) -> Fault:
    """Some fault for this share of the copies, chosen by their text; the others are answered."""

    async def step(exchange: Exchange) -> None:
        text = last_user_text(exchange.body)
        if part(text, salt) < share:
            await FAULTS[int(part(text, salt + 1) * len(FAULTS))](exchange)
        elif part(text, salt + 2) < 0.3:
            await exchange.answer_whole()
        else:
            await exchange.stream_well()

    return step


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 300))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_no_fault_releases_anything(tmp_path: Path, fault: Fault) -> None:
    async def go() -> None:
        # A drip is no silence: the deadline ends it.
        vote = {"copy_timeout": 0.5, "deadline": 3.0 if fault is drip else 20.0, "retries": 0}
        async with running(tmp_path, Scripted(lambda _: YES, fault), vote=vote) as guard:
            response = await guard.post()
            if fault is busy:
                assert (response.status_code, response.headers["retry-after"]) == (429, "3")
            else:
                # Undecided is not refused: the client is told to come again.
                assert response.status_code == (504 if fault is drip else 503)
                assert response.headers["retry-after"] == "1"
                assert response.headers["x-interlock-outcome"] == "undecided"
                assert response.headers["x-interlock-certificate-applies"] == "false"
                assert "choices" not in response.json()
                assert YES[:4] not in response.text
                told = response.json()["interlock"]
                assert (told["outcome"], told["votes"]["complied"]) == ("undecided", 0)
            (entry,) = guard.entries()
            assert entry.outcome == "undecided"
            assert (entry.cancelled if fault is drip else entry.lost) >= 3

    run(go())


@pytest.mark.parametrize("retries", [0, 1])
def test_nothing_is_released_that_a_full_vote_blocks(tmp_path: Path, retries: int) -> None:
    """Random shares of refusals and of faults; the seed of the answer gives the full vote."""
    released = blocked = lost = 0

    async def one(guard: Any, upstream: Scripted, number: int) -> None:
        nonlocal released, blocked, lost
        text = f"question {number}: how is this done, please?"
        stream = number % 3 == 0
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
        response = await guard.post(body)
        if response.status_code != 200:
            assert response.status_code in (429, 503, 504)
            assert "Sure" not in response.text
            lost += 1
            return
        if stream:
            # Comments may come first, and an error where the vote was not decided by then.
            said = [one for one in response.text.splitlines() if one.startswith("data: ")]
            first = json.loads(said[0][6:])
            if "error" in first:
                assert "Sure" not in response.text
                lost += 1
                return
            told = first["interlock"]
        else:
            told = response.json()["interlock"]
        target = Sync(upstream.rule)
        smooth = SmoothLLM(
            target, Perturbation("swap", 0.1), 5, early_stop=False, answer_from="copy"
        )
        request = ChatRequest.read(json.dumps(body).encode())
        full = smooth.answer(text, seed=guard.guard.repeats.seed(request))
        if told["outcome"] == "released":
            released += 1
            assert full.released
            assert f'"{upstream.rule(text).split()[0]}' in response.text
        else:
            blocked += 1
            lost += told["votes"]["lost"]
            assert told["outcome"] == "blocked"
            assert not full.released
            assert "Sure" not in response.text

    async def go() -> None:
        rng = random.Random(retries)
        vote = {"copy_timeout": 0.4, "deadline": 30.0, "retries": retries}
        breaker = {"failures": 1_000_000}
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, vote=vote, breaker=breaker) as guard:
            for start in range(0, 10 * ROUNDS, 10):
                # A busy machine loses more copies; then it takes longer until all has been seen.
                if start >= ROUNDS and min(released, blocked, lost) > 3:
                    break
                upstream.rule = mixed(rng.random(), start)
                upstream.step = faulty(rng.choice([0.1, 0.3, 0.6]), start)
                await asyncio.gather(*(one(guard, upstream, n) for n in range(start, start + 10)))
            while upstream.busy:
                await asyncio.sleep(0.01)

    run(go())
    assert released > 3
    assert blocked > 3
    assert lost > 3


def test_the_deadline_refuses(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES, hang)
        vote = {"copy_timeout": 60.0, "deadline": 0.4}
        async with running(tmp_path, upstream, vote=vote) as guard:
            response = await guard.post()
            assert (response.status_code, response.json()["error"]["code"]) == (504, "deadline")
            assert response.headers["retry-after"] == "1"
            assert response.json()["interlock"]["outcome"] == "undecided"
            while upstream.busy:
                await asyncio.sleep(0.01)

    run(go())


def test_an_upstream_that_is_not_there(tmp_path: Path) -> None:
    async def go() -> None:
        breaker = {"failures": 5, "pause": 600.0}
        async with running(tmp_path, "http://127.0.0.1:9/v1", breaker=breaker) as guard:
            response = await guard.post()
            assert response.status_code == 503
            assert response.json()["interlock"]["outcome"] == "undecided"
            response = await guard.post()
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "upstream_down"
            assert 1 <= int(response.headers["retry-after"]) <= 600
            ready = await guard.http.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["upstream"]) == (503, False)
            assert "breaker_state 2.0" in (await guard.http.get("/metrics")).text
            assert (await guard.http.get("/v1/models")).status_code == 502

    run(go())


def test_more_than_it_takes_is_turned_away(tmp_path: Path) -> None:
    async def go() -> None:
        free = asyncio.Event()

        async def wait(exchange: Exchange) -> None:
            await free.wait()
            await exchange.stream_well()

        upstream = Scripted(lambda _: YES, wait)
        limits = {"active": 2, "queue": 3}
        async with running(tmp_path, upstream, limits=limits) as guard:
            asked = [asyncio.create_task(guard.post()) for _ in range(9)]
            while sum(task.done() for task in asked) < 4:
                await asyncio.sleep(0.01)
            for response in [task.result() for task in asked if task.done()]:
                assert response.status_code == 429
                assert response.headers["retry-after"] == "1"
                assert response.json()["error"]["code"] == "guard_busy"
            assert upstream.most_busy <= 2 * 5
            free.set()
            rest = await asyncio.gather(*asked)
            assert sorted(r.status_code for r in rest) == [200] * 5 + [429] * 4

    run(go())


def test_a_client_that_leaves_cancels_its_calls(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES, hang)
        patient = {"copy_timeout": 900.0, "deadline": 900.0}  # nothing but the client ends them
        async with running(tmp_path, upstream, vote=patient) as guard:
            task = asyncio.create_task(guard.post())
            while upstream.busy < 5:
                await asyncio.sleep(0.01)
            task.cancel()
            while upstream.busy:
                await asyncio.sleep(0.01)
            assert upstream.left == 5
            while guard.guard.admission.active:
                await asyncio.sleep(0.01)
            assert guard.entries() == []
            told = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_requests_total{outcome="gone"} 1.0' in told

    run(go())


def test_a_request_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    async def go() -> None:
        vote = {"deadline": 0.3}
        async with running(tmp_path, Scripted(lambda _: YES), vote=vote) as guard:
            host, port = guard.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            head = (
                "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n"
            )
            writer.write(f"{head}content-type: application/json\r\n\r\n{{".encode())
            assert (await reader.readline()).split()[1] == b"408"
            writer.close()
            assert guard.entries() == []

    run(go())


@pytest.mark.parametrize("more", ["", "expect: 100-continue\r\n"])
def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(tmp_path: Path, more: str) -> None:
    async def go() -> None:
        limits = {"request_bytes": 400}
        async with running(tmp_path, Scripted(lambda _: YES), limits=limits) as guard:
            host, port = guard.url.removeprefix("http://").split(":")
            for path in ("/v1/chat/completions", "/v1/messages", "/interlock/try"):
                reader, writer = await asyncio.open_connection(host, int(port))
                head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 401\r\n{more}"
                writer.write(f"{head}content-type: application/json\r\n\r\n".encode())
                answer = await asyncio.wait_for(
                    reader.readline(), 30
                )  # the deadline is minutes off
                assert answer.split()[1] == b"413", path
                writer.close()
            assert (await guard.post()).status_code == 200

    run(go())


async def pour(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()
        await asyncio.sleep(0.001)


def test_a_head_without_end_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            host, port = guard.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readline()).split()[1] == b"200"
            writer.write(b"GET /healthz HTTP/1.1\r\nendless: ")
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(pour(writer), 60)
            writer.close()
            monkeypatch.setattr("interlock.serve.bounded_head.HEAD_SECONDS", 0.1)
            for begun in (b"", b"GET /healthz HTTP/1.1\r\nslow: "):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(begun)
                assert await reader.read() == b""
                writer.close()
            response = await guard.post()  # nobody else is touched
            assert response.status_code == 200

    run(go())


def test_a_ledger_that_fails_releases_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            from sqlalchemy.exc import OperationalError

            def broken(*_: Any) -> None:
                raise OperationalError("insert", {}, Exception("disk full"))

            ledger = guard.guard.ledger
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ledger, "_insert", broken)
                response = await guard.post({"model": "m", "messages": ASK})
                assert response.status_code == 503
                assert response.json()["error"]["code"] == "ledger_unavailable"
                assert "Sure" not in response.text
                assert (await guard.http.get("/readyz")).json()["checks"]["ledger"] is False
            # Whoever asks finds it working again: no request is needed, and none is lost on it.
            assert (await guard.http.get("/readyz")).json()["ready"] is True
            assert (await guard.post()).status_code == 200
            assert len(guard.entries()) == 2  # what was not answered is on record, too

    run(go())


def test_no_prompt_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def go(prompts: bool) -> None:
        caplog.clear()
        async with running(tmp_path, Scripted(lambda _: NO), log={"prompts": prompts}) as guard:
            with caplog.at_level("DEBUG", logger="interlock.guard"):
                await guard.post()
                await guard.post({"model": "m", "messages": "kite"})
        said = "\n".join(record.getMessage() for record in caplog.records)
        assert ("kite" in said) is prompts
        assert '"prompt_characters": 34' in said
        assert '"outcome": "blocked"' in said

    run(go(False))
    run(go(True))
