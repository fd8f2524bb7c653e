"""A budget of calls: never exceeded, and no answer lost to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.certify.scripted import YES, ScriptedTarget, answer, send, serving

from interlock.certify.targets import EndpointTarget, Prompt, Reply
from interlock.certify.targets.budget import Budget, BudgetedTarget, BudgetSpentError
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.errors import OptionError


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt.user(text) for text in texts]


def test_a_budget_that_ends_inside_a_batch_keeps_what_it_paid_for(tmp_path: Path) -> None:
    asked: list[str] = []
    with CallStore(tmp_path / "calls.sqlite") as store:
        for calls, expected in ((2, "ab"), (0, ""), (2, "cd")):
            target = ScriptedTarget(lambda text, _: text.upper())
            stored = StoredTarget(BudgetedTarget(target, Budget(calls)), store)
            with pytest.raises(BudgetSpentError, match=f"budget of {calls} calls is spent"):
                stored.ask(prompts("a", "b", "a", "c", "d", "e"))
            assert "".join(target.asked) == expected
            asked += target.asked
        target = ScriptedTarget(lambda text, _: text.upper())
        stored = StoredTarget(BudgetedTarget(target, Budget(9)), store)
        replies = stored.ask(prompts("a", "b", "a", "c", "d", "e"))
        assert [reply.text for reply in replies] == list("ABACDE")
        assert asked + target.asked == list("abcde")


def test_a_budget_of_none_is_enough_for_what_is_remembered() -> None:
    store = CallStore(":memory:")
    StoredTarget(ScriptedTarget(lambda *_: YES), store).ask(prompts("a"))
    target = ScriptedTarget(lambda *_: YES)
    stored = StoredTarget(BudgetedTarget(target, Budget(0)), store)
    assert stored.ask(prompts("a"))[0].text == YES
    assert asyncio.run(stored.ask_async(Prompt.user("a"))).text == YES
    with pytest.raises(BudgetSpentError):
        asyncio.run(stored.ask_async(Prompt.user("b")))
    assert target.asked == []
    with pytest.raises(OptionError, match="budget=-1"):
        Budget(-1)


def test_two_targets_share_one_budget() -> None:
    budget, target = Budget(3), ScriptedTarget(lambda *_: YES)
    one, other = BudgetedTarget(target, budget), BudgetedTarget(target, budget)
    one.ask(prompts("a", "b"))
    with pytest.raises(BudgetSpentError):
        other.ask(prompts("c", "d"))
    assert target.asked == ["a", "b", "c"]


def test_requests_that_an_endpoint_repeats_are_calls_too() -> None:
    """Retries of a failing server would spend five times what was allowed."""
    budget = Budget(4)
    with serving(send(500, b"out of memory")) as server:
        target = EndpointTarget(
            server.url, "m", attempts=5, max_wait=0.01, repeat=budget.take_repeat
        )
        with pytest.raises(BudgetSpentError, match="500: out of memory"):
            BudgetedTarget(target, budget).ask(prompts("a", "b", "c"))
        assert len(server.seen) == 4


def test_a_copy_that_was_lost_for_want_of_a_call_is_never_counted() -> None:
    """Else the last copy of a run would count as a jailbreak that the model had no part in."""
    budget = Budget(2)
    with serving(answer(YES), send(500, b"")) as server:
        target = EndpointTarget(
            server.url, "m", attempts=2, max_wait=0.01, concurrency=1, repeat=budget.take_repeat
        )
        with pytest.raises(BudgetSpentError):
            BudgetedTarget(target, budget).ask(prompts("a", "b"))
        assert len(server.seen) == 2


def test_replies_that_are_lost_by_themselves_are_replies() -> None:
    target = BudgetedTarget(ScriptedTarget(lambda *_: Reply.failed("no")), Budget(1))
    assert target.ask(prompts("a"))[0].lost
