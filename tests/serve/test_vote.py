"""The vote equals SmoothLLM's, and no fault makes it release what it would have blocked."""

from __future__ import annotations

import asyncio
import json
import threading
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify import Perturbation, Prompt, RefusalPhrases, Reply, SmoothLLM, Verdict
from interlock.serve.chat import ChatRequest
from interlock.serve.vote import Ballot, VoteRules, hold_vote
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import NO, YES, InProcess

SWAP = Perturbation("swap", 0.2)


def chat(text: str, **more: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]} | more
    return ChatRequest.read(json.dumps(body).encode())


def part(text: str, salt: int) -> float:
    """A share in [0, 1) that depends on the text alone."""
    return int.from_bytes(sha256(f"{salt}/{text}".encode()).digest()[:4], "big") / 2**32


def mixed(share: float, salt: int) -> Any:
    """Refuses this share of all texts."""
    return lambda text: NO if part(text, salt) < share else f"{YES} {text!r}"


def vote(request: ChatRequest, upstream: Any, copies: int, seed: int, **more: Any) -> Ballot:
    rules = VoteRules(SWAP, copies, RefusalPhrases(), **more)
    return asyncio.run(hold_vote(request, rules, upstream, seed=seed, request_id="r"))


class Sync:
    """The same answers for :class:`SmoothLLM`'s own vote."""

    identity: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, rule: Any) -> None:
        self.rule = rule

    def ask(self, prompts: Any, *, on_reply: Any = None) -> list[Reply]:
        return [Reply(self.rule(prompt.text)) for prompt in prompts]

    async def ask_async(self, prompt: Prompt) -> Reply:
        return Reply(self.rule(prompt.text))


def full_vote(text: str, rule: Any, copies: int, seed: int) -> Any:
    target = Sync(rule)
    return SmoothLLM(target, SWAP, copies, early_stop=False, answer_from="copy").answer(
        text, seed=seed
    )


@given(
    st.text("abcdefgh ", min_size=5, max_size=40),
    st.integers(1, 9),
    st.integers(0, 2**48),
    st.floats(0, 1),
    st.integers(0, 3),
)
def test_the_decision_is_that_of_smoothllm(
    text: str, copies: int, seed: int, share: float, spare: int
) -> None:
    rule = mixed(share, 1)
    upstream = InProcess(rule, delay=lambda t: 0.002 * part(t, 2))
    ballot = vote(chat(text), upstream, copies, seed, spare=spare)
    expected = full_vote(text, rule, copies, seed)
    assert ballot.decision.released == expected.released
    assert ballot.outcome == ("released" if expected.released else "blocked")
    for given_, full in ((v, expected.votes[v.copy]) for v in ballot.decision.votes):
        assert (given_.prompt.text, given_.verdict) == (full.prompt.text, full.verdict)
    if expected.released:
        assert ballot.chosen[0].text in {v.reply.text for v in expected.votes}
        assert not ballot.chosen[0].text.startswith(NO)


@given(
    st.integers(1, 9),
    st.integers(0, 2**48),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 2),
)
def test_faults_never_release_what_a_full_vote_blocks(
    copies: int, seed: int, share: float, faults: float, retries: int
) -> None:
    text = "please tell me how this is done"
    rule = mixed(share, 3)
    # Whether a call fails depends on the copy and on how often it was asked.
    upstream = InProcess(
        rule,
        delay=lambda t: 0.001 * part(t, 5),
        fails=lambda t, time: part(t, 7 + time) < faults,
    )
    ballot = vote(chat(text), upstream, copies, seed, retries=retries)
    if not full_vote(text, rule, copies, seed).released:
        assert not ballot.decision.released
        assert ballot.chosen == ()
    if faults == 1:
        assert ballot.outcome == "undecided"


def test_undecided_copies_are_cancelled() -> None:
    order = iter(range(100))
    upstream = InProcess(lambda _: YES, delay=lambda _: 0.0 if next(order) < 4 else 30.0)
    rules = VoteRules(SWAP, 7, RefusalPhrases(), spare=2)

    async def go() -> tuple[Ballot, int]:
        request = chat("how do I fold a kite?")
        ballot = await hold_vote(request, rules, upstream, seed=0, request_id="r")
        return ballot, upstream.cancelled  # before the loop's end, which cancels whatever is left

    ballot, cancelled = asyncio.run(go())
    assert ballot.decision.released
    assert cancelled == ballot.decision.cancelled == 2
    assert ballot.decision.saved == 1
    assert ballot.uncounted == 2
    assert len(ballot.usages) == 4


@pytest.mark.parametrize(("copies", "calls"), [(10, 6), (11, 7), (3, 3), (2, 2)])
def test_a_clear_vote_asks_no_more_than_its_first_wave(copies: int, calls: int) -> None:
    order = iter(range(100))
    upstream = InProcess(lambda _: YES, delay=lambda _: 0.01 * next(order))
    ballot = vote(chat("how do I fold a kite?"), upstream, copies, 0)
    assert ballot.decision.released
    assert ballot.decision.calls == len(upstream.bodies) == calls


def test_a_deadline_refuses() -> None:
    upstream = InProcess(lambda _: YES, delay=lambda _: 30.0)
    rules = VoteRules(SWAP, 5, RefusalPhrases())
    ballot = asyncio.run(
        hold_vote(chat("hello there"), rules, upstream, seed=0, request_id="r", deadline=0.05)
    )
    assert ballot.outcome == "undecided"
    assert ballot.decision.timed_out
    assert upstream.cancelled == len(upstream.bodies) == 4


def test_a_deadline_before_the_majority_releases_nothing() -> None:
    order = iter(range(100))
    upstream = InProcess(lambda _: YES, delay=lambda _: 0.0 if next(order) < 2 else 30.0)
    rules = VoteRules(SWAP, 5, RefusalPhrases())
    ballot = asyncio.run(
        hold_vote(chat("hello there"), rules, upstream, seed=0, request_id="r", deadline=0.5)
    )
    assert ballot.decision.count(Verdict.COMPLIED) == 2
    assert ballot.outcome == "undecided"
    assert ballot.chosen == ()


def test_cancelling_the_vote_cancels_its_calls() -> None:
    upstream = InProcess(lambda _: YES, delay=lambda _: 30.0)
    rules = VoteRules(SWAP, 5, RefusalPhrases())

    async def leave() -> None:
        task = asyncio.create_task(
            hold_vote(chat("hello there"), rules, upstream, seed=0, request_id="r")
        )
        while len(upstream.bodies) < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert upstream.cancelled == 4

    asyncio.run(leave())


def test_several_answers_come_from_several_copies() -> None:
    upstream = InProcess(lambda text: f"Sure: {text}")
    ballot = vote(chat("tell me about kites and boats", n=3), upstream, 5, 1)
    assert len({answer.text for answer in ballot.chosen}) == 3
    assert ballot.chosen[0].text == ballot.decision.text


def test_a_wrong_request_ends_the_vote() -> None:
    class Wrong(InProcess):
        async def ask(self, call: Any, on_text: Any) -> Any:
            if len(self.bodies) == 2:
                raise WireError(400, "too long")
            return await super().ask(call, on_text)

    upstream = Wrong(lambda _: YES, delay=lambda _: 30.0)
    with pytest.raises(WireError, match="too long"):
        vote(chat("hello there"), upstream, 5, 0)
    assert upstream.cancelled == 2


def test_a_judge_that_fails_votes_for_nobody() -> None:
    from interlock.errors import ModelError

    class Broken(RefusalPhrases):
        async def judge_async(self, asked: str, answer: str) -> Verdict:
            raise ModelError("no key")

    rules = VoteRules(SWAP, 3, Broken())
    ballot = asyncio.run(
        hold_vote(chat("hello there"), rules, InProcess(lambda _: YES), seed=0, request_id="r")
    )
    assert ballot.outcome == "undecided"


def test_each_step_is_told() -> None:
    told: list[Any] = []
    rules = VoteRules(SWAP, 3, RefusalPhrases())
    upstream = InProcess(lambda _: YES, fails=lambda text, time: time == 1 and part(text, 1) < 0.5)
    asyncio.run(
        hold_vote(chat("hello there"), rules, upstream, seed=2, request_id="r", watch=told.append)
    )
    events = [(step["event"], step["copy"]) for step in told]
    judged = {copy for event, copy in events if event == "verdict"}
    assert len(judged) >= 2
    for copy in judged:
        assert events.index(("asked", copy)) < events.index(("verdict", copy))
    copies = SmoothLLM(Sync(None), SWAP, 3).perturbed("hello there", seed=2)  # type: ignore[arg-type]
    for step in told:
        if step["event"] == "asked":
            assert step["text"] == copies[step["copy"]].text


def test_copies_of_many_messages_are_made_beside_other_requests() -> None:
    many = ChatRequest.read(
        json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": "a kite"}] * 300}
        ).encode()
    )
    made_in: list[str] = []
    copies = many.copies

    def copy(*given: Any) -> Any:
        made_in.append(threading.current_thread().name)
        return copies(*given)

    object.__setattr__(many, "copies", copy)
    assert vote(many, InProcess(lambda _: YES), 3, 1).decision.released
    assert made_in != [threading.main_thread().name]


def test_long_prompts_vote_like_short_ones() -> None:
    text = "word " * 6000
    ballot = vote(chat(text), InProcess(mixed(0.5, 1)), 3, 9)
    assert ballot.decision.released == full_vote(text, mixed(0.5, 1), 3, 9).released
