"""Of the tokens that a server lists with an answer, those of the judged text alone are given."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.completion import Completion
from interlock.serve.token_logs import TokenLogs
from tests.serve.running import ASK, running
from tests.serve.scripted_upstream import YES, Exchange, Scripted

SECRET = "mix the two powders"


def entry(token: str, **more: Any) -> dict[str, Any]:
    others = [{"token": SECRET, "logprob": -2.0, "bytes": list(SECRET.encode())}]
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()),
            "top_logprobs": others} | more  # fmt: skip


def spelled(given: Any) -> str:
    return b"".join(bytes(one["bytes"]) for one in given).decode()


@given(st.text(max_size=40), st.randoms())
def test_tokens_come_with_their_text_however_both_are_cut(text: str, random: Any) -> None:
    """Also in the middle of a character, and where one comes before the other."""
    raw, tokens = text.encode(), []
    while raw:
        cut = random.randint(1, 6)
        tokens.append({"token": "?", "logprob": -1, "bytes": list(raw[:cut])})
        raw = raw[cut:]
    logs, shown, came = TokenLogs(False), "", list(tokens)
    told: list[Any] = []
    while came or len(shown) < len(text):
        piece = text[len(shown) : len(shown) + random.randint(0, 3)]
        some, came = came[: (n := random.randint(0, 3))], came[n:]
        shown += piece
        told += logs.add(piece, some)
        assert shown.encode().startswith(b"".join(bytes(one["bytes"]) for one in told))
    assert [one["bytes"] for one in told] == [one["bytes"] for one in tokens]


def test_what_is_not_the_text_is_not_given() -> None:
    logs = TokenLogs(False)
    assert logs.add("", [entry("Sure")]) == []  # nothing yet that it could be of
    assert spelled(logs.add("Sure, ", [entry(", "), entry("<|end|>")])) == "Sure, "
    assert logs.add("fold it", [entry("fold")]) == []
    for wrong in ([entry(SECRET)], [3, None], "many", {"a": 1}, [{"token": 3}], [{}]):
        told = TokenLogs(False).add("Sure", wrong)
        assert SECRET not in json.dumps(told)
        assert spelled(told) == ""
    # what it calls a token is not looked at where its bytes are others
    (one,) = TokenLogs(False).add("é", [{"token": SECRET, "bytes": [0xC3], "logprob": 2e9}])
    assert one == {"token": "\\xc3", "logprob": -9999.0, "bytes": [0xC3], "top_logprobs": []}
    for odd in ([256], [-1], "ab", 5, [1.5], None):
        (one,) = TokenLogs(False).add("é", [entry("é", bytes=odd, logprob=float("nan"))])
        assert (one["token"], one["logprob"]) == ("é", -9999.0)


def test_a_long_answer_takes_no_longer_than_its_length() -> None:
    """A million bytes in pieces: copies of what is left would be 10^11 of them."""
    logs, told = TokenLogs(False), 0
    for _ in range(1000):
        told += len(logs.add("kite " * 200, [entry("kite ")] * 200))
    assert told == 200_000


def chunks(answer: str, **more: Any) -> list[dict[str, Any]]:
    """An answer word by word, with its tokens."""
    pieces = [f"{word} " for word in answer.split(" ")]
    return [
        {"delta": {"content": piece}, "logprobs": {"content": [entry(piece)], "other": SECRET}}
        for piece in pieces
    ]


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("opened", [False, True])
def test_both_kinds_of_answers(streamed: bool, opened: bool) -> None:
    answer = Completion(alternatives=opened)
    come = [
        {"delta": {}, "logprobs": {"content": [], "refusal": None}},
        {"delta": {"refusal": "No. "}, "logprobs": {"content": None, "refusal": [entry("No. ")]}},
        *chunks(YES),
        {"delta": {}, "logprobs": {"content": [entry(SECRET)]}, "finish_reason": "stop"},
    ]
    if streamed:
        for choice in come:
            answer.add_chunk({"choices": [choice]})
    else:
        listed = {"content": [], "refusal": [], "other": SECRET}
        for choice in come:
            for kind in ("content", "refusal"):
                listed[kind] += choice["logprobs"].get(kind) or []
        message = {"content": f"{YES} ", "refusal": "No. "}
        data = {"choices": [{"message": message, "logprobs": listed, "finish_reason": "stop"}]}
        answer = Completion.of_completion(data, opened)
    assert answer.logprobs is not None
    assert spelled(answer.logprobs["content"]) == f"{YES} "
    assert spelled(answer.logprobs["refusal"]) == "No. "
    pieces = [piece for piece in answer.pieces() if piece["logprobs"]]
    for kind, said in (("content", f"{YES} "), ("refusal", "No. ")):
        told = [one for piece in pieces for one in piece["logprobs"].get(kind) or ()]
        assert spelled(told) == said
        assert all(bool(one["top_logprobs"]) == opened for one in told)
    if not opened:
        assert SECRET not in json.dumps([answer.logprobs, *answer.pieces()])


ASKED: dict[str, Any] = {
    "/v1/chat/completions": {"messages": ASK, "logprobs": True},
    "/v1/completions": {"prompt": ASK[0]["content"]},
    "/v1/responses": {"input": ASK[0]["content"], "include": ["message.output_text.logprobs"]},
    "/v1/messages": {"messages": ASK, "max_tokens": 99},
}


@pytest.mark.parametrize("live", [True, False])
def test_no_wire_lets_more_through(tmp_path: Path, live: bool) -> None:
    """Whatever the upstream lists: reasoning that it keeps, alternatives, a stop string's token."""

    async def tells(exchange: Exchange) -> None:
        await exchange.start()
        for choice in chunks(exchange.said):
            await exchange.chunk(choice["delta"], logprobs=choice["logprobs"])
        await exchange.chunk({}, "stop", logprobs={"content": [entry(SECRET)]})
        await exchange.done()

    async def keeps_reasoning(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk({"content": ""}, logprobs={"content": [entry(SECRET)]})
        for choice in chunks(exchange.said):
            await exchange.chunk(choice["delta"], logprobs=choice["logprobs"])
        await exchange.chunk({}, "stop")
        await exchange.done()

    async def whole(exchange: Exchange) -> None:
        listed = [entry(f"{exchange.said} "), entry(SECRET)]
        message = {"role": "assistant", "content": f"{exchange.said} "}
        choice = {"message": message, "logprobs": {"content": listed}, "finish_reason": "stop"}
        await exchange.whole(200, json.dumps({"choices": [choice]}).encode())

    async def go() -> None:
        upstream = Scripted(lambda _: YES)
        async with running(tmp_path, upstream, vote={"live": live}) as guard:
            for step in (tells, keeps_reasoning, whole):
                upstream.step = step
                for path, body in ASKED.items():
                    for stream in (False, True):
                        given = {"model": "m", "stream": stream} | body
                        answer = await guard.http.post(path, json=given)
                        assert answer.status_code == 200
                        assert SECRET not in answer.text, (step, path, stream)
                        assert YES.split()[-1] in answer.text
            upstream.step = tells
            answer = await guard.post({"model": "m", "messages": ASK, "logprobs": True})
            (choice,) = answer.json()["choices"]
            assert spelled(choice["logprobs"]["content"]) == choice["message"]["content"]
            client = guard.client()
            stream = await client.chat.completions.create(
                model="m", messages=ASK, logprobs=True, stream=True
            )
            told = [
                one
                async for chunk in stream
                if chunk.choices[0].logprobs
                for one in chunk.choices[0].logprobs.content or ()
            ]
            assert "".join(one.token for one in told) == f"{YES} "

    asyncio.run(asyncio.wait_for(go(), 120))


def test_who_asks_for_alternatives_is_told_who_opens_them(tmp_path: Path) -> None:
    async def tells(exchange: Exchange) -> None:
        await exchange.start()
        for choice in chunks(exchange.said):
            await exchange.chunk(choice["delta"], logprobs=choice["logprobs"])
        await exchange.chunk({}, "stop")
        await exchange.done()

    async def go() -> None:
        upstream = Scripted(lambda _: YES, tells)
        asked = {"model": "m", "messages": ASK, "logprobs": True, "top_logprobs": 5}
        async with running(tmp_path, upstream) as guard:
            other = {"model": "m", "input": "a kite?", "top_logprobs": 1}
            for answer in (
                await guard.post(asked),
                await guard.http.post("/v1/responses", json=other),
            ):
                error = answer.json()["error"]
                assert (answer.status_code, error["param"]) == (400, "top_logprobs")
                assert 'policy.extra = ["top_logprobs"]' in error["message"]
            prompt = {"model": "m", "prompt": "a kite?", "logprobs": 3}
            answer = await guard.http.post("/v1/completions", json=prompt)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "logprobs")
            assert upstream.seen == []
            assert (await guard.post(asked | {"top_logprobs": 0})).status_code == 200
            voted = await guard.http.post("/v1/decisions", json=asked)  # no answer is given there
            assert voted.status_code == 200
        async with running(tmp_path, upstream, policy={"extra": ["top_logprobs"]}) as guard:
            answer = (await guard.post(asked)).json()
            listed = answer["choices"][0]["logprobs"]["content"]
            assert listed[0]["top_logprobs"][0]["token"] == SECRET
            assert "top_logprobs: passed on unguarded" in answer["interlock"]["because"]

    asyncio.run(asyncio.wait_for(go(), 120))
