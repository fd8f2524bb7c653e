"""What a copy has that its original has not, marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.certify import Perturbation
from interlock.certify.vote.graphemes import graphemes
from interlock.serve.marks import LONGEST, marks

LETTERS = st.text("ab e\u0301👩\u200d👧<&\r\n", max_size=30)


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [
        ("kite", "kXte", [("same", "k"), ("new", "X"), ("same", "te")]),
        ("kite", "kite", [("same", "kite")]),
        ("kite", "k!ite", [("same", "k"), ("new", "!"), ("same", "ite")]),
        ("a paper kite", "a kite", [("same", "a "), ("gone", "paper "), ("same", "kite")]),
        ("👩\u200d👧 hi", "x hi", [("new", "x"), ("same", " hi")]),  # one character for one
        ("", "", []),
        ("", "x", [("new", "x")]),
    ],
)
def test_by_hand(before: str, after: str, runs: list[tuple[str, str]]) -> None:
    assert list(marks(before, after) or []) == runs


@given(before=LETTERS, after=LETTERS)
def test_the_runs_are_the_copy_and_as_long_as_the_original(before: str, after: str) -> None:
    runs = marks(before, after)
    assert runs is not None
    assert "".join(text for kind, text in runs if kind != "gone") == after
    new = sum(len(graphemes(text)) for kind, text in runs if kind == "new")
    assert (new == 0) == all(kind != "new" for kind, _ in runs)
    assert [kind for kind, _ in runs if kind != "same"] or before == after


@given(
    text=st.text("abcdefgh ", min_size=1, max_size=60),
    kind=st.sampled_from(["swap", "patch", "insert"]),
    seed=st.integers(0, 99),
)
def test_no_more_is_marked_than_the_perturbation_changed(text: str, kind: str, seed: int) -> None:
    rule = Perturbation(kind, 0.2)  # type: ignore[arg-type]
    (copy,) = rule.copies_of(list(text), 1, seed=seed)
    runs = marks(text, "".join(copy)) or ()
    changed = sum(len(run) for one, run in runs if one == "new")
    assert changed <= max(1, int(0.2 * len(text)) + 1)
    assert "gone" not in {one for one, _ in runs}


def test_texts_too_long_to_compare_are_not_marked() -> None:
    assert marks("a" * (LONGEST + 1), "a" * (LONGEST + 2)) is None
    assert marks("a" * LONGEST * 9, "b" + "a" * (LONGEST * 9 - 1)) is not None
