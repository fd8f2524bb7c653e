import time
from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from interlock.certify import Perturbation
from interlock.certify.bounds.laws import (
    changed_count,
    defense_probability,
    defense_slope,
    inverse_defense,
    majority,
    smallest_copies,
    suffix_pmf,
    suffix_survival,
)
from interlock.errors import OptionError

KINDS = ["swap", "patch", "insert"]


@given(
    kind=st.sampled_from(KINDS),
    length=st.integers(1, 300),
    suffix=st.integers(0, 300),
    changed=st.integers(0, 300),
)
def test_laws_sum_to_one(kind, length, suffix, changed):
    assume(suffix <= length and changed <= length)
    law = suffix_pmf(kind, length, suffix, changed)
    assert law.shape == (suffix + 1,)
    assert law.min() >= -1e-12
    assert law.sum() == pytest.approx(1, abs=1e-9)
    i = np.arange(suffix + 1)
    if kind != "patch":
        assert i @ law == pytest.approx(changed * suffix / length, abs=1e-6)
    # The law and its tail agree.
    tail = suffix_survival(kind, length, suffix, changed, i)
    np.testing.assert_allclose(tail, law[::-1].cumsum()[::-1], atol=1e-9)


@pytest.mark.parametrize(("m", "m_s", "M"), [(240, 100, 24), (30, 30, 7), (40, 5, 20), (9, 4, 9)])
def test_hypergeometric_against_scipy(m, m_s, M):
    i = np.arange(m_s + 1)
    np.testing.assert_allclose(
        suffix_pmf("swap", m, m_s, M), stats.hypergeom.pmf(i, m, m_s, M), atol=1e-12
    )


@given(
    length=st.integers(1, 400),
    suffix=st.integers(0, 400),
    changed=st.integers(0, 400),
    k=st.integers(-2, 402),
)
def test_the_tail_in_whole_numbers(length, suffix, changed, k):
    """Every way to change characters, counted exactly: right to rounding, however rare."""
    assume(suffix <= length and changed <= length)
    ways = sum(
        comb(suffix, i) * comb(length - suffix, changed - i)
        for i in range(max(k, 0), min(suffix, changed) + 1)
    )
    tail = float(suffix_survival("swap", length, suffix, changed, k))
    assert tail == pytest.approx(
        float(Fraction(ways, comb(length, changed))), rel=1e-12, abs=1e-300
    )


@pytest.mark.parametrize(
    ("m", "m_s", "M"), [(12, 5, 4), (12, 3, 8), (7, 7, 3), (6, 0, 2), (5, 2, 5)]
)
def test_block_law_by_counting_every_place(m, m_s, M):
    counts = np.zeros(m_s + 1)
    for start in range(m - M + 1):
        counts[sum(m - m_s <= i < m for i in range(start, start + M))] += 1
    np.testing.assert_allclose(suffix_pmf("patch", m, m_s, M), counts / counts.sum(), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("goal", "suffix"), [(35, 25), (10, 50)])
def test_monte_carlo_of_the_real_perturbation(kind, goal, suffix):
    """Independent of the law: perturb real strings and look at what happened to the suffix."""
    runs, length = 2000, goal + suffix
    text = "g" * goal + "s" * suffix
    perturbation = Perturbation(kind, 0.25, alphabet="01")
    hits = np.zeros(suffix + 1)
    for copy in perturbation.copies(text, runs, seed=5):
        if kind == "insert":  # suffix characters that a new one now precedes
            hit = sum(a in "01" and b == "s" for a, b in pairwise(copy))
        else:
            hit = sum(letter in "01" for letter in copy[goal:])
        hits[hit] += 1
    law = suffix_pmf(kind, length, suffix, perturbation.count(length))
    common = law * runs >= 5
    observed = np.append(hits[common], hits[~common].sum())
    expected = np.append(law[common], law[~common].sum()) * runs
    chi = ((observed - expected) ** 2 / np.maximum(expected, 1e-9))[expected > 1].sum()
    assert stats.chi2.sf(chi, (expected > 1).sum() - 1) > 1e-3
    assert hits[law <= 0].sum() == 0


def test_counts():
    assert changed_count(240, 0.10) == 24
    assert changed_count(100, 0.29) == 29  # 0.29 * 100 is 28.999... in binary
    assert changed_count(5, 0.10) == 1
    assert changed_count(5, 0.10, paper=True) == 0
    assert changed_count(5, 0.0) == 0
    assert changed_count(0, 0.5) == 0
    assert changed_count(7, 1.0) == 7


@pytest.mark.parametrize("copies", [1, 2, 3, 10, 11])
def test_dsp_by_counting_votes(copies):
    """A tie is a refusal: every pattern of votes counted one by one."""
    alpha, total = 0.7, 0.0
    for pattern in range(2**copies):
        refusals = pattern.bit_count()
        if 2 * refusals >= copies:
            total += alpha**refusals * (1 - alpha) ** (copies - refusals)
    assert defense_probability(alpha, copies) == pytest.approx(total, abs=1e-12)


@given(alphas=st.tuples(st.floats(0, 1), st.floats(0, 1)), copies=st.integers(1, 200))
def test_dsp_lies_in_the_unit_interval_and_rises_with_alpha(alphas, copies):
    low, high = sorted(alphas)
    dsp = defense_probability([low, high], copies)
    assert 0 <= dsp[0] <= dsp[1] + 1e-12 <= 1 + 2e-12
    assert defense_probability(0.0, copies) == 0
    assert defense_probability(1.0, copies) == 1


@given(alpha=st.floats(0.01, 0.99), copies=st.integers(1, 60))
def test_slope_is_the_derivative(alpha, copies):
    step = 1e-6
    ends = defense_probability([alpha - step, alpha + step], copies)
    assert defense_slope(alpha, copies) == pytest.approx(np.diff(ends)[0] / 2 / step, abs=1e-4)


def test_inverse_and_smallest_copies():
    assert defense_probability(inverse_defense(0.95, 11), 11) == pytest.approx(0.95)
    assert smallest_copies(0.929, 0.95) == 3
    assert smallest_copies(0.929, 0.95, odd=False) == 2
    assert smallest_copies(0.5, 0.95, at_most=999) is None
    assert majority([1, 2, 3, 4]).tolist() == [1, 1, 2, 2]


def test_a_grid_of_100_copies_20_rates_50_thresholds_takes_under_a_second():
    start = time.perf_counter()
    copies = np.arange(1, 101)[:, None, None]
    changed = changed_count(240, np.linspace(0.01, 0.20, 20))[:, None]
    for kind in KINDS:
        tail = suffix_survival(kind, 240, 100, changed, np.arange(50))
        dsp = defense_probability(0.95 * tail, copies)
        assert dsp.shape == (100, 20, 50)
    assert time.perf_counter() - start < 1


def test_long_prompts():
    law = suffix_pmf("swap", 100_000, 40_000, 10_000)
    assert np.arange(law.size) @ law == pytest.approx(4000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: suffix_pmf("swap", 10, 11, 2), "longer than the prompt"),
        (lambda: suffix_pmf("swap", 10, 5, 11), "changed"),
        (lambda: suffix_pmf("delete", 10, 5, 1), "swap, patch or insert"),
        (lambda: defense_probability(1.1, 3), "from 0 to 1"),
        (lambda: defense_probability(float("nan"), 3), "from 0 to 1"),
        (lambda: defense_probability(0.5, 0), "at least 1"),
        (lambda: changed_count(10, 1.1), "from 0 to 1"),
        (lambda: changed_count(-1, 0.1), "at least 0"),
    ],
)
def test_bad_numbers_are_one_clear_line(make, words):
    with pytest.raises(OptionError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
