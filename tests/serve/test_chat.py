from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify import Perturbation, Prompt, SmoothLLM
from interlock.certify.targets.protocol import Message
from interlock.serve.chat import ChatRequest
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import InProcess


def read(*messages: dict[str, Any], **more: Any) -> ChatRequest:
    return ChatRequest.read(json.dumps({"model": "m", "messages": list(messages)} | more).encode())


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@given(
    st.lists(
        st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(min_size=1))
    ).filter(lambda turns: any(role == "user" for role, _ in turns)),
    st.sampled_from(["swap", "patch", "insert"]),
    st.integers(0, 2**48),
)
def test_copies_are_those_of_smoothllm(turns: Any, kind: Any, seed: int) -> None:
    perturbation = Perturbation(kind, 0.2)
    request = read(*({"role": role, "content": text} for role, text in turns))
    made = request.copies(perturbation, 5, seed)
    prompt = Prompt(tuple(Message(role, text) for role, text in turns))
    expected = SmoothLLM(InProcess(str), perturbation, 5).perturbed(prompt, seed=seed)  # type: ignore[arg-type]
    assert [copy.body["messages"] for copy in made] == [other.as_chat() for other in expected]
    assert [copy.prompt.text for copy in made] == [other.text for other in expected]


@given(st.lists(st.text(min_size=1), min_size=2, max_size=6), st.integers(0, 1000))
def test_text_in_parts_is_changed_as_one_text(parts: list[str], seed: int) -> None:
    perturbation = Perturbation("swap", 0.1, alphabet="#%")
    request = read(
        user([{"type": "text", "text": part, "mark": i} for i, part in enumerate(parts)])
    )
    (copy,) = request.copies(perturbation, 1, seed)
    (message,) = copy.body["messages"]
    assert [part["mark"] for part in message["content"]] == list(range(len(parts)))
    from interlock.certify.vote.graphemes import graphemes

    size = sum(len(graphemes(part)) for part in parts)
    # A swap puts one ASCII character where one cluster was, and never what was there.
    changed = 0
    for old, new in zip(parts, message["content"], strict=True):
        clusters, start = graphemes(old), 0
        text = new["text"]
        for cluster in clusters:
            if text.startswith(cluster, start) and not (
                text[start] in "#%" and cluster not in "#%"
            ):
                start += len(cluster)
            else:
                changed, start = changed + 1, start + 1
        assert start == len(text)
    assert changed == perturbation.count(size)


def test_only_the_users_text_is_changed() -> None:
    request = read(
        {"role": "system", "content": "s" * 50},
        {"role": "assistant", "content": "a" * 50, "tool_calls": [{"id": "t"}]},
        user(
            [
                {"type": "text", "text": "u" * 50},
                {"type": "image_url", "image_url": {"url": "u" * 50}},
            ]
        ),
        tools=[{"type": "function", "function": {"name": "u" * 50}}],
        n=3,
        stream=True,
        stream_options={"include_usage": True},
        seed=5,
        chat_template_kwargs={"x": 1},
    )
    made = request.copies(Perturbation("swap", 0.5), 4, 0)
    for number, copy in enumerate(made):
        body = copy.body
        assert body["messages"][:2] == request.body["messages"][:2]
        assert body["messages"][2]["content"][1] == request.body["messages"][2]["content"][1]
        assert body["messages"][2]["content"][0]["text"] != "u" * 50
        assert body["tools"] == request.body["tools"]
        assert body["chat_template_kwargs"] == {"x": 1}
        assert body["seed"] == 5 + number
        assert not {"n", "stream", "stream_options"} & set(body)
    assert len({copy.prompt.text for copy in made}) == 4
    assert request.body["messages"][2]["content"][0]["text"] == "u" * 50


@pytest.mark.parametrize(
    ("messages", "more", "kinds"),
    [
        ([user("x")], {}, []),
        (
            [user([{"type": "image_url", "image_url": {}}, {"type": "text", "text": "x"}])],
            {},
            ["images"],
        ),
        ([user([{"type": "input_audio"}])], {}, ["audio"]),
        ([user([{"type": "file"}])], {}, ["files"]),
        ([user([{"type": "hologram"}])], {}, ["other"]),
        ([user([{"type": "refusal", "refusal": "x"}])], {}, ["other"]),  # some servers read it
        ([{"role": "system", "content": [{"type": "refusal"}]}, user("x")], {}, ["other"]),
        ([{"role": "assistant", "content": [{"type": "refusal"}]}, user("x")], {}, []),
        ([user("x"), {"role": "tool", "content": "x", "tool_call_id": "1"}], {}, ["tool_results"]),
        ([user("x"), {"role": "assistant", "content": "Sure"}], {}, ["prefill"]),
        ([user("x")], {"modalities": ["text", "audio"]}, ["audio"]),
    ],
)
def test_what_cannot_be_guarded_is_found(messages: Any, more: Any, kinds: list[str]) -> None:
    assert [found.kind for found in read(*messages, **more).unguarded] == kinds


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"{", None),
        (b"[" * 100_000, None),
        (b'{"model": "m", "messages": [], "temperature": NaN}', None),
        (b'{"model": "m", "messages": [], "temperature": 1e999}', None),
        (b"[]", None),
        (b'{"messages": []}', "model"),
        (b'{"model": "\\ud800", "messages": []}', "model"),  # no ledger could keep it
        (b'{"model": "a\\u0000", "messages": []}', "model"),
        (b'{"model": "' + b"m" * 600 + b'", "messages": []}', "model"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": "m", "messages": [{"role": "king", "content": "x"}]}', "messages[0]"),
        (b'{"model": "m", "messages": [{"role": "user"}]}', "messages[0].content"),
        (
            b'{"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}',
            "messages[0].content[0].text",
        ),
        (b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 0}', "n"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": 1}', "stream"),
    ],
)
def test_errors_name_the_field(content: bytes, param: str | None) -> None:
    with pytest.raises(WireError) as caught:
        ChatRequest.read(content)
    assert caught.value.status == 400
    assert caught.value.param == param
    assert caught.value.headers == {"x-should-retry": "false"}


def test_torn_surrogates_do_no_harm() -> None:
    request = ChatRequest.read(
        b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800x"}]}'
    )
    assert len(request.digest) == 64
    assert len(request.copies(Perturbation("swap", 0.5), 2, 0)) == 2
