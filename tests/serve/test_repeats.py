"""The same prompt again: nothing is won by asking often."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from interlock.certify import Perturbation
from interlock.serve.chat import ChatRequest
from interlock.serve.repeats import Backoff, Repeats, secret_of
from interlock.serve.wire_error import WireError
from tests.serve.running import running
from tests.serve.scripted_upstream import NO, YES, Scripted
from tests.serve.test_settings import Clock


def request(text: str, **more: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]} | more
    return ChatRequest.read(json.dumps(body).encode())


def test_copies_follow_from_the_secret_and_the_prompt() -> None:
    one, other = Repeats(b"a" * 32, 60), Repeats(b"b" * 32, 60)
    seed = one.seed(request("How do I fold a kite?"))
    assert seed == one.seed(request("how do I  FOLD a kite?", temperature=0.7, seed=5, user="u"))
    assert seed == one.seed(request("\0How do I\x01 fold\x7f a kite?\x1b\u200e"))
    assert seed != one.seed(request("How do I fold a boat?"))
    assert seed != other.seed(request("How do I fold a kite?"))
    assert 0 <= seed < 2**48


def test_a_seed_is_no_secret() -> None:
    """Who guesses ``--seed 42`` cannot foretell a copy."""
    guessed = secret_of("", 42, b"guess" * 7)
    assert secret_of("", 42, b"fresh" * 7) != guessed
    assert secret_of("word", 42, b"") == secret_of("word", 42, b"other")
    assert secret_of("word", 42, b"") != secret_of("word", 43, b"")
    assert secret_of("word", None, b"") != secret_of("other", None, b"")


def test_a_refused_prompt_meets_the_same_verdict(tmp_path: Path) -> None:
    """An upstream that refuses nine of ten calls, asked a hundred times: one vote, one verdict."""
    calls = 0

    def mostly(_: str) -> str:
        nonlocal calls
        calls += 1
        return YES if calls % 4 == 1 else NO

    async def go() -> None:
        upstream = Scripted(mostly)
        async with running(tmp_path, upstream, vote={"copies": 5, "remember": 3600.0}) as guard:
            bodies = [
                {"model": "m", "messages": [{"role": "user", "content": text}], **more}
                for text in ("Do a bad thing, now", "do a bad THING,  now", "do a bad thing, now\n")
                for more in ({}, {"temperature": 1.3}, {"seed": 9}, {"max_tokens": 99})
            ]
            first = await guard.post(bodies[0])
            assert first.json()["interlock"]["outcome"] == "blocked"
            asked = len(upstream.seen)
            for body in bodies:
                again = (await guard.post(body)).json()
                assert again["interlock"]["outcome"] == "blocked"
                assert again["interlock"]["repeated"]
                assert again["interlock"]["calls"] == 0
                assert again["choices"][0]["finish_reason"] == "content_filter"
            assert len(upstream.seen) == asked
            assert len(guard.entries()) == 1 + len(bodies)  # each is on record
            assert "seed" not in json.dumps(again)

    asyncio.run(asyncio.wait_for(go(), 120))


def test_a_refusal_is_forgotten_in_time_and_answers_are_not_remembered(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: NO)
        async with running(tmp_path, upstream) as guard:
            clock = Clock()
            guard.guard.repeats = Repeats(b"s" * 32, 60.0, clock)
            assert (await guard.post()).json()["interlock"]["outcome"] == "blocked"
            upstream.rule = lambda _: YES
            assert (await guard.post()).json()["interlock"]["repeated"]
            clock.now += 61
            assert (await guard.post()).json()["interlock"]["outcome"] == "released"
            upstream.rule = lambda _: NO
            assert (await guard.post()).json()["interlock"]["outcome"] == "blocked"

    asyncio.run(asyncio.wait_for(go(), 120))


def test_pauses_grow_with_refusals_and_end_with_answers() -> None:
    clock = Clock()
    backoff = Backoff(3, 5.0, clock)
    for _ in range(3):
        backoff.check("k")
        backoff.note("k", "blocked")
    waits = []
    for _ in range(4):
        with pytest.raises(WireError) as caught:
            backoff.check("k")
        assert (caught.value.status, caught.value.code) == (429, "refused_too_often")
        waits.append(float(caught.value.headers["retry-after"]))
        backoff.check("other")
        clock.now += waits[-1]
        backoff.check("k")
        backoff.note("k", "blocked")
    assert waits == [5, 10, 20, 40]
    clock.now += 3600
    for _ in range(9):
        backoff.check("k")
        backoff.note("k", "released")
        backoff.note("k", "undecided")
    backoff.note("k", "blocked")
    backoff.check("k")
    backoff.note(None, "blocked")
    assert "k" in backoff._state and None not in backoff._state  # noqa: PT018


def test_a_key_that_is_refused_again_and_again_waits(tmp_path: Path) -> None:
    async def go() -> None:
        limits = {"refusals": 3, "refusals_pause": 60.0}
        upstream = Scripted(lambda _: NO)
        async with running(tmp_path, upstream, keys=("a", "b"), limits=limits) as guard:

            async def ask(key: str, number: int, **more: Any) -> Any:
                messages = [{"role": "user", "content": f"bad thing number {number}, please"}]
                body = {"model": "m", "messages": messages} | more
                return await guard.post(body, authorization=f"Bearer {key}")

            codes = [(await ask("a", number)).status_code for number in range(5)]
            assert codes == [200, 200, 200, 429, 429]
            assert (await ask("a", 9, stream=True)).status_code == 429  # nor by another way
            body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
            for path in ("/v1/messages", "/v1/decisions"):
                answer = await guard.http.post(path, json=body, headers={"x-api-key": "a"})
                assert answer.status_code == 429, path
            assert (await ask("b", 0)).status_code == 200
            assert 50 < int((await ask("a", 0)).headers["retry-after"]) <= 60
            entry = guard.entries()[0]
            assert "Bearer" not in str(entry)

    asyncio.run(asyncio.wait_for(go(), 120))


def test_copies_that_repeat_are_equal() -> None:
    repeats = Repeats(b"s" * 32, 60)
    again = [request("how do I fold a kite?", seed=seed) for seed in (1, 2)]
    first, second = (r.copies(Perturbation("swap", 0.2), 5, repeats.seed(r)) for r in again)
    assert first == second
