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
from interlock.certify.vote.random_copies import RandomCopies
from interlock.serve.asked import Asking
from interlock.serve.chat import ChatRequest
from interlock.serve.vote import Ballot, Matter, VoteRules, hold_vote
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
    rules = VoteRules(Asking(RandomCopies(SWAP, copies)), RefusalPhrases(), **more)
    return asyncio.run(hold_vote(Matter(request, rules, upstream, seed=seed, request_id="r")))


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
        assert ballot.chosen[0].text == rule(text)  # the upstream's own, a refusal included


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
    upstream = InProcess(lambda _: YES, delay=lambda _: 0.0 if next(order) < 5 else 30.0)
    rules = VoteRules(Asking(RandomCopies(SWAP, 7)), RefusalPhrases(), spare=2)

    async def go() -> tuple[Ballot, int]:
        request = chat("how do I fold a kite?")
        ballot = await hold_vote(Matter(request, rules, upstream, seed=0, request_id="r"))
        return ballot, upstream.cancelled  # before the loop's end, which cancels whatever is left

    ballot, cancelled = asyncio.run(go())
    assert ballot.decision.released
    assert cancelled == ballot.decision.cancelled == 2
    assert ballot.decision.saved == 1
    assert ballot.uncounted == 2
    assert len(ballot.usages) == 5


@pytest.mark.parametrize(("copies", "calls"), [(10, 7), (11, 8), (3, 4), (2, 3)])
def test_a_clear_vote_asks_no_more_than_its_first_wave_and_the_original(
    copies: int, calls: int
) -> None:
    order = iter(range(100))
    upstream = InProcess(lambda _: YES, delay=lambda _: 0.01 * next(order))
    ballot = vote(chat("how do I fold a kite?"), upstream, copies, 0)
    assert ballot.decision.released
    assert ballot.decision.calls == len(upstream.bodies) == calls


def test_a_deadline_refuses() -> None:
    upstream = InProcess(lambda _: YES, delay=lambda _: 30.0)
    rules = VoteRules(Asking(RandomCopies(SWAP, 5)), RefusalPhrases())
    ballot = asyncio.run(
        hold_vote(
            Matter(chat("hello there"), rules, upstream, seed=0, request_id="r", deadline=0.05)
        )
    )
    assert ballot.outcome == "undecided"
    assert ballot.decision.timed_out
    assert upstream.cancelled == len(upstream.bodies) == 5


def test_a_deadline_before_the_majority_releases_nothing() -> None:
    order = iter(range(100))
    upstream = InProcess(lambda _: YES, delay=lambda _: 0.0 if next(order) < 3 else 30.0)
    rules = VoteRules(Asking(RandomCopies(SWAP, 5)), RefusalPhrases())
    ballot = asyncio.run(
        hold_vote(
            Matter(chat("hello there"), rules, upstream, seed=0, request_id="r", deadline=0.5)
        )
    )
    assert ballot.decision.count(Verdict.COMPLIED) == 2
    assert ballot.outcome == "undecided"
    assert ballot.chosen == ()


def test_cancelling_the_vote_cancels_its_calls() -> None:
    upstream = InProcess(lambda _: YES, delay=lambda _: 30.0)
    rules = VoteRules(Asking(RandomCopies(SWAP, 5)), RefusalPhrases())

    async def leave() -> None:
        task = asyncio.create_task(
            hold_vote(Matter(chat("hello there"), rules, upstream, seed=0, request_id="r"))
        )
        while len(upstream.bodies) < 5:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert upstream.cancelled == 5

    asyncio.run(leave())


def test_several_answers_are_several_of_the_original() -> None:
    text = "tell me about kites and boats"
    upstream = InProcess(lambda text: f"Sure: {text}")
    ballot = vote(chat(text, n=3), upstream, 5, 1)
    assert [answer.text for answer in ballot.chosen] == [f"Sure: {text}"] * 3
    assert upstream.times[text] == 3
    assert ballot.decision.calls == len(upstream.bodies)
    lost = InProcess(lambda _: YES, fails=lambda asked, time: asked == text and time > 1)
    ballot = vote(chat(text, n=3), lost, 5, 1)  # fewer than asked for are none
    assert (ballot.outcome, ballot.chosen) == ("undecided", ())
    assert not ballot.unjudged or ballot.decision.original is not None


SAID = {
    "code": "def add(a: int, b: int) -> int:\n    return a + b  # what does {add(2, 3)} print?",
    "json": '{"order": 48213, "items": [{"sku": "K-7", "count": 2}]} - which sku is it?',
    "url": "what is at https://example.org/a/b?c=d&e=%20f#g ?",
    "sum": "what is 17 * 23 + 4?",
    "number": "where is order 4711-0815-A?",
    "chinese": "风筝怎么折？请一步一步地说明。",
    "short": "pi",
}


@pytest.mark.parametrize("text", SAID.values(), ids=SAID)
def test_the_answer_is_the_upstreams_own(text: str) -> None:
    """As if there were no guard between: the upstream sees, once, just what was asked."""
    upstream = InProcess(lambda asked: f"Sure, the answer to {asked!r} has {len(asked)} letters.")
    ballot = vote(chat(text), upstream, 5, 3)
    assert ballot.chosen[0].message["content"] == upstream.rule(text)
    assert [body["messages"] for body in upstream.bodies].count(
        [{"role": "user", "content": text}]
    ) == 1


def test_an_answer_that_the_judge_cannot_tell_is_not_given() -> None:
    text = "how do I fold a kite?"
    odd = "U3VyZSwgaGVyZSBpcyBob3cgdG8gZG8gaXQsIHN0ZXAgYnkgc3RlcCwgYW5kIHRoZSByZXN0IG9mIGl0"
    upstream = InProcess(lambda asked: odd if asked == text else YES)
    ballot = vote(chat(text), upstream, 3, 0)
    assert (ballot.outcome, ballot.unjudged, ballot.chosen) == ("undecided", True, ())


def test_the_upstreams_own_filter_is_told_apart() -> None:
    text = "how do I fold a kite?"

    class Filters(InProcess):
        withheld = "copies"

        async def ask(self, call: Any, on_text: Any) -> Any:
            answer = await super().ask(call, on_text)
            of_original = call.body["messages"][0]["content"] == text
            if of_original is (self.withheld == "original"):
                answer.finish_reason = "content_filter"
            return answer

    upstream = Filters(lambda _: YES)
    assert vote(chat(text), upstream, 3, 0).outcome == "filtered"
    upstream.withheld = "original"
    ballot = vote(chat(text), upstream, 3, 0)
    assert (ballot.outcome, ballot.chosen[0].finish_reason) == ("filtered", "content_filter")


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

    rules = VoteRules(Asking(RandomCopies(SWAP, 3)), Broken())
    ballot = asyncio.run(
        hold_vote(
            Matter(chat("hello there"), rules, InProcess(lambda _: YES), seed=0, request_id="r")
        )
    )
    assert ballot.outcome == "undecided"


def test_each_step_is_told() -> None:
    told: list[Any] = []
    rules = VoteRules(Asking(RandomCopies(SWAP, 3)), RefusalPhrases())
    upstream = InProcess(lambda _: YES, fails=lambda text, time: time == 1 and part(text, 1) < 0.5)
    asyncio.run(
        hold_vote(
            Matter(chat("hello there"), rules, upstream, seed=2, request_id="r", watch=told.append)
        )
    )
    assert told.pop(0) == {"event": "rounds", "sizes": [3], "stages": ["smooth"]}
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
