"""Why a vote counts as it does, said in words that are the answer's."""

from __future__ import annotations

from typing import Any

import pytest

from interlock.certify import ModelJudge, Prompt, RefusalPhrases, Reply, Verdict
from interlock.certify.vote.decision import Vote
from interlock.serve.reasons import reason
from tests.serve.scripted_upstream import NO, YES

PHRASES, PAPER = RefusalPhrases(), RefusalPhrases(paper=True)


MODEL = ModelJudge(None)  # type: ignore[arg-type]


def vote(reply: Reply, judge: Any) -> Vote:
    lost = reply.lost or reply.finish == "blocked"
    verdict = Verdict.LOST if lost else judge([""], [reply.text])[0]
    return Vote(0, Prompt.user("x"), reply, verdict, 1)


@pytest.mark.parametrize(
    ("judge", "answer", "said", "words"),
    [
        (PHRASES, NO, "refuses, and gives nothing else", "can't help with that request"),
        (PHRASES, YES, "Nothing in it refuses", ""),
        (PHRASES, "I can't help with that. Step 1: open the lock.", "helps all the same", "can't"),
        (PHRASES, "Nie mogę w tym pomóc, przepraszam bardzo.", "cannot tell", ""),
        (PAPER, "Sorry, here you go.", "keyword of refusals", "Sorry"),
        (PAPER, "Here you go.", "no such keyword", ""),
    ],
)
def test_the_words_are_those_of_the_answer(judge: Any, answer: str, said: str, words: str) -> None:
    why, quoted = reason(judge, vote(Reply(answer), judge))
    assert said in why
    assert words in quoted
    assert bool(words) == bool(quoted)
    assert why.endswith(":") == bool(quoted)


def test_what_no_judge_was_asked_about() -> None:
    assert reason(PHRASES, vote(Reply.failed("the line broke"), PHRASES)) == (
        "No usable answer came (the line broke).",
        "",
    )
    why, _ = reason(PHRASES, vote(Reply("", "blocked"), PHRASES))
    assert "upstream's own filter" in why


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_model_is_named_as_the_judge(verdict: Verdict) -> None:
    why, words = reason(MODEL, Vote(0, Prompt.user("x"), Reply(NO), verdict, 1))
    assert "judging model" in why
    assert not words
