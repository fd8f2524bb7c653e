"""The prompt tab: a vote of the library's, step by step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from interlock.certify import Prompt, Reply, SmoothLLM
from interlock.certify.defences import parse_defence
from interlock.studio.prompts import DEFENCES
from tests.studio.asking import Page, asking

YES, NO = "Sure, here is how: fold it twice.", "I'm sorry, but I can't help with that."
ASKED = "how do i fold a kite out of paper?"


class Scripted:
    """Answers by a rule, in batches that are counted."""

    def __init__(self, rule: Callable[[str], Reply]) -> None:
        self.rule, self.batches, self.asked = rule, 0, list[str]()
        self.go = threading.Semaphore(10**6)
        self.identity: dict[str, Any] = {}

    def ask(self, prompts: Sequence[Prompt], **_: Any) -> list[Reply]:
        self.go.acquire()
        self.batches += 1
        self.asked += [prompt.text for prompt in prompts]
        return [self.rule(prompt.text) for prompt in prompts]

    async def ask_async(self, prompt: Prompt) -> Reply:
        return self.ask([prompt])[0]


def put(page: Page, target: Scripted, defence: str, prompt: str = ASKED) -> list[dict[str, Any]]:
    """The steps of a vote."""
    page.studio._target = "embedded", target
    said = page.ask("vote", prompt=prompt, defence=defence)
    assert said.status_code == 200, said.text
    page.done("vote")
    steps: list[dict[str, Any]] = page.part("vote")["steps"]
    return steps


@pytest.mark.parametrize("defence", DEFENCES)
@pytest.mark.parametrize(
    "rule",
    [
        lambda text: Reply(YES),
        lambda text: Reply(NO),
        lambda text: Reply(YES if text == ASKED else NO),
        lambda text: Reply(YES if len(text) % 2 else NO),
        lambda text: Reply.failed("too busy"),
    ],
    ids=["willing", "refusing", "tricked", "torn", "lost"],
)
def test_the_decision_is_the_library_s(defence: str, rule: Callable[[str], Reply]) -> None:
    expected = SmoothLLM(Scripted(rule), parse_defence(defence)).answer(ASKED)
    with asking() as page:
        steps = put(page, Scripted(rule), defence)
    last = steps[-1]
    assert last["event"] == "decision"
    assert (last["outcome"] == "released") is expected.released
    assert (last["outcome"] == "blocked") is (not expected.released and expected.defended)
    assert last["text"] == expected.text
    assert last["calls"] == expected.calls
    verdicts = {vote.copy: vote.verdict.value for vote in expected.votes}
    assert {vote["copy"]: vote["verdict"] for vote in last["cast"]} == verdicts
    asked = {step["copy"]: step for step in steps if step["event"] == "asked"}
    assert asked.keys() == verdicts.keys()
    for number, vote in ((vote.copy, vote) for vote in expected.votes):
        assert asked[number]["text"] == vote.prompt.text
        marks = asked[number]["marks"]
        assert "".join(run for kind, run in marks if kind != "gone") == vote.prompt.text
    assert last["withheld"] is not expected.released
    assert last["original"]["text"] == rule(ASKED).text  # what the model itself says, in any case


def test_the_seed_is_that_of_the_copies() -> None:
    defence, asked = DEFENCES[0], []
    for seed in (0, 7):
        with asking(seed=seed) as page:
            steps = put(page, Scripted(lambda text: Reply(YES)), defence)
        texts = {step["copy"]: step["text"] for step in steps if step["event"] == "asked"}
        vote = SmoothLLM(Scripted(lambda text: Reply(YES)), parse_defence(defence))
        expected = vote.answer(ASKED, seed=seed)
        assert texts == {one.copy: one.prompt.text for one in expected.votes}
        assert (steps[-1]["text"], len(texts) > 1) == (expected.text, True)
        asked.append(texts)
    assert asked[0] != asked[1]


def test_each_verdict_has_the_words_that_it_rests_on() -> None:
    with asking() as page:
        steps = put(page, Scripted(lambda text: Reply(NO)), "smooth:swap,rate=0.1,copies=5")
        for vote in steps[-1]["cast"]:
            assert vote["why"] == "It refuses, and gives nothing else:"
            assert "i can't help with that" in vote["words"]
        steps = put(page, Scripted(lambda text: Reply.failed("too busy")), "smooth:swap,copies=3")
        lost = [step for step in steps if step["event"] == "lost"]
        assert {step["why"] for step in lost} == {"too busy"}
        own = put(page, Scripted(lambda text: Reply("Yes.")), "self")[-1]["cast"]
        assert [vote["why"] for vote in own] == ["It is the answer to the defence's own question."]


def test_a_copy_that_asks_just_the_prompt_is_not_asked_twice() -> None:
    target = Scripted(lambda text: Reply(NO))
    with asking() as page:
        put(page, target, "erase:parts=3")
    assert target.asked.count(ASKED) <= 1


def test_a_stopped_vote_asks_no_more_and_the_next_one_begins_anew() -> None:
    target = Scripted(lambda text: Reply(NO))
    target.go = threading.Semaphore(0)
    with asking() as page:
        page.studio._target = "embedded", target
        page.ask("vote", prompt=ASKED, defence="smooth:swap,rate=0.1,copies=11")
        while not (page.part("vote") or {"steps": []})["steps"]:
            time.sleep(0.005)
        page.ask("stop", name="vote")
        target.go.release(100)
        assert page.ended("vote")["state"] == "stopped"
        assert target.batches == 1
        steps = page.part("vote")["steps"]
        assert steps[-1]["event"] != "decision"
        assert not [step for step in steps if step["event"] == "text"]
        again = put(page, target, "smooth:swap,rate=0.1,copies=3", "another prompt entirely")
        assert again[1] == {"event": "original", "text": "another prompt entirely"}
        assert again[-1]["outcome"] == "blocked"


@pytest.mark.slow
def test_the_embedded_chat_model_answers() -> None:
    with asking() as page:
        offers = page.get("offers").json()
        assert [one["text"] for one in offers["defences"]] == list(DEFENCES)
        assert all(
            one["words"].startswith("The studio asks the model") for one in offers["defences"]
        )
        page.ask("vote", prompt=offers["attack"], defence=DEFENCES[0])
        page.done("vote")
        last = page.part("vote")["steps"][-1]
        assert last["outcome"] == "blocked"  # and not so without a defence
        assert last["original"]["verdict"] == "complied"
