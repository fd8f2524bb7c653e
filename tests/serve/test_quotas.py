"""Quotas: how much a key gets, and all the ways in which it does not get more."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.chat import ChatRequest
from interlock.serve.completion import Completion
from interlock.serve.keys import ADMIN, ANYBODY, Client, KeyHash, KeyRing
from interlock.serve.quotas import Lease, QuotaError, Quotas, _span
from interlock.serve.spending import Meter, Spent, likely_cost
from interlock.serve.upstream import Call, LostError
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import NO, YES, Scripted, usage
from tests.serve.test_settings import Clock

ANN, BEN = Client("ann"), Client("ben", requests=1)


def refused(quotas: Quotas, client: Client) -> float | None:
    """Seconds to wait; None where it was let through."""
    try:
        quotas.admit(client)
    except QuotaError as error:
        return float(error.retry_after or 0)
    return None


def test_requests_come_back_evenly_and_each_key_has_its_own() -> None:
    clock = Clock()
    quotas = Quotas(requests=3, clock=clock)
    assert [refused(quotas, ANN) for _ in range(4)] == [None, None, None, pytest.approx(20)]
    assert [refused(quotas, BEN) for _ in range(2)] == [None, pytest.approx(60)]
    assert refused(quotas, ANYBODY) is None
    assert all(refused(quotas, ADMIN) is None for _ in range(9))
    clock.now += 20
    assert [refused(quotas, ANN) is None for _ in range(2)] == [True, False]
    clock.now += 3600  # no more than a minute's worth is saved up
    assert [refused(quotas, ANN) is None for _ in range(4)] == [True, True, True, False]


def test_what_it_cost_beyond_is_owed() -> None:
    clock = Clock()
    quotas = Quotas(tokens=600, clock=clock)
    lease = quotas.admit(ANN)
    lease.reserve(lambda: 100)
    assert lease.headers["x-ratelimit-remaining-tokens"] == "500"
    lease.settle(1600)
    assert lease.headers == {
        "x-ratelimit-limit-tokens": "600",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2m40s",
    }
    assert refused(quotas, ANN) == pytest.approx(100.1)
    clock.now += 101
    quotas.admit(ANN).reserve(lambda: 5)
    with pytest.raises(QuotaError, match="600 tokens a minute"):
        quotas.admit(ANN).reserve(lambda: 50)


def test_what_costs_more_than_a_minutes_worth_waits_for_a_full_bucket() -> None:
    clock = Clock()
    quotas = Quotas(tokens=100, clock=clock)
    first = quotas.admit(ANN)
    first.reserve(lambda: 10**9)
    assert refused(quotas, ANN) is not None  # one at a time
    first.settle(40)
    with pytest.raises(QuotaError):
        quotas.admit(ANN).reserve(lambda: 10**9)
    clock.now += 24
    quotas.admit(ANN).reserve(lambda: 10**9)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 30),  # seconds until the next request
            st.integers(0, 400),  # its estimate
            st.integers(0, 400),  # its cost
            st.sampled_from([None, 1, 50, 10**6]),  # a quota read again, and the old one after it
        ),
        max_size=60,
    )
)
def test_over_time_nobody_gets_more(steps: list[tuple[float, int, int, int | None]]) -> None:
    """Whatever is asked when, and however often settings are read again."""
    clock = Clock()
    quotas = Quotas(requests=6, tokens=300, clock=clock)
    count = cost = 0
    for wait, estimate, spent, other in steps:
        clock.now += wait
        if other is not None and other <= 50:  # less for a moment, and back
            quotas.requests = quotas.tokens = other
            refused(quotas, Client("ann"))
            quotas.requests, quotas.tokens = 6, 300
        try:
            lease: Lease = quotas.admit(ANN)
            count += 1
            lease.reserve(lambda estimate=estimate: estimate)  # type: ignore[misc]
        except QuotaError:
            continue
        lease.settle(spent)
        cost += spent
    assert count <= 6 + 6 * clock.now / 60 + 1e-6
    assert cost <= 300 + 300 * clock.now / 60 + 400  # the last one's debt


def test_more_for_a_moment_is_not_saved_up() -> None:
    clock = Clock()
    quotas = Quotas(requests=2, clock=clock)
    assert [refused(quotas, ANN) is None for _ in range(3)] == [True, True, False]
    for most in (1000, 2, 1000, 2):
        quotas.requests = most
        assert refused(quotas, ANN) is not None
    quotas.requests = None
    assert refused(quotas, ANN) is None
    quotas.requests = 2
    assert refused(quotas, ANN) is not None


def test_spans_are_written_as_openai_does() -> None:
    assert [_span(s) for s in (0, 0.02, 1, 1.5, 60, 360, 61.25)] == [
        "0ms", "20ms", "1s", "1.5s", "1m0s", "6m0s", "1m1.25s",
    ]  # fmt: skip


def test_calls_that_were_cut_short_were_sent() -> None:
    class Odd:
        name = "odd"

        async def ask(self, call: Any, on_text: Any) -> Completion:
            kind = call.request_id
            on_text("x" * 40)
            if kind == "slow":
                await asyncio.sleep(60)
            if kind == "lost":
                raise LostError("reset")
            if kind == "busy":
                raise LostError("busy", 429)
            told = None if kind == "cut" else usage(3)
            return Completion(message={"content": "x"}, finish_reason="stop", usage=told)

    async def spent(*kinds: str) -> Spent:
        meter = Meter(Odd())  # type: ignore[arg-type]
        for kind in kinds:
            call = Call({"messages": [{"role": "user", "content": "y" * 400}]}, kind)
            task = asyncio.create_task(meter.ask(call, lambda _: False))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        return meter.spent

    async def go() -> None:
        assert await spent("told") == Spent(7, 3, 0)
        # 7 tokens were told of such a prompt; 40 characters had come: 10 tokens.
        assert await spent("told", "slow", "cut", "lost") == Spent(28, 33, 51)
        assert await spent("told", "busy") == Spent(7, 3, 0)
        alone = await spent("slow")
        assert alone.estimated == alone.total
        assert 100 <= alone.prompt <= 120  # of 400 characters, at four a token

    asyncio.run(go())


def request(**more: Any) -> ChatRequest:
    return ChatRequest.read(json.dumps({"model": "m", "messages": ASK} | more).encode())


def test_a_bound_on_one_length_does_not_make_the_other_cheap() -> None:
    short, long = likely_cost(request(max_tokens=1), 5), likely_cost(request(), 5)
    assert short < long
    assert likely_cost(request(max_tokens=1, max_completion_tokens=9000), 5) == long
    assert likely_cost(request(n=3), 5) > long


NAMED: Any = {
    Client("ann", requests=3, tokens=10**6): [KeyHash.of("ka", b"a" * 16)],
    Client("ben"): [KeyHash.of("kb", b"b" * 16), KeyHash.of("kc", b"c" * 16)],
}


def test_quotas_on_the_wire(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, ring=KeyRing((), NAMED), admin=("adm",)) as guard:

            async def ask(key: str, **more: Any) -> Any:
                body = {"model": "m", "messages": ASK, "max_tokens": 5} | more
                return await guard.post(body, authorization=key)

            first = await ask("Bearer ka")
            assert first.status_code == 200
            assert first.headers["x-ratelimit-limit-requests"] == "3"
            assert first.headers["x-ratelimit-remaining-requests"] == "2"
            assert first.headers["x-ratelimit-limit-tokens"] == "1000000"
            assert first.headers["x-ratelimit-reset-requests"].endswith("s")
            assert (await ask("bearer   ka", n=0)).status_code == 400  # counts as well
            stream = await ask("BEARER ka", stream=True)
            assert stream.headers["x-ratelimit-remaining-requests"] == "0"
            # Another spelling of the header, another path, another connection: the same key.
            for more in ({}, {"n": 0}, {"stream": True}):
                again = await ask("Bearer   ka", **more)
                assert again.status_code == 429
                assert again.json()["error"]["code"] == "rate_limit_exceeded"
                assert 1 <= int(again.headers["retry-after"]) <= 20
                assert again.headers["x-ratelimit-remaining-requests"] == "0"
            body = {"model": "m", "max_tokens": 5, "messages": ASK}
            for path in ("/v1/messages", "/v1/chat/completions/", "/v1/decisions"):
                answer = await guard.http.post(path, json=body, headers={"x-api-key": "ka"})
                assert answer.status_code == 429, path
            assert (await ask("Bearer kb")).status_code == 200
            assert "x-ratelimit-limit-requests" not in (await ask("Bearer kc")).headers
            assert all([(await ask("Bearer adm")).status_code == 200 for _ in range(4)])
            names = [entry.key for entry in guard.entries()[::-1]]
            assert names == ["ann", "ann", "ben", "ben", *["admin"] * 4]

    asyncio.run(asyncio.wait_for(go(), 120))


def test_many_connections_share_one_quota(tmp_path: Path) -> None:
    """Twenty at once where tokens are left for a few: no more than those few are asked."""

    async def go() -> None:
        upstream = Scripted(lambda _: YES, pause=0.005)
        limits = {"tokens_per_minute": 300}
        async with running(tmp_path, upstream, keys=("k",), limits=limits) as guard:
            body = {"model": "m", "messages": ASK, "max_tokens": 20}
            cost = likely_cost(request(max_tokens=20), 5)
            asked = [guard.post(body, authorization="Bearer k") for _ in range(20)]
            answers = await asyncio.gather(*asked)
            codes = [answer.status_code for answer in answers]
            assert codes.count(200) == 300 // cost
            assert codes.count(429) == 20 - 300 // cost
            # What these cost is settled: copies that were cut short, too.
            spent = sum(e.prompt_tokens + e.completion_tokens for e in guard.entries())
            bucket = guard.guard.quotas._buckets[guard.entries()[0].key, "tokens"]
            assert 300 - spent <= bucket.level < 300 - spent + 10

    asyncio.run(asyncio.wait_for(go(), 120))


def test_blocked_requests_cost_what_was_sent(tmp_path: Path) -> None:
    """All calls are cut short, and no upstream tells a count."""

    async def go() -> None:
        upstream = Scripted(lambda _: NO + " word" * 4000, pause=0.002)
        async with running(tmp_path, upstream, vote={"spare": 0}) as guard:
            answer = (await guard.post()).json()
            (entry,) = guard.entries()
            assert entry.outcome == "blocked"
            assert answer["usage"]["total_tokens"] == 0
            assert entry.prompt_tokens >= 4 * len(ASK[0]["content"]) // 4
            assert entry.completion_tokens >= 3 * len(NO) // 4
            assert entry.estimated_tokens == entry.prompt_tokens + entry.completion_tokens
            assert answer["interlock"]["tokens"]["estimated"] == entry.estimated_tokens

    asyncio.run(asyncio.wait_for(go(), 120))


def test_each_key_has_its_policy(tmp_path: Path) -> None:
    async def go() -> None:
        from interlock.serve.config import read_config

        config = read_config(
            None,
            {
                "embedded": True,
                "policy": {"system": "refuse", "names": "drop"},
                "keys": {"ann": {"policy": {"system": "pass"}}, "ben": {}},
            },
        )
        ann, ben = (config.policy_of(config.keys[name]) for name in ("ann", "ben"))
        assert (ann.of("system"), ann.of("names")) == ("pass", "drop")
        named: Any = {
            Client("ann", policy=ann): [KeyHash.of("ka", b"s" * 16)],
            Client("ben", policy=ben): [KeyHash.of("kb", b"s" * 16)],
        }
        ring = KeyRing((), named)
        async with running(tmp_path, Scripted(lambda _: YES), ring=ring) as guard:
            chat = [{"role": "system", "content": "be brief"}, *ASK]
            body = {"model": "m", "messages": chat}
            passed = await guard.post(body, authorization="Bearer ka")
            assert passed.status_code == 200
            assert "messages[0]: passed on unguarded" in passed.json()["interlock"]["because"]
            assert (await guard.post(body, authorization="Bearer kb")).status_code == 400

    asyncio.run(asyncio.wait_for(go(), 120))
