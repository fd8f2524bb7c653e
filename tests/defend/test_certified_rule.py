"""Order-free double masking on tables of labels: enumerated, and against an attacker who owns a mask."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from interlock.defend.certified.rule import (
    UNKNOWN,
    Asking,
    T,
    Table,
    all_are,
    decide,
    detect,
    right_rows,
)


def run(
    rule: Callable[..., Asking[T]],
    truth: NDArray[np.int64],
    *arguments: Any,
    table: Table | None = None,
    **options: Any,
) -> T:
    """Answer what a rule asks from the true table, each pair once."""
    table = table or Table(len(truth))
    asking = rule(table, *arguments, **options)
    while True:
        try:
            asked = next(asking)
        except StopIteration as end:
            return end.value
        assert asked
        for a, b in asked:
            assert a <= b
            assert table.labels[a, b] == UNKNOWN
            table.put((a, b), int(truth[a, b]), 1.0, True)


def constant_label(truth: NDArray[np.int64]) -> int | None:
    """By the definition: the label of a constant row, the row of single masks among them."""
    rows = [set(row) for row in truth.tolist()] + [set(truth.diagonal().tolist())]
    labels = {min(row) for row in rows if len(row) == 1}
    assert len(labels) <= 1  # any two rows share an entry
    return labels.pop() if labels else None


def symmetric(upper: list[int], n: int) -> NDArray[np.int64]:
    truth = np.zeros((n, n), dtype=np.int64)
    for (a, b), label in zip(
        itertools.combinations_with_replacement(range(n), 2), upper, strict=True
    ):
        truth[a, b] = truth[b, a] = label
    return truth


def test_all_tables_of_three_masks_and_two_labels_in_any_order() -> None:
    ways = 0
    for upper in itertools.product(range(2), repeat=6):
        truth = symmetric(list(upper), 3)
        expected = constant_label(truth)
        for first in [(), *itertools.permutations(range(3))]:
            for other in (None, 0, 1):
                fallback = None if other is None else lambda other=other: other
                decision = run(decide, truth, first, fallback)
                if expected is not None:
                    assert decision.label == expected
                elif other is not None:
                    assert (decision.label, decision.by) == (other, "fallback")
                else:
                    assert decision.label == np.bincount(truth.diagonal()).argmax()
                    assert decision.by == "majority"
                ways += 1
        label = int(truth[0, 0])
        assert run(all_are, truth, label) == bool((truth == label).all())
        assert run(right_rows, truth, 1) == (truth == 1).all(axis=1).tolist()
        unanimous = len(set(truth.diagonal().tolist())) == 1
        assert run(detect, truth).alarm == (not unanimous)
    assert ways == 64 * 7 * 3


TABLES = st.integers(2, 9).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]), min_size=n * (n + 1) // 2, max_size=n * (n + 1) // 2),
        st.permutations(range(n)),
        st.integers(0, n - 1),
        st.lists(st.integers(0, 3), min_size=n * (n + 1) // 2, max_size=n * (n + 1) // 2),
    )
)  # fmt: skip


@given(TABLES)
def test_who_owns_all_but_a_row_changes_nothing(
    case: tuple[int, list[int], list[int], int, list[int]],
) -> None:
    """A patch under mask m may set all labels at will but those of row m."""
    n, upper, first, m, forged = case
    clean, attacked = symmetric(upper, n), symmetric(forged, n)
    attacked[m], attacked[:, m] = clean[m], clean[:, m]
    label = int(clean[m, m])
    answers = {}
    for name, truth in (("clean", clean), ("attacked", attacked)):
        answers[name] = run(decide, truth, first, lambda: 3)
    if run(all_are, clean, label):
        assert answers["attacked"].label == answers["clean"].label == label
    if (clean[m] == label).all():  # a place is safe if one mask over it has a right row
        assert answers["attacked"].label == label
    if run(all_are, attacked, int(attacked[0, 0])):
        # an assurance under attack: the unattacked image has that very answer
        assert answers["clean"].label == attacked[0, 0]
    if run(all_are, clean, label, single=True):
        seen = run(detect, attacked)
        assert seen.alarm or seen.label == label


@pytest.mark.parametrize(("label", "asked"), [(0, 36), (1, 36)])
def test_agreeing_single_masks_are_enough(label: int, asked: int) -> None:
    truth = np.full((36, 36), label)
    table = Table(36)
    assert run(decide, truth, table=table).by == "row"
    assert (np.triu(table.labels) != UNKNOWN).sum() - np.tril(
        np.full((36, 36), 1), -1
    ).sum() == asked


def test_evidence_asks_one_row_and_no_more() -> None:
    truth = np.zeros((36, 36), dtype=np.int64)
    truth[7], truth[:, 7] = 1, 1
    table = Table(36)
    decision = run(decide, truth, [7, 0], table=table)
    assert (decision.label, decision.row, decision.by) == (1, 7, "row")
    assert (
        len({(a, b) for a in range(36) for b in range(a, 36) if table.labels[a, b] != UNKNOWN})
        == 36
    )


def test_a_near_tie_is_never_assured() -> None:
    table, truth = Table(4), np.zeros((4, 4), dtype=np.int64)
    table.put((1, 2), 0, 1e-6, False)
    assert not run(all_are, truth, 0, table=table)
    table = Table(4)
    table.put((1, 2), 0, 1e-6, False)
    assert run(right_rows, truth, 0, table=table) == [True, False, False, True]
