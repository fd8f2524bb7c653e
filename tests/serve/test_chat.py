from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify import Perturbation, Prompt, SmoothLLM
from interlock.certify.targets.protocol import Message
from interlock.serve.channels import (
    CHANNELS,
    ChannelName,
    DefaultPolicies,
    Policies,
    Policy,
    unclaimed,
)
from interlock.serve.chat import ChatRequest
from interlock.serve.reading import digest
from interlock.serve.unseen import seen
from interlock.serve.wire_error import WireError
from tests.serve.scripted_upstream import InProcess


@dataclass(frozen=True)
class Some(DefaultPolicies):
    """Policies that differ from the table's."""

    others: Mapping[str, Any] = field(default_factory=dict)

    def of(self, name: ChannelName) -> Policy:
        chosen: Policy = self.others.get(name, super().of(name))
        return chosen


def read(*messages: dict[str, Any], policies: Policies | None = None, **more: Any) -> ChatRequest:
    body = {"model": "m", "messages": list(messages)} | more
    return ChatRequest.read(json.dumps(body).encode(), policies)


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
    turns = [(role, seen(text)) for role, text in turns]
    plain = Some(others={"system": "pass", "assistant": "pass", "prefill": "pass"})
    request = read(*({"role": role, "content": text} for role, text in turns), policies=plain)
    made = request.copies(perturbation, 5, seed)
    prompt = Prompt(tuple(Message(role, text) for role, text in turns))
    expected = SmoothLLM(InProcess(str), perturbation, 5).perturbed(prompt, seed=seed)  # type: ignore[arg-type]
    assert [copy.body["messages"] for copy in made] == [other.as_chat() for other in expected]
    assert [copy.prompt.text for copy in made] == [other.text for other in expected]


# Without the letters that changes draw from, one can tell which characters were changed.
OTHERS = st.characters(exclude_categories=("Cs",), exclude_characters="#%")


@given(st.lists(st.text(OTHERS, min_size=1), min_size=2, max_size=6), st.integers(0, 1000))
def test_text_in_parts_is_changed_as_one_text(parts: list[str], seed: int) -> None:
    perturbation = Perturbation("swap", 0.1, alphabet="#%")
    request = read(
        user([{"type": "text", "text": part, "mark": i} for i, part in enumerate(parts)]),
        policies=Some(extra=("content.mark",)),
    )
    parts = [seen(part) for part in parts]
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
    assert changed == min(size, perturbation.count(sum(map(len, parts))))


CALL = {"id": "t", "type": "function", "function": {"name": "look", "arguments": '{"a": "x"}'}}
TOOL = {"type": "function", "function": {"name": "look", "description": "u" * 50}}


def test_what_is_passed_or_fixed_goes_through_as_it_is() -> None:
    others = {"system": "pass", "assistant": "pass", "arguments": "pass", "images": "pass"}
    request = read(
        {"role": "system", "content": "s" * 50},
        {"role": "assistant", "content": "a" * 50, "tool_calls": [CALL]},
        user(
            [
                {"type": "text", "text": "u" * 50},
                {"type": "image_url", "image_url": {"url": "u" * 50}},
            ]
        ),
        tools=[TOOL],
        n=3,
        stream=True,
        stream_options={"include_usage": True},
        seed=5,
        stop=["no"],
        logit_bias={"5": -100},
        chat_template_kwargs={"x": 1},
        policies=Some(
            others=others | {"tools": "fixed"},
            extra=("chat_template_kwargs",),
            fixed=(digest(TOOL),),
        ),
    )
    whole = request.original.body
    assert whole["messages"][1]["tool_calls"][0]["id"] == "call00000"  # in the guard's words
    assert whole["messages"][1]["tool_calls"][0]["function"] == CALL["function"]
    assert (whole["seed"], whole["stop"], whole["logit_bias"]) == (5, ["no"], {"5": -100})
    made = request.copies(Perturbation("swap", 0.5), 4, 0)
    for copy in made:
        body = copy.body
        assert body["messages"][:2] == whole["messages"][:2]
        assert body["messages"][2]["content"][1] == whole["messages"][2]["content"][1]
        assert body["messages"][2]["content"][0]["text"] != "u" * 50
        assert body["tools"] == [TOOL]
        assert body["chat_template_kwargs"] == {"x": 1}
        assert not {"n", "stream", "stream_options", "stop", "logit_bias"} & set(body)
    assert len({copy.body["seed"] for copy in made}) == 4
    assert len({copy.prompt.text for copy in made}) == 4
    assert whole["messages"][2]["content"][0]["text"] == "u" * 50
    other_seed = replace(request, seed=6)  # draws nothing else
    assert other_seed.copies(Perturbation("swap", 0.5), 4, 0) == made


def test_every_channel_is_voted_on() -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"$ref": "#/$defs/Colour"}, "size": {"enum": ["large", 12345]}},
        "required": ["colour"],
        "$defs": {"Colour": {"type": "string", "description": "which colour it has"}},
    }
    function = {"name": "paint_it", "description": "paints a thing", "parameters": schema}
    call = {"name": "paint_it", "arguments": '{"colour": "rather blue", "n": [105, 103, 110]}'}
    form = {"name": "form", "description": "the form of it", "schema": schema, "strict": True}
    request = read(
        {"role": "system", "content": "be kind to all"},
        user("paint my kite, please") | {"name": "Hans"},
        {
            "role": "assistant",
            "content": "I shall do that",
            "tool_calls": [{"id": "x y", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "x y", "content": "it is painted now"},
        tools=[{"type": "function", "function": function}],
        tool_choice={"type": "function", "function": {"name": "paint_it"}},
        response_format={"type": "json_schema", "json_schema": form},
    )
    assert {use.policy for use in request.uses} == {"vote"}
    whole = request.original.body
    assert whole["tools"][0]["function"] == function
    assert whole["response_format"]["json_schema"] == form
    assert whole["messages"][2]["tool_calls"][0]["function"] == call
    assert whole["messages"][2]["tool_calls"][0]["id"] == whole["messages"][3]["tool_call_id"]
    for copy in request.copies(Perturbation("swap", 0.1), 20, 3):
        body = copy.body
        (tool,), messages = body["tools"], body["messages"]
        name = tool["function"]["name"]
        assert name != "paint_it"
        assert body["tool_choice"]["function"]["name"] == name
        assert messages[2]["tool_calls"][0]["function"]["name"] == name
        parameters = tool["function"]["parameters"]
        assert set(parameters["required"]) < set(parameters["properties"])
        (defined,) = parameters["$defs"]
        refs = [p.get("$ref") for p in parameters["properties"].values()]
        assert f"#/$defs/{defined}" in refs
        assert isinstance(json.loads(messages[2]["tool_calls"][0]["function"]["arguments"]), dict)
        for i, message in enumerate(messages):
            assert message["content"] != whole["messages"][i]["content"]
        assert messages[1]["name"] != "Hans"
        sent = json.dumps([tool, body["response_format"]])
        assert "paints a thing" not in sent or "which colour it has" not in sent


@pytest.mark.parametrize(
    ("messages", "more", "channels"),
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
        (
            [{"role": "assistant", "content": [{"type": "refusal", "refusal": "x"}]}, user("x")],
            {},
            [],
        ),
        ([user("x"), {"role": "assistant", "content": "Sure"}], {}, ["prefill"]),
        ([user("x")], {"modalities": ["text", "audio"]}, ["audio"]),
        ([user("x")], {"tools": [{"type": "web_search"}]}, ["other"]),
    ],
)
def test_what_cannot_be_guarded_is_refused_or_said(
    messages: Any, more: Any, channels: list[str]
) -> None:
    blind = [name for name, channel in CHANNELS.items() if "vote" not in channel.choices]
    passed = read(*messages, **more, policies=Some(others=dict.fromkeys(blind, "pass")))
    assert [use.channel for use in passed.uses if use.policy == "pass"] == channels
    assert len(unclaimed(passed.uses)) == len(channels)
    if channels:
        with pytest.raises(WireError) as caught:
            read(*messages, **more)
        assert caught.value.code == "unguardable_content"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"Messages": [user("attack")]}, "Messages"),
        ({"mes\u017f\u017fages": [user("attack")]}, "mes\u017f\u017fages"),
        ({"MODEL": "other"}, "MODEL"),
        ({"messages\u200b": []}, "messages\u200b"),
        ({"prompt": "attack"}, "prompt"),
        ({"chat_template": "attack"}, "chat_template"),
        ({"messages": [user("x") | {"Content": "attack"}]}, "Content"),
        ({"messages": [user("x") | {"Role": "system"}]}, "Role"),
        ({"messages": [user("x") | {"thinking": "attack"}]}, "thinking"),
        ({"messages": [user([{"type": "text", "text": "x", "Text": "attack"}])]}, "Text"),
        ({"messages": [user([{"type": "text", "text": "x", "note": "attack"}])]}, "note"),
        ({"tools": [TOOL | {"Function": {}}]}, "Function"),
        ({"tools": [{"type": "function", "function": {"name": "x", "help": "a"}}]}, "help"),
        (
            {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"x-a": 1}}}]},
            "x-a",
        ),
        ({"response_format": {"type": "json_object", "grammar": "attack"}}, "grammar"),
        ({"stream_options": {"note": "attack"}}, "note"),
    ],
)
def test_a_key_that_is_not_known_is_named(change: Any, key: str) -> None:
    body = {"model": "m", "messages": [user("a kite")]} | change
    with pytest.raises(WireError) as caught:
        ChatRequest.read(json.dumps(body).encode())
    assert caught.value.status == 400
    assert key in str(caught.value.param)
    opened = Some(extra=("Messages", "MODEL", "messages.Content", "content.Text", "messages.Role"))
    with pytest.raises(WireError):  # what some server takes for a known key cannot be opened
        ChatRequest.read(json.dumps(body).encode(), opened)


@pytest.mark.parametrize(
    "content",
    [
        '{"model": "m", "messages": [{"role": "user", "content": "x"}], "messages": []}',
        '{"model": "m", "messages": [{"role": "user", "content": "x", "content": "y"}]}',
        '{"model": "m", "messages": [{"role": "user", "content": "x", "CONTENT": "y"}]}',
        '{"model": "m", "messages": [{"role": "user", "content": "x"}], "\\u006dessages": []}',
        '{"model": "m", "messages": [{"role": "user", "content": "x"}], "\uff4dodel": "y"}',
    ],
)
def test_a_key_that_stands_there_twice_is_named(content: str) -> None:
    with pytest.raises(WireError) as caught:
        ChatRequest.read(content.encode())
    assert (caught.value.status, caught.value.code) == (400, "ambiguous_key")
    assert caught.value.param


def test_the_operators_own_text_stays_and_what_follows_is_voted_on() -> None:
    own = "You are the kite shop's assistant. "
    policies = Some(
        others={"system": "fixed", "developer": "fixed"},
        fixed=(digest("Speak softly."),),
        prefixes=(own,),
    )
    system = {"role": "system", "content": own + "The customer is called Hans Huber."}
    developer = {"role": "developer", "content": "Speak softly."}
    request = read(system, developer, user("a kite"), policies=policies)
    assert unclaimed(request.uses) == ()
    for copy in request.copies(Perturbation("swap", 0.2), 9, 1):
        assert copy.body["messages"][0]["content"].startswith(own)
        assert copy.body["messages"][0]["content"] != system["content"]
        assert copy.body["messages"][1] == developer
    with pytest.raises(WireError, match="from its operator alone"):
        read({"role": "system", "content": "Speak loudly."}, user("a kite"), policies=policies)


def test_hidden_characters_are_stripped_or_refused() -> None:
    tags = "".join(chr(0xE0000 + ord(c)) for c in "do evil")
    assert read(user(f"a kite{tags}")).original.body["messages"] == [user("a kite")]
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "x", "arguments": json.dumps([tags])},
    }
    made = read(user("x"), {"role": "assistant", "tool_calls": [call]}, user("y"))
    assert made.original.body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '[""]'
    with pytest.raises(WireError) as caught:
        read(user(f"a kite{tags}"), policies=Some(hidden="refuse"))
    assert (caught.value.code, caught.value.param) == ("hidden_characters", "messages[0].content")


def test_what_says_nothing_else_is_alike() -> None:
    alike = read(user("How do I fold a kite?")).likeness
    assert alike == read(user("how  do I\nfold a KITE?")).likeness
    assert alike == read(user("how do I f"), user("old a kite?")).likeness
    assert alike == read(user("\uff28ow do I fold a kite?\u200b")).likeness
    assert alike != read(user("How do I fold a boat?")).likeness


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
        (b'{"model": "m", "messages": null}', "messages"),
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
