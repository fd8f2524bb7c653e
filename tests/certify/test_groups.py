"""Bounds for prompts in groups and for several tries, against enumeration and simulation."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from interlock.certify import PopulationCertificate
from interlock.certify.bounds.counts import groups_needed, joint_confidence, lower_bound
from interlock.certify.bounds.groups import check_groups, group_means
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import defense_probability
from interlock.certify.bounds.minorant import Estimand, step_rule
from interlock.errors import DataError, OptionError

Votes = NDArray[np.bool_]


def certificate(votes: object, copies: int = 1, **options: object) -> PopulationCertificate:
    return PopulationCertificate.from_votes(votes, copies, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("groups", [2, 3, 4])
def test_the_bound_holds_by_enumeration(groups: int, confidence: float) -> None:
    """Pairs of prompts whose single votes depend in any way: z is 0, 1/2 or 1 with any chances."""
    outcomes = list(itertools.product([(0, 0), (1, 0), (1, 1)], repeat=groups))
    ids = np.repeat(np.arange(groups), 2)
    lower = np.array(
        [
            certificate(np.ravel(o)[:, None], groups=ids, confidence=confidence).lower
            for o in outcomes
        ]
    )
    z = np.array(outcomes).mean(axis=2)  # (outcomes, groups)
    worst = 0.0
    for none, half in itertools.product(np.linspace(0, 1, 41), repeat=2):
        if none + half > 1:
            continue
        law = np.array([none, half, 1 - none - half])
        chance = law[(2 * z).astype(int)].prod(axis=1)
        worst = max(worst, chance[lower > half / 2 + law[2] + 1e-12].sum())
    assert worst <= 1 - confidence + 1e-12
    assert worst > 0  # the bound can be wrong: it says something


@pytest.mark.parametrize("confidence", [0.6, 0.8, 0.95])
def test_it_holds_where_large_groups_are_the_hard_ones(confidence: float) -> None:
    """Singles are refused with chance p; of a triple, one vote decides for all, with chance q."""
    shapes = list(itertools.product([(1, 0), (1, 1), (3, 0), (3, 1)], repeat=3))
    lower = []
    for shape in shapes:
        ids = np.repeat(np.arange(3), [size for size, _ in shape])
        votes = np.repeat([vote for _, vote in shape], [size for size, _ in shape])
        lower.append(certificate(votes[:, None], groups=ids, confidence=confidence).lower)
    for share, p, q in itertools.product(
        [0.3, 0.5, 0.8], np.linspace(0, 1, 21), np.linspace(0, 1, 21)
    ):
        truth = share * p + (1 - share) * q
        law = {(1, 1): share * p, (1, 0): share * (1 - p)}
        law |= {(3, 1): (1 - share) * q, (3, 0): (1 - share) * (1 - q)}
        wrong = sum(
            np.prod([law[one] for one in shape])
            for shape, bound in zip(shapes, lower, strict=True)
            if bound > truth + 1e-12
        )
        assert wrong <= 1 - confidence + 1e-12


def copied(rng: np.random.Generator) -> tuple[Votes, NDArray[np.int64]]:
    """Twelve groups of one to thirty prompts; a group's prompts share every single vote."""
    sizes = np.minimum(rng.zipf(1.6, 12), 30)
    alpha = np.where(rng.random(12) < 0.2, 0.3, 0.95)
    votes = rng.random((12, 5)) < alpha[:, None]
    return np.repeat(votes, sizes, axis=0), np.repeat(np.arange(12), sizes)


def ordered(rng: np.random.Generator) -> tuple[Votes, NDArray[np.int64]]:
    """Easy groups are large. In the others a refused prompt stands first, one that is not second."""
    bad = rng.random(12) < 0.3
    sizes = np.where(bad, 2, 20)
    first = np.r_[0, np.cumsum(sizes)[:-1]]
    votes = np.repeat(~bad, sizes)[:, None] & np.ones(5, dtype=bool)
    votes[first] = True
    return votes, np.repeat(np.arange(12), sizes)


SHARED = 0.2 * float(defense_probability(0.3, 5)) + 0.8 * float(defense_probability(0.95, 5))


@pytest.mark.parametrize(("draw", "truth"), [(copied, SHARED), (ordered, 0.7 + 0.3 / 2)])
def test_dependence_inside_groups_does_not_break_it(
    draw: Callable[[np.random.Generator], tuple[Votes, NDArray[np.int64]]], truth: float
) -> None:
    runs, wrong, without = 300, 0, 0
    for run in range(runs):
        votes, ids = draw(np.random.default_rng(run))
        wrong += certificate(votes, 5, groups=ids).lower > truth
        without += certificate(votes, 5).lower > truth
    assert wrong <= 0.05 * runs + 10
    assert without > 0.2 * runs  # what a bound over prompts would do


def test_groups_of_one_are_independent_prompts() -> None:
    votes = np.random.default_rng(0).random((40, 11)) < 0.8
    alone, plain = certificate(votes, 11, groups=list("abcdefgh" * 5)), certificate(votes, 11)
    each = certificate(votes, 11, groups=range(40))
    assert (each.lower, each.method, each.effective) == (plain.lower, "block", 40)
    assert each.share(0.9) == plain.share(0.9)
    assert (alone.effective, plain.effective) == (8, 40)
    assert alone.lower < plain.lower
    few = certificate(votes[:, :3], 11, groups=range(40))
    assert few.lower == certificate(votes[:, :3], 11).lower


def test_one_group_certifies_no_more_than_one_draw() -> None:
    votes = np.ones((100, 11), dtype=bool)
    one = certificate(votes, 11, groups=np.zeros(100, dtype=int))
    assert one.effective == 1
    assert 0.045 <= one.lower <= 0.05
    assert certificate(votes, 11, groups=[0] * 50 + [1] * 50).lower <= 0.05**0.5
    assert "100 prompts in 1 groups" in one.statement()
    listed_ten_times = certificate(np.tile(votes[:12], (10, 1)), 11, groups=[*range(12)] * 10)
    once = certificate(votes[:12], 11)
    assert (
        once.lower - 0.002 < listed_ten_times.lower <= once.lower == pytest.approx(0.05 ** (1 / 12))
    )


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=n, max_size=n),
            st.lists(st.integers(0, 3), min_size=n, max_size=n),
        )
    ),
    st.sampled_from([1, 3, 4, 7]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_groups(
    given_: tuple[list[list[bool]], list[int]], copies: int, random: object
) -> None:
    table, ids = given_
    whole = certificate(table, copies, groups=ids)
    assert 0 <= whole.lower <= 1
    assert 0 <= whole.share(0.9).lower <= 1
    assert whole.estimate == pytest.approx(group_means(whole.per_prompt, whole.groups).mean())
    order = list(range(len(ids)))
    random.shuffle(order)  # type: ignore[attr-defined]
    turned = certificate([table[i] for i in order], copies, groups=[ids[i] + 7 for i in order])
    assert turned.lower == pytest.approx(whole.lower)
    better = np.array(table)
    better[0] = True
    assert certificate(better, copies, groups=ids).lower >= whole.lower


def test_betting_uses_all_votes_of_a_group() -> None:
    rng = np.random.default_rng(3)
    votes = rng.random((60, 33)) < 0.65
    ids = np.repeat(np.arange(20), 3)
    every, first = (certificate(votes, 11, groups=ids, method=m) for m in ("betting", "block"))
    assert certificate(votes, 11, groups=ids).method == "betting"
    assert every.lower > first.lower
    assert certificate(votes, 11, groups=ids).lower == every.lower


def test_a_judge_who_errs_is_paid_for_in_groups_too() -> None:
    """Misses of 50 %: the bound on the true votes holds, a judge taken at its word does not."""
    truth = 0.3 * float(defense_probability(0.25, 5)) + 0.7 * float(defense_probability(0.99, 5))
    for model in ("same for all prompts", "any"):
        wrong = naive = 0
        for run in range(120):
            rng = np.random.default_rng(run)
            alpha = np.where(rng.random(40) < 0.3, 0.25, 0.99)
            votes = np.repeat(rng.random((40, 5)) < alpha[:, None], 3, axis=0)
            seen = votes | np.repeat(rng.random((40, 5)) < 0.5, 3, axis=0)
            ids = np.repeat(np.arange(40), 3)
            column = rng.integers(5, size=40)
            true, said = votes[::3][np.arange(40), column], seen[::3][np.arange(40), column]
            judge = JudgeSample(int(rng.binomial(60, 0.5)), 60)
            if model == "any":
                missed, jailbroken = int((said & ~true).sum()), int((~true).sum())
                judge = JudgeSample(missed, jailbroken, 0, int(true.sum()), "any")
            wrong += certificate(seen, 5, judge=judge, groups=ids).lower > truth
            naive += certificate(seen, 5, groups=ids).lower > truth
        assert wrong <= 12
        assert naive > 30
    with pytest.raises(DataError, match="40 groups") as caught:
        certificate(seen, 5, judge=JudgeSample(0, 30, 0, 11, "any"), groups=ids)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tries", [1, 2, 3])
@pytest.mark.parametrize("alpha", [0.2, 0.7, 0.97])
def test_the_estimate_over_tries_is_unbiased(tries: int, alpha: float) -> None:
    r, copies = 11, 3
    table = np.tri(r + 1, r, -1, dtype=bool)
    scores = certificate(table, copies, tries=tries).per_prompt
    mean = stats.binom.pmf(np.arange(r + 1), r, alpha) @ scores
    assert mean == pytest.approx(float(defense_probability(alpha, copies)) ** tries)


def test_dealing_out_by_trying_every_deal() -> None:
    """Five votes, two tries of two: every ordered choice of four of them."""
    for refused in range(6):
        votes = np.arange(5) < refused
        deals = [
            votes[list(d[:2])].sum() >= 1 and votes[list(d[2:])].sum() >= 1
            for d in itertools.permutations(range(5), 4)
        ]
        assert certificate(votes[None], 2, tries=2).per_prompt[0] == pytest.approx(np.mean(deals))


def test_many_tries() -> None:
    """Alike prompts refused with DSP 0.96 a try: of ten tries 0.67, of thirty 0.3."""
    votes = np.random.default_rng(0).random((100, 330)) < 0.75
    once = certificate(votes[:, :11], 11)
    truth = float(defense_probability(0.75, 11))
    for tries in (10, 30):
        many = once.after_tries(tries)
        assert (many.tries, many.method) == (tries, "threshold")
        assert many.lower < truth**tries
        whole = certificate(votes, 11, tries=tries)
        assert whole.method == "block"
        assert truth**tries - 0.15 < whole.lower < truth**tries
        assert many.lower < once.lower
        assert whole.estimate == pytest.approx(truth**tries, abs=0.05)
    assert once.after_tries(1).lower == once.lower
    assert "in each of 10 tries" in certificate(np.ones((60, 11)), 11, tries=10).statement()
    all_refused = certificate(np.ones((100, 11)), 11, tries=10)
    assert 0.5 < all_refused.lower < 0.97
    with pytest.raises(OptionError, match="tries=0"):
        once.after_tries(0)
    with pytest.raises(OptionError, match="110 votes"):
        certificate(votes[:, :30], 11, tries=10, method="block")


@pytest.mark.parametrize(("trials", "tries"), [(5, 4), (11, 10), (24, 2), (11, 30)])
def test_bounds_over_tries_hold(trials: int, tries: int) -> None:
    """8 % jailbreak every copy: the truth is about 0.92, by far not its power."""
    truth = 0.92 * float(defense_probability(0.99, 11)) ** tries
    wrong = 0
    for run in range(150):
        rng = np.random.default_rng(run)
        alpha = np.where(rng.random(60) < 0.08, 0.0, 0.99)
        votes = rng.random((60, trials)) < alpha[:, None]
        wrong += certificate(votes, 11, tries=tries).lower > truth
    assert wrong <= 15


@pytest.mark.parametrize("trials", [1, 5, 11, 24])
@pytest.mark.parametrize(
    "target", [Estimand(11, tries=10), Estimand(5, tries=3, missed=0.05), Estimand(11, 0.5, 10)]
)
def test_step_rules_over_tries_never_exceed_their_target(target: Estimand, trials: int) -> None:
    rule, alpha = step_rule(target, trials), np.linspace(0, 1, 3001)
    expected = rule.low + (rule.high - rule.low) * stats.binom.sf(rule.threshold - 1, trials, alpha)
    true_alpha = np.clip((alpha - target.missed) / (1 - target.missed), 0, 1)
    majority = -(-target.copies // 2)
    value = stats.binom.sf(majority - 1, target.copies, true_alpha) ** target.tries
    if target.tau is not None:
        value = np.where(value >= target.tau + 1e-9, 1.0, 0.0)
    assert np.all(expected <= value + 1e-9)


def test_a_share_over_tries() -> None:
    votes = np.ones((100, 11), dtype=bool)
    once, often = certificate(votes, 11).share(0.9), certificate(votes, 11, tries=10).share(0.9)
    assert often.lower < once.lower
    assert often.estimate == once.estimate == 1
    alpha = np.array([[1] * 9 + [0] * 2])  # 0.82: DSP 0.99, over ten tries 0.9
    assert certificate(alpha, 11).share(0.95).estimate == 1
    assert certificate(alpha, 11, tries=10).share(0.95).estimate == 0


def test_joint_confidence() -> None:
    assert joint_confidence(0.95, 1) == pytest.approx(0.95)
    assert joint_confidence(0.95, 5) == pytest.approx(0.99)
    wrong = 0
    for run in range(400):
        rng = np.random.default_rng(run)
        hits = rng.binomial(40, 0.9, 5)
        wrong += bool((lower_bound(hits, 40, joint_confidence(0.95, 5)) > 0.9).any())
    assert wrong <= 0.05 * 400 + 12
    for confidence, families in ((1.0, 2), (0.95, 0)):
        with pytest.raises(OptionError, match="at least 1 family"):
            joint_confidence(confidence, families)


@pytest.mark.parametrize("failures", [0, 1, 3])
@pytest.mark.parametrize(("target", "confidence"), [(0.5, 0.9), (0.9, 0.95), (0.03, 0.5)])
def test_the_fewest_groups_for_a_bound(failures: int, target: float, confidence: float) -> None:
    n = groups_needed(target, failures, confidence)
    bounds = [
        float(lower_bound(k - failures, k, confidence)) for k in range(max(failures, 1), n + 1)
    ]
    assert bounds[-1] >= target
    assert all(bound < target for bound in bounds[:-1])
    with pytest.raises(OptionError, match=r"target=1\.0"):
        groups_needed(1.0, failures, confidence)


@pytest.mark.parametrize(
    ("groups", "words"),
    [([0, 1], "one id for each of the 3"), ([[0], [1], [2]], "shape"), ([0, None, 1], "missing"),
     ([0, np.nan, 1], "missing"), (5, "one id")],
)  # fmt: skip
def test_bad_groups_are_one_clear_line(groups: object, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        certificate(np.ones((3, 5)), 5, groups=groups)
    assert "\n" not in str(caught.value)


def test_ids_may_be_anything_that_can_be_compared() -> None:
    expected = [0, 1, 0, 2]
    for ids in (
        ["b", "a", "b", "c"],
        np.array([5, 3, 5, 9]),
        np.array(["b", "a", "b", "c"], object),
    ):
        assert check_groups(ids, 4).tolist() == expected


def test_the_beta_bound_knows_no_groups() -> None:
    with pytest.raises(OptionError, match="independent"):
        certificate(np.ones((4, 5)), 5, groups=[0, 0, 1, 1]).beta_binomial()
