"""The one table of channels, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from interlock.serve.channels import CHANNELS, CLAIMED, ChannelName, DefaultPolicies, Use, unclaimed
from interlock.serve.client_settings import PolicySettings
from interlock.serve.config import ConfigError, read_config

DOCS = (Path(__file__).parents[2] / "docs" / "guard.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", get_args(ChannelName))
def test_settings_and_docs_are_the_tables(name: ChannelName) -> None:
    channel = CHANNELS[name]
    assert channel.default in channel.choices
    assert PolicySettings().of(name) == DefaultPolicies().of(name) == channel.default
    choices = ", ".join(f'`"{choice}"`' for choice in channel.choices)
    assert f'| `policy.{name}` | `"{channel.default}"` | {channel.holds} {choices}. |' in DOCS
    for choice in channel.choices:
        given = {"embedded": True, "policy": {name: choice}}
        assert read_config(None, given).policy.of(name) == choice
    with pytest.raises(ConfigError, match=f"policy.{name}"):
        read_config(None, {"embedded": True, "policy": {name: "maybe"}})


def test_nothing_that_a_client_writes_is_passed_on_unless_told() -> None:
    assert {channel.default for channel in CHANNELS.values()} <= {"refuse", *CLAIMED}
    uses = (Use("tools", "tools[0]", "pass"), Use("user", "messages[0]", "vote"))
    assert unclaimed(uses) == ("tools[0]: passed on unguarded",)


@pytest.mark.parametrize("given", [{"fixed": ["x"]}, {"prefixes": [""]}, {"user": "pass"}])
def test_settings_that_open_more_than_they_say_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        read_config(None, {"embedded": True, "policy": given})
