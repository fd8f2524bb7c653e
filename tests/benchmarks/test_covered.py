"""The page on what is covered says what the guard does."""

from __future__ import annotations

from typing import Any

import pytest

import _covered
from _wire_fields import BASES, CHAT, FIELDS, MARK
from interlock.certify import Perturbation
from interlock.serve.app import WIRES
from interlock.serve.channels import CHANNELS, CLAIMED, POLICIES, DefaultPolicies
from interlock.serve.chat import _NUMBERS, ChatRequest, _fields
from interlock.serve.reading import Reading
from interlock.serve.wire_error import WireError
from update_docs import ROOT

PAGE = (ROOT / "docs" / "covered.md").read_text("utf-8")
EVERY = [(wire, name) for wire in WIRES for name in FIELDS[wire.path]]
PLAIN = {*_NUMBERS, "logprobs", "top_logprobs", "parallel_tool_calls", "store", "n", "stream", "stream_options"} | {
    "seed", "reasoning_effort", "verbosity", "service_tier", "modalities", "logit_bias", "model",
}  # fmt: skip
"""Keys of a chat's request that hold no text of a client's own."""


def test_the_committed_page_is_the_one_that_is_made_now() -> None:
    assert _covered.renewed(PAGE) == PAGE, "run python benchmarks/update_docs.py"
    for name, block in _covered.BLOCKS.items():
        assert f"<!-- covered:{name} -->\n\n{block()}\n\n<!-- /covered -->" in PAGE


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_and_policy_is_on_it(name: Any) -> None:
    one = CHANNELS[name]
    row = f"| `policy.{name}` | {one.holds} | `{one.default}` | {one.means(one.default)} |"
    assert row in PAGE
    reached = [_covered.channels_of(WIRES[0], keys) or () for keys in CHAT.values()]
    assert any(name in channels for channels in reached)  # some field leads there
    for policy, means in POLICIES.items():
        claim = "there is no answer" if policy == "refuse" else "yes"
        assert f"| `{policy}` | {means} | {claim if policy != 'pass' else '**no**'} |" in PAGE
        assert (policy in CLAIMED) == (claim == "yes" and policy != "pass")


def test_no_field_of_a_chat_is_forgotten() -> None:
    read = set(_fields(Reading(DefaultPolicies()), {}))
    assert read - PLAIN <= {key for keys in CHAT.values() for key in keys}


@pytest.mark.parametrize(("wire", "name"), EVERY, ids=lambda one: getattr(one, "path", one))
def test_a_field_does_what_its_row_says(wire: Any, name: str) -> None:
    """By the default policies, which the page was not made with."""
    body = BASES[wire.path] | FIELDS[wire.path][name]
    policy = _covered.default_of(_covered.channels_of(wire, FIELDS[wire.path][name]))
    row = f"| {name} | `{policy}` |" if policy else f"| {name} | not sent on |"
    assert wire.path == "/v1/decisions" or row in PAGE.partition(f"`POST {wire.path}`")[2]
    if policy == "refuse":
        with pytest.raises(WireError) as raised:
            ChatRequest.of(wire.chat(dict(body)))
        assert raised.value.status == 400
        return
    request = ChatRequest.of(wire.chat(dict(body)))
    as_it_came = str(request.original.body)
    assert (MARK in as_it_came) == (policy == "vote")
    if policy == "vote":
        copies = request.copies(Perturbation("swap", 1.0), 3, 0)
        assert all(MARK not in str(copy.body) for copy in copies)
    assert all(use.claimed for use in request.uses)
