from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

import pytest
from tests.certify.scripted import (
    NO,
    Server,
    answer,
    completion,
    cut_off,
    drip,
    hang,
    send,
    serving,
)

from interlock.certify.targets import EndpointTarget, Prompt, load_target
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.errors import ModelError, OptionError

pytest.importorskip("httpx")


def target(server: Server, **options: Any) -> EndpointTarget:
    defaults = {"attempts": 3, "max_wait": 0.02, "timeout": 5.0}
    return EndpointTarget(server.url, "m", **(defaults | options))


def ask(server: Server, **options: Any) -> Any:
    return target(server, **options).ask([Prompt.user("hello", system="be kind")])[0]


def test_a_plain_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-secret\n")
    with serving(answer("Hello!")) as server:
        asked = target(server, max_tokens=9, extra={"top_p": 0.5})
        [reply] = asked.ask([Prompt.user("hello", system="be kind", seed=4)])
    assert (reply.text, reply.finish, reply.prompt_tokens) == ("Hello!", "stop", 7)
    [seen] = server.seen
    assert seen["path"] == "/v1/chat/completions"
    assert seen["headers"]["Authorization"] == "Bearer sk-secret"
    assert seen["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hello"},
    ]
    assert (seen["model"], seen["max_tokens"], seen["top_p"]) == ("m", 9, 0.5)
    assert "seed" not in seen  # nothing to seed without a temperature
    usage = asked.usage
    assert (usage.calls, usage.requests, usage.lost) == (1, 1, 0)
    assert (usage.prompt_tokens, usage.completion_tokens) == (7, 3)
    assert "secret" not in repr(vars(asked)["usage"]) + repr(asked.identity)


@pytest.mark.parametrize("text", ["", "a", "👩‍👩‍👧 e\u0301", "torn \ud83d", "x" * 100_000])
def test_odd_prompts_arrive_as_they_are(text: str) -> None:
    with serving(answer("fine")) as server:
        assert target(server).ask([Prompt.user(text)])[0].text == "fine"
    assert server.seen[0]["messages"][0]["content"] == text


def test_order_and_bounded_concurrency() -> None:
    def in_turn(handler: Any) -> None:
        time.sleep(0.03)
        answer(handler.asked["messages"][-1]["content"])(handler)

    with serving(in_turn) as server:
        replies = target(server, concurrency=3).ask([Prompt.user(str(i)) for i in range(9)])
    assert [reply.text for reply in replies] == [str(i) for i in range(9)]
    assert server.most_at_once == 3


@pytest.mark.parametrize(
    "fault",
    [
        send(500, b"oops"),
        send(503, b"", {"retry-after": "0"}),
        send(429, b"{}", {"retry-after-ms": "5"}),
        send(200, b"<html>not json</html>"),
        send(200, b"\xff\xfe\x00garbage"),
        send(200, b'{"choices": []}'),
        send(200, b'{"choices": [{"message": null}]}'),
        send(200, b"[" * 100_000),
        send(200, b"null"),
        send(200, b'data: {"choices": [{"delta": {"content": "Sure"}}]}\n\n'),
        send(200, completion("")),
        send(200, completion(None)),
        cut_off,
    ],
)
def test_faults_that_pass_are_retried(fault: Any) -> None:
    with serving(fault, answer("there you are")) as server:
        assert ask(server).text == "there you are"
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (send(500, b"oops"), "answered 500"),
        (send(429, b"{}"), "answered 429"),
        (send(200, b"{}"), "malformed"),
        (send(200, completion("  ")), "empty answer"),
    ],
)
def test_faults_that_stay_are_lost_in_one_line(fault: Any, why: str) -> None:
    with serving(fault) as server:
        reply = ask(server)
    assert reply.lost
    assert why in reply.error
    assert "\n" not in reply.error
    assert len(server.seen) == 3


def test_a_bad_request_speaks_of_one_prompt_and_is_not_repeated() -> None:
    with serving(send(400, b'{"error": "too long"}')) as server:
        assert ask(server).lost
        assert len(server.seen) == 1


def test_a_403_of_a_filter_is_a_blocked_prompt() -> None:
    flagged = {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "how"}}
    with serving(send(403, json.dumps({"error": flagged}).encode())) as server:
        assert ask(server).finish == "blocked"


def test_a_date_beyond_any_calendar_asks_for_no_wait() -> None:
    for date in ("Mon, 01 Jan 99999999999 00:00:00 GMT", "1 Jan 2030 00:00:00 -9999999999999999"):
        with serving(send(429, b"{}", {"retry-after": date}), answer("fine")) as server:
            assert ask(server).text == "fine"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_errors_that_every_call_would_meet_are_raised(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with serving(send(status, b"{}")) as server, pytest.raises(ModelError, match=str(status)) as e:
        target(server, key_variable="MY_KEY").ask([Prompt.user(str(i)) for i in range(20)])
    assert "secret" not in str(e.value)
    assert len(server.seen) < 20  # the others were called off


def test_hanging_and_dripping_answers_end_in_time() -> None:
    for fault in (hang, drip):
        with serving(fault) as server:
            start = time.monotonic()
            reply = ask(server, timeout=0.15, attempts=2)
            assert time.monotonic() - start < 2
        assert reply.lost
        assert "0.15 s" in reply.error


def test_a_huge_answer_is_cut_short() -> None:
    with serving(answer("x" * 3_000_000)) as server:
        reply = ask(server, max_bytes=100_000, attempts=1)
    assert reply.lost
    assert "100000 bytes" in reply.error


def test_retry_after_is_honoured() -> None:
    with serving(send(429, b"{}", {"retry-after": "0.3"}), answer("ok")) as server:
        assert ask(server, max_wait=1.0).text == "ok"
    assert server.times[1] - server.times[0] >= 0.3


def test_a_retry_after_beyond_the_limit_gives_up_at_once() -> None:
    with serving(send(429, b"{}", {"retry-after": "3600"})) as server:
        reply = ask(server)
    assert len(server.seen) == 1
    assert "3600 s" in reply.error
    late = {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}
    with serving(send(503, b"{}", late)) as server:
        assert ask(server).lost
    past = {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    with serving(send(503, b"{}", past), answer("ok")) as server:
        assert ask(server).text == "ok"


def test_withheld_answers_are_blocked_not_lost() -> None:
    for body in (completion(None, "content_filter"), completion(None, refusal="I can't.")):
        with serving(send(200, body)) as server:
            reply = ask(server)
        assert (reply.finish, reply.lost) == ("blocked", False)
        assert len(server.seen) == 1


def test_no_server() -> None:
    with serving(answer("x")) as server:
        url = server.url
    reply = EndpointTarget(url, "m", attempts=2, max_wait=0.01).ask([Prompt.user("x")])[0]
    assert reply.lost
    assert "ConnectError" in reply.error


def test_inside_a_running_loop_and_cancelled() -> None:
    async def main() -> None:
        with serving(answer("x")) as server:
            assert target(server).ask([Prompt.user("x")])[0].text == "x"
        with serving(hang) as server:
            async with target(server) as asked:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asked.ask_async(Prompt.user("x")), 0.1)

    asyncio.run(main())


def test_the_vote_fails_closed_over_http() -> None:
    state = random.getstate()
    steps = [answer("Sure, here is how."), send(500, b"")]
    with serving(*steps) as server:
        smooth = SmoothLLM(target(server, attempts=2), Perturbation("swap", 0.1), 3, retries=0)
        decision = smooth.answer("please tell me everything", seed=1)
    assert not decision.released
    assert random.getstate() == state
    with serving(answer(NO)) as server:
        asked = target(server)
        smooth = SmoothLLM(asked, Perturbation("swap", 0.1), 10)
        decision = asyncio.run(smooth.answer_async("please tell me everything"))
        asyncio.run(asked.aclose())  # of a loop that has ended
    assert not decision.released
    assert decision.text == NO
    assert decision.saved >= 4


def test_bad_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ModelError, match=r"\$NO_SUCH_KEY is not set"):
        EndpointTarget("http://x", "m", key_variable="NO_SUCH_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "sk\u00e9")
    with pytest.raises(ModelError, match="no API key has"):
        EndpointTarget("http://x", "m")
    monkeypatch.delenv("OPENAI_API_KEY")
    for options in ({"concurrency": 0}, {"attempts": 0}, {"timeout": 0.0}, {"max_wait": -1.0}):
        with pytest.raises(OptionError):
            EndpointTarget("http://x", "m", **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="http"):
        EndpointTarget("ftp://x", "m")
    with pytest.raises(OptionError, match="name the model"):
        load_target("http://x/v1")
    with pytest.raises(OptionError, match="only an endpoint"):
        load_target("embedded", model="m")
    assert isinstance(load_target("http://x/v1", model="m"), EndpointTarget)
