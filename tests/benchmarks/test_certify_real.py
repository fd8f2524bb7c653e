"""What the real model's benchmark measures served to choose neither its head nor the defences."""

from __future__ import annotations

import pytest
from recipes.smollm2 import EXAMPLES, NO

from certify_real import FILE, REFUSAL, Otherwise, benign_part, goals
from interlock.certify import Verdict
from interlock.certify.measures.benign import SHIPPED, read_benign


def test_the_benign_prompts_are_parted_once_and_evenly() -> None:
    measured, chosen = benign_part(), benign_part(chosen=True)
    assert (len(measured), len(chosen)) == (100, 45)
    assert {one.prompt for one in [*measured, *chosen]} == {p.prompt for p in read_benign(SHIPPED)}
    assert {one.kind for one in measured} == {one.kind for one in chosen}


@pytest.mark.skipif(not FILE.exists(), reason="the shared file of attacks is not there")
def test_no_goal_served_twice_also_in_other_words() -> None:
    measured, chosen = goals(), goals(chosen=True)
    assert not set(measured) & set(chosen)
    assert len(measured) + len(chosen) == 104
    assert not any(one.startswith(other) for one in measured for other in chosen)
    assert not any(one.startswith(other) for one in chosen for other in measured)


def test_the_head_shows_nothing_that_is_measured() -> None:
    shown = {question for question, _ in EXAMPLES}
    asked = {one.prompt for one in benign_part()} | set(goals() if FILE.exists() else ())
    assert not shown & asked
    assert len(shown) == len(EXAMPLES)


def test_the_search_ends_where_the_answer_begins_in_another_way() -> None:
    assert NO.startswith(REFUSAL)
    assert Otherwise()(["", ""], [NO, "Dear Sir"]) == [Verdict.REFUSED, Verdict.COMPLIED]
