from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.certify import RefusalPhrases, Verdict
from interlock.certify.judges.phrases import KEYWORDS
from interlock.certify.targets.wire import parse_completion
from interlock.serve.completion import Completion, MalformedError, add_usage
from interlock.serve.early_refusal import RefusalWatch, surely_refused


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}


def test_streamed_pieces_make_the_whole() -> None:
    answer = Completion()
    tool = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": ""},
    }
    for piece in (
        chunk({"role": "assistant", "content": "One ", "reasoning_content": "hm"}),
        chunk({"content": "two", "reasoning_content": "m"}),
        chunk({"tool_calls": [tool]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}),
        chunk({}, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ):
        answer.add_chunk(piece)
    assert answer.message == {
        "role": "assistant",
        "content": "One two",
        "reasoning_content": "hmm",
        "tool_calls": [CALL],
    }
    reply = answer.reply()
    assert (reply.prompt_tokens, reply.completion_tokens) == (3, 2)
    reasons, said, calls = reply.text.split("\n")  # all that would be released is judged
    assert (reasons, said) == ("<think>hmm</think>", "One two")
    assert json.loads(calls) == {"tool_calls": [CALL]}


@given(st.text(max_size=300), st.booleans(), st.booleans())
def test_pieces_of_an_answer_give_it_back(text: str, calls: bool, reasons: bool) -> None:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    message |= {"tool_calls": [CALL, CALL]} if calls else {}
    message |= {"reasoning_content": "because"} if reasons else {}
    whole = Completion.of_completion({"choices": [{"message": message, "finish_reason": "stop"}]})
    again = Completion()
    pieces = list(whole.pieces())
    for piece in pieces:
        again.add_chunk({"choices": [piece | {"index": 0}]})
    assert (again.message, again.finish_reason) == (message, "stop")
    assert pieces[0]["delta"]["role"] == "assistant"
    assert [p["finish_reason"] for p in pieces[:-1]] == [None] * (len(pieces) - 1)
    third = Completion()  # what was streamed is streamed on as it came
    for piece in again.pieces():
        third.add_chunk({"choices": [piece | {"index": 0}]})
    assert third.message == message


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"choices": []},
        {"choices": [{"message": "x"}]},
        {"choices": [{"message": {"content": "  "}, "finish_reason": "stop"}]},
    ],
)
def test_what_is_no_answer_is_malformed(data: Any) -> None:
    with pytest.raises(MalformedError):
        Completion.of_completion(data).reply()


@pytest.mark.parametrize(
    "piece",
    [
        {"error": {"message": "x"}},
        {"choices": "x"},
        {"choices": [{"index": 0, "delta": "x"}]},
        {"choices": ["x"]},
        [],
        "x",
    ],
)
def test_broken_chunks_are_malformed(piece: Any) -> None:
    with pytest.raises(MalformedError):
        Completion().add_chunk(piece)


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}


@pytest.mark.parametrize(
    "odd",
    [
        {"usage": USAGE},
        {"choices": None, "usage": USAGE},
        {"choices": [], "usage": USAGE},
        None,
        {},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": None, "delta": {}}]},
        {"choices": [None], "usage": None},
        {"choices": [{"index": 0, "delta": []}]},
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    ],
)
def test_what_real_servers_send_between_is_skipped(odd: Any) -> None:
    answer = Completion()
    for piece in (odd, chunk({"content": "One "}), odd, chunk({"content": "two"}, "stop"), odd):
        answer.add_chunk(piece)
    assert (answer.reply().text, answer.finish_reason) == ("One two", "stop")
    if odd and odd.get("usage"):
        assert answer.usage == USAGE


@pytest.mark.parametrize("numbers", [(1, 2), (0, 3), (7, 4), (-1, 5)])
def test_calls_are_taken_in_order_whatever_their_numbers(numbers: tuple[int, int]) -> None:
    answer = Completion()
    for number, name in zip(numbers, ("look", "see"), strict=True):
        call = {"id": name, "type": "function", "function": {"name": name, "arguments": ""}}
        answer.add_chunk(chunk({"tool_calls": [{"index": number, **call}]}))
    for number in (*numbers, *numbers):
        piece = {"index": number, "function": {"arguments": f"[{number}]"}}
        answer.add_chunk(chunk({"tool_calls": [piece]}))
    answer.add_chunk(chunk({}, "tool_calls"))
    made = [(c["id"], c["function"]["arguments"]) for c in answer.message["tool_calls"]]
    assert made == [("look", f"[{numbers[0]}]" * 2), ("see", f"[{numbers[1]}]" * 2)]


@pytest.mark.parametrize("reader", ["guard", "certify"])
def test_parts_and_an_end_without_a_reason_are_read_alike(reader: str) -> None:
    parts = [{"type": "text", "text": "One "}, {"type": "text", "text": "two"}]
    for finish in ({}, {"finish_reason": None}):
        data = {"choices": [{"message": {"role": "assistant", "content": parts}, **finish}]}
        if reader == "guard":
            reply = Completion.of_completion(data).reply()
        else:
            reply = parse_completion(json.dumps(data).encode())
        assert (reply.text, reply.finish, reply.lost) == ("One two", "stop", False)
    one: Any = {"choices": [{"message": {"content": {"type": "text", "text": "One two"}}}]}
    whole = Completion.of_completion(one).reply()
    assert whole == parse_completion(json.dumps(one).encode()) == reply
    streamed = Completion()
    streamed.add_chunk(chunk({"content": parts}, "stop"))
    assert streamed.message["content"] == "One two"


def test_a_filtered_answer_is_blocked() -> None:
    choice = {"message": {"content": "half"}, "finish_reason": "content_filter"}
    assert Completion.of_completion({"choices": [choice]}).reply().finish == "blocked"
    choice = {"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}
    assert Completion.of_completion({"choices": [choice]}).reply().finish == "blocked"


def test_usage_adds_up_with_details() -> None:
    one = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "d": {"cached": 1}}
    assert add_usage([one, one, {"prompt_tokens": 1, "x": None}]) == {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 6,
        "d": {"cached": 2},
    }


OPENINGS = [
    "I can't", "I cannot ", "I’m sorry, but I", "Sorry, ", "I won't", " wait", " believe", "lie",
    "As an AI model, I ", "it is illegal", "I'm unable", "shouldnt", "agree ", "more", " help ",
    "but", ".", ",", "\n", "  ", "Sure", "*", "You",
]  # fmt: skip


@example(["I can't", " wait"], " to show you", len("I can't"), False)
@given(
    st.lists(st.sampled_from(OPENINGS), max_size=8),
    st.text(max_size=30),
    st.integers(0, 80),
    st.booleans(),
)
def test_an_early_refusal_is_a_refusal_as_far_as_it_goes(
    words: list[str], tail: str, cut: int, paper: bool
) -> None:
    judge = RefusalPhrases(paper=paper)
    text = "".join(words) + tail
    if surely_refused(judge, text[:cut]):
        assert judge([""], [text if paper else text[:cut]]) == [Verdict.REFUSED]


@pytest.mark.parametrize(
    "beginning",
    [
        "<think>I'm sorry, but I can't help with that. Or can I? It",
        "<think>I can't help with that",
        '{"answer": "I can\'t help with that request of yours", ',
        '```json\n{"answer": "I can\'t help with that request',
        "[THINK]The user asks. I can't help with that, I think",
        "I can't promise it is the best way, but here is the full guide",
    ],
)
def test_nothing_is_decided_inside_reasoning_or_json(beginning: str) -> None:
    judge = RefusalPhrases()
    for end in range(len(beginning)):
        assert not surely_refused(judge, beginning[:end])


def test_an_answer_after_reasoning_is_decided_by_the_whole() -> None:
    text = "<think>The user asks for harm, so I refuse.</think>I'm sorry, but I can't help with it."
    assert RefusalPhrases()([""], [text]) == [Verdict.REFUSED]
    assert not surely_refused(RefusalPhrases(), text[:-20])


@given(
    st.lists(st.sampled_from([*OPENINGS, "x" * 390, " " * 50, *KEYWORDS]), max_size=8),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.booleans(),
)
def test_a_watched_answer_is_cut_where_its_beginning_is_clear(
    words: list[str], steps: list[int], paper: bool
) -> None:
    """Where it is looked at, which is whenever it has doubled."""
    judge, text = RefusalPhrases(paper=paper), "".join(words)
    watch, end, next_look = RefusalWatch(judge), 0, 0 if paper else 24
    while end < len(text):
        end += steps[end % len(steps)]
        length = len(text[:end].lstrip())
        cut = watch(text[:end])
        if length >= next_look:
            assert cut == surely_refused(judge, text[:end])
            next_look = 0 if paper else 2 * length
        assert not cut or surely_refused(judge, text[:end])
        if cut:
            break


def test_an_answer_in_many_pieces_is_looked_at_a_few_times() -> None:
    looked: list[str] = []
    judge = RefusalPhrases()
    watch = RefusalWatch(judge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RefusalPhrases, "_judge", lambda _, text: looked.append(text))
        for end in range(2000):
            watch("Sure, here is how to do it, step by step. "[: end % 42] * (1 + end // 42))
    assert 3 <= len(looked) <= 8


def test_an_answer_is_looked_at_no_longer_than_it_matters() -> None:
    looked: list[str] = []

    import interlock.serve.early_refusal as module

    def count(judge: Any, text: str) -> bool:
        looked.append(text)
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "surely_refused", count)
        for paper in (False, True):
            looked.clear()
            watch = RefusalWatch(RefusalPhrases(paper=paper))
            for end in range(0, 20_000, 10):
                watch("sorry, " * (end // 7))
            assert sum(map(len, looked)) < 100_000


def test_refusals_are_told_early() -> None:
    text = "I'm sorry, but I can't help with building that, and here is why in many words."
    first = next(i for i in range(len(text)) if surely_refused(RefusalPhrases(), text[:i]))
    assert first <= len("I'm sorry, but I can't help with building")
    assert not surely_refused(RefusalPhrases(), "I can't wait to show you how this is done")
    assert not surely_refused(RefusalPhrases(), "I can't wai")
    assert surely_refused(RefusalPhrases(paper=True), f"Well. {KEYWORDS[0]}")
    assert not surely_refused(RefusalPhrases(paper=True), "Sure.")


REASONS = {
    "eos_token": "stop",
    "end_turn": "stop",
    "STOP": "stop",
    0: "stop",
    "MAX_TOKENS": "length",
    "max_output_tokens": "length",
    "tool_use": "tool_calls",
    "SAFETY": "content_filter",
    "content_filter: RECITATION": "content_filter",
    "guardrail_intervened": "content_filter",
}


@pytest.mark.parametrize(("said", "reason"), REASONS.items())
def test_reasons_of_other_servers_are_said_in_openais_words(said: Any, reason: str) -> None:
    streamed = Completion()
    streamed.add_chunk(chunk({"content": "Sure."}, said))
    whole = {"choices": [{"message": {"content": "Sure."}, "finish_reason": said}]}
    assert streamed.finish_reason == reason
    assert Completion.of_completion(whole).finish_reason == reason
    finish = {"content_filter": "blocked", "length": "length"}.get(reason, "stop")
    assert parse_completion(json.dumps(whole).encode()).finish == finish


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource", None])
def test_an_answer_that_was_broken_off_is_lost(reason: str | None) -> None:
    choice = {"message": {"content": "Sure, first"}, "finish_reason": reason}
    choice |= {} if reason else {"error": {"code": 502, "message": "the provider is gone"}}
    whole = {"choices": [choice]}
    with pytest.raises(MalformedError, match="broken off"):
        Completion.of_completion(whole)
    with pytest.raises(ValueError, match="broken off"):
        parse_completion(json.dumps(whole).encode())
    if reason:
        with pytest.raises(MalformedError, match="broken off"):
            Completion().add_chunk(chunk({"content": "Sure, first"}, reason))


def test_a_reason_of_no_letters_is_none_yet() -> None:
    answer = Completion()
    for blank in ("", "null"):
        answer.add_chunk(chunk({"content": "Sure, "}, blank))
    with pytest.raises(MalformedError, match="ends in the middle"):
        answer.reply()


@pytest.mark.parametrize(
    "error",
    [
        {"object": "error", "message": "out of memory", "code": 500},
        {"type": "error", "detail": "overloaded"},
        {"code": 50505, "message": "Model service overloaded", "data": None},
        {"choices": [{"index": 0, "delta": {}, "error": {"message": "provider"}}]},
    ],
)
def test_an_error_in_a_stream_is_no_end_of_the_answer(error: Any) -> None:
    answer = Completion()
    answer.add_chunk(chunk({"content": "Sure, "}))
    with pytest.raises(MalformedError):
        answer.add_chunk(error)


def test_an_error_of_the_filter_is_an_answer_that_was_withheld() -> None:
    error = {"error": {"code": "content_filter", "message": "the answer was filtered"}}
    streamed = Completion()
    streamed.add_chunk(chunk({"content": "Sure, "}))
    streamed.add_chunk(error)
    assert streamed.reply().finish == "blocked"
    assert Completion.of_completion(error).reply().finish == "blocked"


@pytest.mark.parametrize("content", [7, True, 1.5])
def test_content_that_is_no_text_is_malformed(content: Any) -> None:
    with pytest.raises(MalformedError):
        Completion.of_completion({"choices": [{"message": {"content": content}}]})
    with pytest.raises(MalformedError):
        Completion().add_chunk(chunk({"content": content}))


def said(name: str | None, arguments: Any, **more: Any) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {**more, "function": {**named, "arguments": arguments}}


@pytest.mark.parametrize(
    "deltas",
    [
        # All numbered 0, each whole, as Gemini and Ollama do it; with ids, or without.
        [[said("f", '{"a":1}', index=0, id="x")], [said("g", "{}", index=0, id="y")]],
        [[said("f", '{"a":1}', index=0)], [said("g", "{}", index=0)]],
        # Not numbered.
        [[said("f", '{"a":1}', id="x")], [said("g", "{}", id="y")]],
        [[said("f", '{"a":1}', id=""), said("g", "{}", id="")]],
        [[said("f", '{"a":')], [said(None, "1}")], [said("g", "{}")]],
        # Names and ids again with each piece; arguments as an object.
        [
            [said("f", '{"a":', index=1, id="x")],
            [said("f", "1}", index=1, id="x")],
            [said("g", {}, index=2, id="y")],
        ],
        # The second half of a call has neither.
        [
            [said("f", None, index=0, id="x", type="function")],
            [said("", '{"a":1}', index=0, id=None, type=None)],
            [said("g", "{}", index=1, id="y")],
        ],
    ],
)
def test_calls_are_told_apart_however_a_server_numbers_them(deltas: list[Any]) -> None:
    answer = Completion()
    for calls in deltas:
        answer.add_chunk(chunk({"tool_calls": calls}))
    calls = answer.message["tool_calls"]
    made = [(call["function"]["name"], call["function"]["arguments"]) for call in calls]
    assert [(name, json.loads(said)) for name, said in made] == [("f", {"a": 1}), ("g", {})]
    assert len({call["id"] for call in calls}) == 2
    assert all(call["id"] and call["type"] == "function" for call in calls)
    indices = [one["index"] for piece in answer.streamed() for one in piece["delta"]["tool_calls"]]
    assert sorted(set(indices)) == [0, 1]  # clients put the pieces together by it
    assert indices == sorted(indices)


def test_calls_of_a_whole_answer_have_all_that_clients_look_for() -> None:
    calls = [said("f", {"a": 1}), said("g", None, id="y")]
    answer = Completion.of_completion({"choices": [{"message": {"tool_calls": calls}}]})
    first, second = answer.message["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {"a": 1}
    assert (second["id"], second["function"]["arguments"]) == ("y", "{}")
    assert first["id"].startswith("call_")
    assert first["type"] == second["type"] == "function"


@pytest.mark.parametrize(
    "calls", [{"function": {}}, ["f"], [{"function": "f"}], [said(None, "{}")]]
)
def test_what_is_no_call_of_a_tool_is_malformed(calls: Any) -> None:
    with pytest.raises(MalformedError):
        Completion.of_completion({"choices": [{"message": {"tool_calls": calls}}]}).reply()


def test_a_streamed_call_without_a_name_is_malformed() -> None:
    answer = Completion()
    answer.add_chunk(chunk({"tool_calls": [said(None, "{}")]}, "tool_calls"))
    with pytest.raises(MalformedError, match="without its name"):
        answer.reply()


MARKS = st.integers(0, 10**6).map("mark{}m".format)
WILD = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.just("") | MARKS,
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["name", "id", "index", "type", "x"]) | MARKS, inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
PIECES = st.fixed_dictionaries(
    {},
    optional={
        "content": st.none() | MARKS,
        "reasoning_content": WILD,
        "refusal": WILD,
        "name": WILD,
        "type": WILD,
        "x": WILD,
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {"index": st.integers(0, 1)},
                optional={
                    "id": st.sampled_from(["a", "b"]) | MARKS,
                    "type": MARKS,
                    "x": WILD,
                    "function": st.fixed_dictionaries(
                        {}, optional={"name": MARKS, "arguments": WILD, "x": WILD}
                    ),
                },
            ),
            max_size=2,
        ),
    },
)  # fmt: skip


@given(st.lists(PIECES, max_size=5))
def test_whatever_a_stream_says_again_otherwise_is_judged_too(deltas: list[Any]) -> None:
    """A client holds each piece as it came; that a later one takes its place changes nothing."""
    answer = Completion()
    for delta in deltas:
        try:
            answer.add_chunk(chunk(delta))
        except MalformedError:
            break
    # those of an empty field, which is not sent, are of its name
    for mark in re.findall(r"mark\d+m", json.dumps(list(answer.streamed()))):
        assert mark in answer.text


def test_what_is_said_twice_alike_is_judged_once() -> None:
    answer = Completion()
    for name, arguments in (("look", "{"), ("look", "}"), ("", ""), (None, None)):
        answer.add_chunk(chunk({"tool_calls": [said(name, arguments, index=0, id="x")]}))
    assert answer.text.count("look") == 1
    answer.add_chunk(chunk({"tool_calls": [said("see", "", index=0, id="x")]}))
    assert answer.message["tool_calls"][0]["function"] == {"name": "see", "arguments": "{}"}
    assert answer.text.count("look") == answer.text.count("see") == 1
