"""One member of each group, drawn by a hash: the bound, its validity, and who could gain by it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from interlock.certify import PopulationCertificate
from interlock.certify.bounds.counts import lower_bound
from interlock.certify.bounds.groups import one_of_each, share_lower
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.errors import DataError

Bools = NDArray[np.bool_]


def named(number: int, prefix: str = "prompt") -> list[str]:
    return [f"{prefix} {i}" for i in range(number)]


def draws(groups: NDArray[np.int64]) -> list[Bools]:
    """Every way to draw one member of each group."""
    rows = [np.flatnonzero(groups == one) for one in range(int(groups.max()) + 1)]
    return [np.isin(np.arange(groups.size), chosen) for chosen in itertools.product(*rows)]


@pytest.mark.parametrize("confidence", [0.75, 0.9, 0.95])
@pytest.mark.parametrize("together", [False, True])
def test_it_holds_by_enumeration_whatever_sizes_and_chances(
    confidence: float, together: bool
) -> None:
    """Two singles and a pair, each end with a chance of its own: all draws, all outcomes."""
    groups = np.array([0, 1, 2, 2])
    masks = [np.ones(4, dtype=bool)] if together else draws(groups)
    outcomes = list(itertools.product([False, True], repeat=4))
    lower = np.array(
        [[share_lower(np.array(o), groups, confidence, m) for m in masks] for o in outcomes]
    )
    table, worst = np.array(outcomes), 0.0
    for p in itertools.product([0.0, 0.02, 0.2, 0.5, 0.9, 1.0], repeat=4):
        chance = np.where(table, p, 1 - np.array(p)).prod(axis=1)
        truth = (p[0] + p[1] + (p[2] + p[3]) / 2) / 3
        wrong = (lower > truth + 1e-12).mean(axis=1) @ chance
        worst = max(worst, wrong)
    assert 0 < worst <= 1 - confidence + 1e-12


@pytest.mark.parametrize("groups", [2, 5, 40])
def test_a_single_hit_is_no_more_than_booles_inequality_gives(groups: int) -> None:
    """One group is refused with chance x, all others never: that some hit is seen has chance x."""
    labels = np.append(np.arange(groups), 0)
    hits, drawn = labels == 0, np.append(np.ones(groups, dtype=bool), False)
    bound = share_lower(hits, labels, 0.95, drawn)
    assert bound == pytest.approx(0.05 / groups)
    assert bound < lower_bound(1, groups, 0.95)  # which would be wrong in 5.1 % of the cases


def test_below_its_confidence_the_means_count() -> None:
    hits, labels = np.array([True, True, False]), np.array([0, 1, 1])
    drawn = np.array([True, True, False])
    assert share_lower(hits, labels, 0.7, drawn) == share_lower(hits, labels, 0.7)


def test_one_near_pair_costs_one_prompt() -> None:
    """119 groups of 120 attacks, as the embedded suffixes are; all refused but three."""
    votes = np.ones((120, 11), dtype=bool)
    votes[[10, 30, 50]] = False
    groups = [*range(119), 0]
    drawn = PopulationCertificate.from_votes(votes, 11, groups=groups, texts=named(120))
    means = PopulationCertificate.from_votes(votes, 11, groups=groups, method="betting")
    unnamed = PopulationCertificate.from_votes(votes, 11, groups=groups)
    assert (drawn.method, unnamed.method) == ("block", "block")
    assert drawn.lower == pytest.approx(float(lower_bound(116, 119, 0.95)))
    assert drawn.lower > means.lower + 0.015
    assert drawn.estimate == means.estimate
    assert drawn.effective == 119
    assert unnamed.lower == drawn.lower  # the pair is refused together
    votes[119] = False
    worse = PopulationCertificate.from_votes(votes, 11, groups=groups)
    assert worse.lower == pytest.approx(float(lower_bound(115, 119, 0.95)))
    assert worse.lower > means.lower


@pytest.mark.parametrize("texts", [None, named(120)])
def test_a_judge_and_tries_gain_by_it_too(texts: list[str] | None) -> None:
    votes = np.ones((120, 11), dtype=bool)
    votes[[10, 30, 50]] = False
    groups, shared = [*range(119), 0], [*range(60), *range(60)]
    made = PopulationCertificate.from_votes(votes, 11, groups=groups, texts=texts)
    judge = JudgeSample(2, 100)
    judged = PopulationCertificate.from_votes(votes, 11, groups=groups, texts=texts, judge=judge)
    ideal = PopulationCertificate.from_votes(votes[:119], 11, judge=judge)
    assert judged.lower == pytest.approx(ideal.lower)
    assert made.share(0.9) == PopulationCertificate.from_votes(votes[:119], 11).share(0.9)
    tried = PopulationCertificate.from_votes(votes[:119], 11, tries=3)
    assert made.after_tries(3).lower == pytest.approx(tried.lower)
    pairs = PopulationCertificate.from_votes(votes, 11, groups=shared, texts=texts)
    assert (pairs.standing is None) == (texts is None)


def test_sizes_alone_choose() -> None:
    """Neither votes nor names: of hardly any, of some, and of many that share a group."""
    hardly, some, many = [*range(30), 0, 1], [*range(16), *range(16)], [0] * 20 + [1] * 12
    for seed in range(5):
        votes = np.random.default_rng(seed).random((32, 5)) < seed / 4
        for groups, with_texts, without in (
            (hardly, 30, 32), (some, 16, None), (many, None, None),
        ):  # fmt: skip
            for texts, expected in ((named(32, f"{seed}"), with_texts), (None, without)):
                made = PopulationCertificate.from_votes(votes, 5, groups=groups, texts=texts)
                standing_ = made.standing
                assert (None if standing_ is None else standing_.sum()) == expected
                assert made.method == ("betting" if expected is None else "block")
        alone = PopulationCertificate.from_votes(votes, 5, groups=range(32), texts=named(32))
        assert alone.lower == PopulationCertificate.from_votes(votes, 5).lower


def test_each_member_is_drawn_alike_often() -> None:
    groups = np.repeat(np.arange(3000), 3)
    drawn = one_of_each(groups, named(9000)).reshape(3000, 3)
    assert (drawn.sum(axis=1) == 1).all()
    assert np.abs(drawn.mean(axis=0) - 1 / 3).max() < 4 * (2 / 9 / 3000) ** 0.5


def test_nothing_else_in_the_file_moves_a_draw() -> None:
    """Other rows, order and numbers of groups; so who knows the votes cannot shop for a draw."""
    texts, groups = named(60), np.arange(60) // 2
    drawn = {t for t, d in zip(texts, one_of_each(groups, texts), strict=True) if d}
    rng = np.random.default_rng(0)
    for _ in range(20):
        order = rng.permutation(60)
        kept = order[(order // 2) % 3 != rng.integers(3)]  # whole groups are left out
        pads = [f"padded {rng.integers(10**9)}" for _ in range(5)]
        rows = [texts[i] for i in kept] + pads
        _, numbers = np.unique([*(groups[kept] * 7 % 31), *range(100, 105)], return_inverse=True)
        again = one_of_each(numbers, rows)
        assert {t for t, d in zip(rows, again, strict=True) if d} - set(pads) == {
            texts[i] for i in kept
        } & drawn


def test_a_prompt_listed_twice_counts_by_its_worst_row() -> None:
    """Whoever repeats a prompt until it is refused gains nothing, wherever he puts it."""
    votes = np.ones((30, 3), dtype=bool)
    votes[4] = False
    once = PopulationCertificate.from_votes(votes, 3, groups=range(30), texts=named(30))
    for place in (0, 30):
        padded = np.insert(votes, [place] * 4, True, axis=0)
        texts = list(np.insert(named(30), [place] * 4, "prompt 4"))
        groups = list(np.insert(np.arange(30), [place] * 4, 4))
        again = PopulationCertificate.from_votes(padded, 3, groups=groups, texts=texts)
        assert again.standing is not None
        assert again.lower == once.lower


@given(
    st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=9),
    st.lists(st.integers(0, 6), min_size=9, max_size=9),
    st.sampled_from([1, 3, 5]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_groups(
    table: list[list[bool]], labels: list[int], copies: int, random: object
) -> None:
    """Order changes nothing, and one more refusal never lowers a bound."""
    ids, texts, order = labels[: len(table)], named(len(table)), list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]

    def lower(votes: object, groups: list[int], names: list[str]) -> float:
        made = PopulationCertificate.from_votes(votes, copies, groups=groups, texts=names)  # type: ignore[arg-type]
        return made.lower

    whole = lower(table, ids, texts)
    turned = lower([table[i] for i in order], [ids[i] for i in order], [texts[i] for i in order])
    assert turned == pytest.approx(whole)
    assert lower([[True] * 3, *table[1:]], ids, texts) >= whole


def test_dependence_inside_groups_does_not_break_it() -> None:
    """Where large groups are the hard ones, or members end alike, with hashes that differ."""
    runs = 400
    for alike in (False, True):
        wrong = 0
        for run in range(runs):
            rng = np.random.default_rng(run)
            hard = rng.random(40) < 0.25
            groups = np.repeat(np.arange(40), np.where(hard, 3, 1))
            chance = np.where(hard, 0.4, 0.95)[groups]
            ends = rng.random(40)[groups] if alike else rng.random(groups.size)
            hits = (ends < chance)[:, None]
            made = PopulationCertificate.from_votes(
                hits, 1, groups=groups, texts=named(groups.size, f"run {run}")
            )
            assert made.standing is not None
            wrong += made.lower > 0.25 * 0.4 + 0.75 * 0.95
        assert wrong <= 0.05 * runs + 10


@pytest.mark.parametrize("texts", [["a", "b"], ["a", "b", 3], "abc"])
def test_texts_that_are_none_are_one_clear_line(texts: object) -> None:
    with pytest.raises(DataError, match="text of each of the 3 prompts") as caught:
        PopulationCertificate.from_votes(np.ones((3, 5)), 5, groups=[0, 0, 1], texts=texts)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
