"""The official client against the guard, over sockets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import NO, YES, Exchange, Scripted


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


def test_an_answer_has_the_votes_and_all_tokens(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            answer = await guard.client().chat.completions.create(model="m", messages=ASK)
            assert answer.choices[0].message.content == YES + " "
            assert answer.choices[0].finish_reason == "stop"
            assert answer.model == "m"
            assert answer._request_id is not None
            told = answer.interlock  # type: ignore[attr-defined]
            assert told["outcome"] == "released"
            assert told["votes"]["complied"] in (3, 4)
            assert told["certificate"] is None
            assert not told["certificate_applies"]
            assert told["because"] == ["no certificate was given"]
            counted = told["calls"] - told["calls_without_usage"]
            assert counted >= 3
            assert answer.usage.completion_tokens == counted * len(YES.split())  # type: ignore[union-attr]
            assert told["copies"] == told["saved"] + told["calls"] - 1  # and the original
            assert "seed" not in told
            (entry,) = guard.entries()
            assert entry.answer_id == answer.id
            assert (entry.outcome, entry.complied) == ("released", told["votes"]["complied"])
        sent = [body["messages"][0]["content"] for body in upstream.seen]
        assert sent.count(ASK[0]["content"]) == 1  # answered; the others are voted on
        assert len(set(sent)) == len(upstream.seen)

    run(go())


def test_a_blocked_answer_is_a_refusal(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: NO)) as guard:
            answer = await guard.client().chat.completions.create(model="m", messages=ASK, n=2)
            assert [c.finish_reason for c in answer.choices] == ["content_filter"] * 2
            assert answer.choices[1].message.content == "I can't help with that."
            chunks = [c async for c in await guard.client().chat.completions.create(
                model="m", messages=ASK, stream=True
            )]  # fmt: skip
            assert chunks[-1].choices[0].finish_reason == "content_filter"
            assert {e.outcome for e in guard.entries()} == {"blocked"}

    run(go())


def test_a_stream_is_made_of_correct_chunks(tmp_path: Path) -> None:
    async def go() -> None:
        # A slow machine's vote would begin with comments.
        async with running(tmp_path, Scripted(lambda _: YES), vote={"head": 60.0}) as guard:
            body = {"model": "m", "messages": ASK, "stream": True}
            body["stream_options"] = {"include_usage": True}
            response = await guard.post(body)
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in response.text.split("\n\n") if line]
            assert all(line.startswith("data: ") for line in lines)
            assert lines[-1] == "data: [DONE]"
            chunks = [json.loads(line[6:]) for line in lines[:-1]]
            assert len({(c["id"], c["object"], c["created"]) for c in chunks}) == 1
            assert chunks[0]["object"] == "chat.completion.chunk"
            assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
            assert chunks[0]["interlock"]["outcome"] == "released"
            text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[1:-2])
            assert text == YES + " "
            assert len(chunks) > 5
            assert chunks[-2]["choices"][0] == {
                "index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop",
            }  # fmt: skip
            assert chunks[-1]["choices"] == []
            assert chunks[-1]["usage"]["total_tokens"] > 0
            assert all(c["usage"] is None for c in chunks[:-1])
            client = guard.client()
            seen = [
                chunk
                async for chunk in await client.chat.completions.create(
                    model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
                )
            ]
            assert seen[-1].usage is not None
            async with client.chat.completions.stream(model="m", messages=ASK) as stream:
                final = await stream.get_final_completion()
            assert final.choices[0].message.content == YES + " "

    run(go())


def test_an_upstream_that_does_not_stream_is_understood(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES, Exchange.answer_whole)) as guard:
            answer = await guard.client().chat.completions.create(model="m", messages=ASK)
            assert answer.choices[0].message.content == YES
            chunks = [c async for c in await guard.client().chat.completions.create(
                model="m", messages=ASK, stream=True
            )]  # fmt: skip
            assert "".join(c.choices[0].delta.content or "" for c in chunks) == YES

    run(go())


def test_token_counts_beyond_belief_do_no_harm(tmp_path: Path) -> None:
    async def boast(exchange: Exchange) -> None:
        choice = {"message": {"role": "assistant", "content": YES}, "finish_reason": "stop"}
        counts = {"prompt_tokens": -5, "completion_tokens": 10**30}
        await exchange.whole(200, json.dumps({"choices": [choice], "usage": counts}).encode())

    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES, boast)) as guard:
            for _ in range(2):
                assert (await guard.post()).json()["interlock"]["outcome"] == "released"
            assert {(e.prompt_tokens, e.completion_tokens) for e in guard.entries()} == {(0, 2**53)}
            assert (await guard.http.get("/metrics")).status_code == 200

    run(go())


@pytest.mark.parametrize("stream", [False, True])
def test_half_an_emoji_is_passed_on(tmp_path: Path, stream: bool) -> None:
    torn = "Sure \ud83d"

    async def refuse(exchange: Exchange) -> None:
        await exchange.whole(400, json.dumps({"error": {"message": torn}}).encode())

    async def go() -> None:
        upstream = Scripted(lambda _: torn, Exchange.answer_whole)
        async with running(tmp_path, upstream) as guard:
            response = await guard.post({"model": "m", "messages": ASK, "stream": stream})
            assert response.status_code == 200
            assert "Sure \\ud83d" in response.text
            upstream.step = refuse
            response = await guard.post()
            assert (response.status_code, response.json()["error"]["message"]) == (400, torn)

    run(go())


def test_clear_refusals_are_cut_short(tmp_path: Path) -> None:
    async def go() -> None:
        long = NO + " word" * 4000
        upstream = Scripted(lambda _: long, pause=0.002)
        async with running(tmp_path, upstream, vote={"spare": 0}) as guard:
            answer = await guard.client().chat.completions.create(model="m", messages=ASK)
            told = answer.interlock  # type: ignore[attr-defined]
            assert told["votes"] == {"complied": 0, "refused": 3, "lost": 0}
            assert told["calls_without_usage"] == 4  # and the original, which was cancelled
            text = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_upstream_calls_total{end="cut"} 3.0' in text
        assert upstream.words_sent < 3 * 3000
        assert upstream.left == 4  # the connection was closed on each

    run(go())


def test_tools_several_answers_and_unknown_fields(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

    async def calls_tools(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(
            {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **call}]}
        )
        await exchange.chunk({}, "tool_calls")
        await exchange.done()

    async def go() -> None:
        upstream = Scripted(lambda _: YES, calls_tools)
        tools: Any = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
        async with running(tmp_path, upstream) as guard:
            answer = await guard.client().chat.completions.create(
                model="m", messages=ASK, tools=tools, n=3, extra_body={"top_k": 7}
            )
            assert len(answer.choices) == 3
            (made,) = answer.choices[2].message.tool_calls or []
            assert made.model_dump(exclude_none=True) == call
            assert answer.choices[0].finish_reason == "tool_calls"
            chunks = [c async for c in await guard.client().chat.completions.create(
                model="m", messages=ASK, tools=tools, stream=True
            )]  # fmt: skip
            deltas = [d for c in chunks for d in c.choices[0].delta.tool_calls or []]
            assert [d.function.name for d in deltas if d.function] == ["look"]
        for body in upstream.seen:
            (tool,) = body["tools"]
            assert tool["function"]["parameters"] == {}
            assert "n" not in body
        names = [body["tools"][0]["function"]["name"] for body in upstream.seen]
        assert names.count("look") == 3 + 1  # answered; in the copies it is untrusted text
        assert upstream.seen[0]["top_k"] == 7

    run(go())


def test_errors_have_openais_shape(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        given = {
            "model": "m",
            "limits": {"request_bytes": 4000, "user_characters": 1000, "messages": 20},
        }
        async with running(tmp_path, upstream, keys=("right",), **given) as guard:
            client = guard.client(api_key="right", max_retries=3)
            ask = client.chat.completions.create
            with pytest.raises(openai.AuthenticationError) as denied:
                await guard.client(api_key="wrong").chat.completions.create(model="m", messages=ASK)
            assert denied.value.code == "invalid_api_key"
            with pytest.raises(openai.NotFoundError, match="serves 'm' only"):
                await ask(model="other", messages=ASK)
            with pytest.raises(openai.BadRequestError) as many:
                await ask(model="m", messages=ASK, n=4)
            assert many.value.param == "n"
            image: Any = [{"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:,"}},
            ]}]  # fmt: skip
            with pytest.raises(openai.BadRequestError) as unguardable:
                await ask(model="m", messages=image)
            assert unguardable.value.code == "unguardable_content"
            assert unguardable.value.param == "messages[0].content[1]"
            with pytest.raises(openai.BadRequestError, match="at most 20 messages"):
                await ask(model="m", messages=ASK * 21)
            with pytest.raises(openai.BadRequestError) as long:
                await ask(model="m", messages=[{"role": "user", "content": "x" * 1500}])
            assert long.value.code == "too_long"
            with pytest.raises(openai.APIStatusError) as large:
                await ask(model="m", messages=[{"role": "user", "content": "x" * 5000}])
            assert large.value.status_code == 413
            with pytest.raises(openai.BadRequestError) as nothing:
                await ask(model="m", messages=[{"role": "user", "content": ""}])
            assert nothing.value.code == "nothing_to_guard"
            with pytest.raises(openai.NotFoundError, match="the guard answers"):
                await client.embeddings.create(model="m", input="x")
            headers = {"authorization": "Bearer right", "content-type": "text/plain"}
            plain = await guard.http.post("/v1/chat/completions", content="{}", headers=headers)
            assert (plain.status_code, plain.json()["error"]["code"]) == (415, "not_json")
            assert plain.headers["x-should-retry"] == "false"
            headers |= {"content-type": "application/json", "content-encoding": "gzip"}
            packed = await guard.http.post("/v1/chat/completions", content="{}", headers=headers)
            assert (packed.status_code, packed.json()["error"]["code"]) == (415, "packed")
            assert (await guard.http.get("/v1/models")).status_code == 401
            told = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_requests_total{outcome="rejected"} 10.0' in told
        assert upstream.seen == []

    run(go())


def test_the_client_asks_again_where_that_may_help_and_nowhere_else(tmp_path: Path) -> None:
    async def busy(exchange: Exchange) -> None:
        await exchange.whole(429, b"{}", retry_after="1")

    async def go() -> None:
        upstream = Scripted(lambda _: YES, busy)
        async with running(tmp_path, upstream, vote={"retries": 0}) as guard:
            client = guard.client(max_retries=3)
            asked = asyncio.create_task(client.chat.completions.create(model="m", messages=ASK))
            while not guard.entries():
                await asyncio.sleep(0.01)
            upstream.step = Exchange.stream_well
            assert (await asked).choices[0].message.content == YES + " "
            outcomes = [entry.outcome for entry in guard.entries()]
            assert (outcomes[0], set(outcomes[1:])) == ("released", {"undecided"})
            for wrong in ({"n": 99}, {"messages": []}):
                with pytest.raises(openai.BadRequestError):
                    await client.chat.completions.create(
                        **{"model": "m", "messages": ASK} | wrong  # type: ignore[call-overload]
                    )
            told = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_requests_total{outcome="rejected"} 2.0' in told

    run(go())


def test_the_upstreams_4xx_pass_through_without_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-upstream")
    caplog.set_level("DEBUG")

    async def refuse(exchange: Exchange) -> None:
        assert exchange.headers["authorization"] == "Bearer sk-secret-upstream"
        error = {
            "message": "no: sk-secret-upstream",
            "type": "t",
            "param": "messages",
            "code": "context",
        }
        await exchange.whole(
            400, json.dumps({"error": error, "debug": "sk-secret-upstream"}).encode()
        )

    async def deny(exchange: Exchange) -> None:
        await exchange.whole(401, b'{"error": {"message": "bad key sk-secr***"}}')

    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES, refuse)) as guard:
            with pytest.raises(openai.BadRequestError) as caught:
                await guard.client(max_retries=2).chat.completions.create(model="m", messages=ASK)
            assert caught.value.code == "context"
            assert "[key]" in caught.value.message
            assert "sk-secret" not in caught.value.response.text
        async with running(tmp_path, Scripted(lambda _: YES, deny)) as guard:
            response = await guard.post()
            assert response.status_code == 502
            assert response.json()["error"]["code"] == "upstream_key_refused"
            assert "sk-" not in response.text
            assert response.headers["x-should-retry"] == "false"

    run(go())
    assert caplog.records
    assert "sk-secret" not in "".join(f"{r.getMessage()} {r.args}" for r in caplog.records)


def test_four_outcomes_are_told_apart_everywhere(tmp_path: Path) -> None:
    """In status and header, in the ledger, and in the metrics."""
    withheld = json.dumps({"error": {"code": "content_filter", "message": "withheld"}}).encode()

    async def withholds(exchange: Exchange) -> None:
        await exchange.whole(400, withheld)

    async def fails(exchange: Exchange) -> None:
        await exchange.whole(500, b"{}")

    well = Exchange.stream_well
    became: dict[str, tuple[Any, str, int]] = {
        "released": (well, YES, 200),
        "blocked": (well, NO, 200),
        "filtered": (withholds, YES, 200),
        "undecided": (fails, YES, 503),
    }

    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            for outcome, (step, said, status) in became.items():
                upstream.step, upstream.rule = step, lambda _, said=said: said
                messages = [{"role": "user", "content": f"how do I fold a kite, {outcome}?"}]
                answer = await guard.post({"model": "m", "messages": messages})
                assert answer.headers["x-interlock-outcome"] == outcome
                assert answer.status_code == status, outcome
                assert ("retry-after" in answer.headers) is (status == 503)
            assert [entry.outcome for entry in guard.entries()] == list(became)[::-1]
            counted = (await guard.http.get("/metrics")).text
            for outcome in became:
                assert f'interlock_guard_requests_total{{outcome="{outcome}"}} 1.0' in counted

    run(go())


def test_the_upstreams_filter_is_a_vote_and_on_record(tmp_path: Path) -> None:
    """400 with content_filter: on one copy a refusal like another, on all an answer withheld."""
    withheld = json.dumps({"error": {"code": "content_filter", "message": "withheld"}}).encode()

    async def go() -> None:
        upstream = Scripted(lambda _: YES)

        def withhold(copies: int) -> None:
            left = iter(range(copies))

            async def step(exchange: Exchange) -> None:
                copy = exchange.body["messages"] != ASK
                if copy and next(left, None) is not None:
                    await exchange.whole(400, withheld)
                else:
                    await exchange.stream_well()

            upstream.step = step

        async with running(tmp_path, upstream) as guard:
            withhold(2)
            answer = await guard.post()
            assert (answer.status_code, answer.headers["x-interlock-outcome"]) == (200, "released")
            assert answer.json()["interlock"]["votes"] == {"refused": 2, "complied": 3, "lost": 0}
            withhold(999)
            answer = await guard.post(
                {"model": "m", "messages": [{"role": "user", "content": "x y"}]}
            )
            assert (answer.status_code, answer.headers["x-interlock-outcome"]) == (200, "filtered")
            assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
            assert YES not in answer.text
            assert [entry.outcome for entry in guard.entries()] == ["filtered", "released"]

    run(go())


def test_request_ids_go_end_to_end(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream) as guard:
            response = await guard.post(x_request_id="abc-1")
            assert response.headers["x-request-id"] == "abc-1"
            assert {h["x-request-id"] for h in upstream.headers} == {"abc-1"}
            odd = await guard.post({}, x_request_id="a b<script>")
            assert odd.status_code == 400
            assert odd.headers["x-request-id"].startswith("req-")
            assert [entry.request_id for entry in guard.entries()] == ["abc-1"]

    run(go())


def test_passing_on_what_cannot_be_guarded_is_said(tmp_path: Path) -> None:
    async def go() -> None:
        messages = [*ASK, {"role": "tool", "tool_call_id": "1", "content": "found"}]
        async with running(
            tmp_path, Scripted(lambda _: YES), policy={"tool_results": "pass"}
        ) as guard:
            told = (await guard.post({"model": "m", "messages": messages})).json()["interlock"]
            assert "messages[1]: passed on unguarded" in told["because"]

    run(go())


def test_models_health_and_metrics(tmp_path: Path) -> None:
    async def go() -> None:
        async with running(tmp_path, Scripted(lambda _: YES)) as guard:
            client = guard.client()
            assert [m.id async for m in client.models.list()] == ["m"]
            assert (await client.models.retrieve("m")).owned_by == "tests"
            with pytest.raises(openai.NotFoundError):
                await client.models.retrieve("x")
            assert (await guard.http.get("/healthz")).status_code == 200
            ready = await guard.http.get("/readyz")
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            await guard.post()
            text = (await guard.http.get("/metrics")).text
            assert 'interlock_guard_requests_total{outcome="released"} 1.0' in text
            assert 'interlock_guard_votes_total{verdict="complied"}' in text
            assert 'interlock_guard_drift{of="traffic_copies_refused"} 0.0' in text

    run(go())


def test_the_synchronous_client_and_its_timeout(tmp_path: Path) -> None:
    async def hang(exchange: Exchange) -> None:
        await asyncio.sleep(60)

    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        patient = {"copy_timeout": 900.0, "deadline": 900.0}
        async with running(tmp_path, upstream, vote=patient) as guard:
            base = f"{guard.url}/v1"

            def ask(**more: Any) -> Any:
                with openai.OpenAI(base_url=base, api_key="x", max_retries=0, **more) as client:
                    return client.chat.completions.create(model="m", messages=ASK)

            assert (await asyncio.to_thread(ask)).choices[0].message.content == YES + " "

            def stream() -> str:
                with openai.OpenAI(base_url=base, api_key="x") as client:
                    made = client.chat.completions.create(model="m", messages=ASK, stream=True)
                    return "".join(c.choices[0].delta.content or "" for c in made)

            assert await asyncio.to_thread(stream) == YES + " "
            upstream.step = hang
            before = len(upstream.seen)
            with pytest.raises(openai.APITimeoutError):
                await asyncio.to_thread(lambda: ask(timeout=1.5))
            while upstream.busy:  # the guard noticed and hung up as well
                await asyncio.sleep(0.01)
            assert 0 < upstream.left == len(upstream.seen) - before <= 5
            assert len(guard.entries()) == 2

    run(go())


def test_probes_are_the_operators_where_there_is_one(tmp_path: Path) -> None:
    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, keys=("k",), admin=("boss",)) as guard:
            for key in ("k", "boss"):
                answer = await guard.post(authorization=f"Bearer {key}", x_interlock_probe="1")
                assert answer.status_code == 200
            assert [entry.probe for entry in guard.entries()] == [True, False]
            odd = await guard.http.get("/v1/chat/completions")
            assert (odd.status_code, odd.json()["error"]["code"]) == (405, "method_not_allowed")
            assert odd.headers["allow"] == "POST"
            for path in ("/", "/healthz", "/readyz"):  # as some balancers ask
                assert (await guard.http.head(path)).status_code == 200

    run(go())


@pytest.mark.parametrize("admin", [(), ("boss",)])
def test_who_has_no_admin_key_sends_no_probe(tmp_path: Path, admin: tuple[str, ...]) -> None:
    """To a guard without keys: else a refused prompt would be drawn anew until it passes."""

    async def go() -> None:
        upstream = Scripted(lambda _: NO)
        async with running(tmp_path, upstream, admin=admin) as guard:
            for number, claimed in enumerate(("0", "1", "1", "true")):
                answer = await guard.post(x_interlock_probe=claimed, x_api_key="k")
                told = answer.json()["interlock"]
                assert (told["outcome"], told["repeated"]) == ("blocked", number > 0)
                upstream.rule = lambda _: YES
            assert [entry.probe for entry in guard.entries()] == [False] * 4
            answer = await guard.post(x_interlock_probe="1", x_api_key="boss")
            drawn = answer.json()["interlock"]["outcome"] == "released"
            assert (drawn, guard.entries()[0].probe) == (bool(admin), bool(admin))

    run(go())
