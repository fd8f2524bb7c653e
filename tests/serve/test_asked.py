"""What the guard asks is what the certified defence asks, and what it decides is decided alike."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.certify import Prompt, RefusalPhrases, Reply, SmoothLLM
from interlock.certify.defences import parse_defence, with_classifier
from interlock.certify.targets.protocol import Message
from interlock.certify.vote.random_copies import RandomCopies
from interlock.serve.asked import Asked, Asking
from interlock.serve.chat import ChatRequest
from interlock.serve.vote import Ballot, Matter, VoteRules, hold_vote
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import NO, YES, InProcess
from tests.serve.test_vote import part

TEXTS = [
    "smooth:swap,rate=0.2,copies=5",
    "drop:rate=0.4,copies=3",
    "erase:longest=3",
    "erase:every=2,longest=5",
    "erase:parts=3",
    "self",
    "self+erase:parts=3",
    "self+smooth:swap,rate=0.2,copies=3",
    "drop:copies=1+erase:longest=2",
]
WRITTEN = st.text("ab é\u200b日\n_.-", min_size=1, max_size=24).filter(str.strip)


def chat(*messages: Any, **more: Any) -> ChatRequest:
    said = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    return ChatRequest.of({"model": "m", "messages": said} | more)


def bodies(asked: Asked) -> list[Any]:
    return [copy.body["messages"] for copy in asked.copies]


@given(WRITTEN, st.sampled_from(TEXTS), st.integers(0, 2**48))
def test_a_message_is_asked_as_it_was_certified(text: str, name: str, seed: int) -> None:
    request, defence = chat(text), parse_defence(name)
    [seen] = request.texts  # without what no reader sees
    expected = defence.asks(Prompt.user(seen), seed=seed)
    asked = Asking(defence)(request, seed)
    assert bodies(asked) == [one.as_chat() for one in expected]
    assert [rule for _, rule in asked.asks.rounds] == [rule for _, rule in expected.rounds]
    assert [len(one) for one, _ in asked.asks.rounds] == [len(o) for o, _ in expected.rounds]
    assert [one.seed for one in asked.asks] == list(range(len(expected)))


@settings(max_examples=40)
@given(
    WRITTEN,
    st.sampled_from(TEXTS),
    st.integers(0, 2**48),
    st.floats(0, 1),
    st.floats(0, 0.5),
    st.integers(0, 2),
)
def test_every_defence_decides_as_it_was_certified(
    text: str, name: str, seed: int, share: float, faults: float, spare: int
) -> None:
    """Without faults the same decision; with faults never a release that it would not make."""

    def rule(asked: str) -> str:
        kind = part(asked, 1)
        if "one word, yes or no" in asked:
            return "Yes." if kind < share else "No."
        return NO if kind < share else f"{YES} {kind}"

    class Sync:
        identity: dict[str, Any] = {}  # noqa: RUF012

        def ask(self, prompts: Any, *, on_reply: Any = None) -> list[Reply]:
            return [Reply(rule(prompt.text)) for prompt in prompts]

    request, defence = chat(text), parse_defence(name)
    [seen] = request.texts
    full = SmoothLLM(Sync(), defence).answer(seen, seed=seed)  # type: ignore[arg-type]
    rules = VoteRules(Asking(defence), RefusalPhrases(), spare=spare)
    for broken in (0.0, faults):
        upstream = InProcess(
            rule,
            delay=lambda t: 0.001 * part(t, 5),
            fails=lambda t, time, broken=broken: part(t, 7 + time) < broken,
        )
        ballot = asyncio.run(hold_vote(Matter(request, rules, upstream, seed=seed, request_id="r")))
        if not broken:
            assert ballot.decision.released == full.released
            assert ballot.outcome == ("released" if full.released else "blocked")
            assert ballot.stage == defence.name.split("+")[full.round]
        elif not full.released:
            assert ballot.chosen == ()
        if ballot.outcome == "released":
            assert ballot.chosen[0].text == rule(seen)


def told(name: str, request: ChatRequest, upstream: Any, **more: Any) -> Ballot:
    rules = VoteRules(Asking(parse_defence(name)), RefusalPhrases(), **more)
    return asyncio.run(hold_vote(Matter(request, rules, upstream, seed=3, request_id="r")))


def test_erasing_takes_as_many_words_of_each_message_and_of_all_in_a_row() -> None:
    asked = Asking(parse_defence("erase:longest=1"))(chat("one two", "three", "four five"), 0)
    assert [[m["content"] for m in one] for one in bodies(asked)] == [
        ["one two", "three", "four five"],
        ["one", "three", "four"],
        ["one two", "three", "four"],
    ]
    asked = Asking(parse_defence("erase:longest=3"))(chat("one two", "three", "four"), 0)
    assert [m["content"] for m in bodies(asked)[-1]] == ["one", "…", "…"]


def test_erasing_reaches_results_of_tools_names_and_descriptions() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    request = chat(
        {"role": "system", "content": "be kind and brief"},
        {"role": "user", "content": "look", "name": "tell_me_all"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "fine weather today"},
        tools=[{"type": "function", "function": {"name": "look", "description": "looks out now"}}],
    )
    asked = Asking(parse_defence("erase:longest=2"))(request, 0)
    sent = [json.dumps(copy.body) for copy in asked.copies]
    whole, rest = sent[0], sent[1:]
    for before, after in (
        ("be kind and brief", '"be kind"'),
        ("tell_me_all", '"tell"'),
        ("fine weather today", '"fine"'),
        ("looks out now", '"looklooks"' if '"looklooks"' in "".join(rest) else '"looks"'),
    ):
        assert before in whole
        assert any(after in one for one in rest), after


def test_the_question_quotes_all_that_the_client_wrote() -> None:
    asked = Asking(parse_defence("self"), {"temperature": 0})(
        chat(
            {"role": "system", "content": "obey me\nfor once"},
            "how do I fold a kite?",
            {"role": "assistant", "content": "which kite?"},
            "the red one",
            temperature=2,
            max_tokens=1,
            stop=["o"],
            logit_bias={"40": -100},
        ),
        0,
    )
    [body] = [copy.body for copy in asked.copies]
    [message] = body["messages"]
    for line in ("> system text: obey me", "> for once", "> user: how do I fold a kite?",
                 "> assistant: which kite?", "> user: the red one"):  # fmt: skip
        assert line in message["content"].splitlines()
    assert {k: v for k, v in body.items() if k != "messages"} == {"model": "m", "temperature": 0}


def test_a_copy_that_asks_just_the_request_answers_it() -> None:
    text = "how do I fold a kite out of paper?"
    upstream = InProcess(lambda asked: f"Sure, {asked}")
    ballot = told("erase:parts=3", chat(text), upstream)
    assert ballot.decision.calls == len(upstream.bodies) == 3
    assert ballot.chosen[0].text == f"Sure, {text}"
    # With stop strings, which copies do without, it is another question, and asked by itself.
    upstream = InProcess(lambda asked: f"Sure, {asked}")
    ballot = told("erase:parts=3", chat(text, stop=["x"]), upstream)
    assert ballot.decision.calls == len(upstream.bodies) == 4
    assert [body for body in upstream.bodies if body.get("stop")] != []


def test_texts_that_are_equal_where_they_are_judged_are_no_twins() -> None:
    """Of a request whose user says one word, erasing changes the other texts alone."""
    request = chat({"role": "system", "content": "one two three"}, "kite")
    asked = Asking(parse_defence("erase:longest=2"))(request, 0)
    assert asked.twins == {0}
    assert [one.text for one in asked.asks].count("kite") == 3


@pytest.mark.parametrize(("text", "cut"), [("kite", False), ("fold a kite", True)])
def test_no_call_is_ended_early_whose_answer_may_be_given(text: str, cut: bool) -> None:
    """Of one word nothing is dropped, so that each copy is the request itself."""
    ended: list[bool] = []

    class Hears(InProcess):
        async def ask(self, call: Any, on_text: Any) -> Any:
            return await super().ask(call, lambda said: ended.append(on_text(said)) or ended[-1])

    ballot = told("drop:rate=0.5,copies=3", chat(text), Hears(lambda _: NO))
    assert ballot.outcome == "blocked"
    assert any(ended) is cut


def test_a_question_that_the_server_does_not_take_is_no_fault_of_the_request() -> None:
    class Strict(InProcess):
        async def ask(self, call: Any, on_text: Any) -> Any:
            if "one word, yes or no" in call.body["messages"][0]["content"]:
                raise WireError(400, "temperature is not supported")
            return await super().ask(call, on_text)

    ballot = told("self+erase:parts=2", chat("how do I fold a kite?"), Strict(lambda _: YES))
    assert (ballot.outcome, ballot.stage) == ("released", "erase")
    assert told("self", chat("how?"), Strict(lambda _: YES)).outcome == "undecided"


def test_a_classifier_is_asked_by_its_own_name() -> None:
    defence = with_classifier(
        parse_defence("classifier:form=safety+erase:parts=2"), {"url": "u", "model": "guard"}
    )
    asked = Asking(defence, classifier="guard")(chat("fold a kite"), 0)
    assert asked.copies[0].body == {
        "model": "guard",
        "messages": [{"role": "user", "content": "fold a kite"}],
        "temperature": 0,
    }
    assert asked.copies[0].prompt.wants == "class"
    assert asked.copies[0].prompt.messages[-1] == Message("user", "fold a kite")


@pytest.mark.parametrize("name", TEXTS)
def test_the_judge_reads_the_user_s_words(name: str) -> None:
    seen: list[str] = []

    class Listens(RefusalPhrases):
        async def judge_async(self, asked: str, answer: str) -> Any:
            seen.append(asked)
            return await super().judge_async(asked, answer)

    rules = VoteRules(Asking(parse_defence(name)), Listens())
    upstream = InProcess(lambda asked: "No." if "one word, yes or no" in asked else YES)
    request = chat("fold one large kite")
    assert asyncio.run(hold_vote(Matter(request, rules, upstream, seed=1, request_id="r"))).chosen
    assert all("request" not in asked for asked in seen)


@pytest.mark.parametrize("name", ["smooth:insert,rate=0.2,copies=9", "drop:rate=0.4,copies=9"])
def test_copies_that_are_never_asked_are_never_drawn(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    defence = parse_defence(name)
    assert isinstance(defence, RandomCopies)
    drawn, draw = list[int](), type(defence.change).copy_of

    def counted(self: Any, characters: Any, index: int, *, seed: int) -> list[str]:
        drawn.append(index)
        return draw(self, characters, index, seed=seed)

    monkeypatch.setattr(type(defence.change), "copy_of", counted)
    upstream = InProcess(lambda _: YES)
    assert told(name, chat("how do I fold a kite?"), upstream).outcome == "released"
    assert drawn == list(range(len(upstream.bodies) - 1))
    assert len(drawn) < 9


@given(WRITTEN, st.sampled_from(TEXTS), st.integers(0, 2**48))
def test_what_is_said_to_differ_from_the_request_does(text: str, name: str, seed: int) -> None:
    asked = Asking(parse_defence(name))(chat(text), seed)
    same = {i for i, one in enumerate(asked.copies) if one.body == asked.original.body}
    assert asked.twins == same
    assert not (asked.differ and same)
