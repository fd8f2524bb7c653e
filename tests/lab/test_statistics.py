"""Intervals and differences against closed forms and other routes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interlock.lab.results.statistics import MANY, difference, estimate, wilson


@given(hits=st.integers(0, 40), more=st.integers(0, 40))
def test_wilson_solves_its_equation(hits: int, more: int) -> None:
    """Its ends are the p with |share - p| = z sqrt(p (1 - p) / n) (Wilson 1927)."""
    count = hits + more
    if count == 0:
        assert wilson(0, 0) == (0.0, 1.0)
        return
    z = stats.norm.ppf(0.975)
    for end in wilson(hits, count):
        gap = abs(hits / count - end)
        assert gap == pytest.approx(z * math.sqrt(max(end * (1 - end), 0) / count), abs=1e-9)


def test_shares_have_wilson_intervals() -> None:
    values = np.array([1.0] * 7 + [0.0] * 3)
    found = estimate(values, share=True)
    assert (found.count, found.mean, (found.low, found.high)) == (10, 0.7, wilson(7, 10))


def test_means_have_bootstrap_intervals() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = estimate(values)
    error = values.std() / 20
    assert found.mean == values.mean()
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.15 * error)
    assert estimate(values) == found  # the same seed
    assert estimate(values, seed=1) != found


def test_many_values_have_students_interval() -> None:
    values = np.random.default_rng(0).exponential(1, MANY + 1)
    found = estimate(values)
    t = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((t.low, t.high))


def test_few_values() -> None:
    assert math.isnan(estimate(np.array([])).mean)
    assert math.isnan(estimate(np.array([0.3])).low)
    constant = estimate(np.array([0.3, 0.3, 0.3]))
    assert (constant.low, constant.high) == (0.3, 0.3)
    assert math.isnan(difference(np.array([1.0]), np.array([2.0])).p)


def test_difference_is_paired() -> None:
    """Large items, small differences: only pairing sees them."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 100, 30)
    second = first + rng.normal(1, 0.5, 30)
    found = difference(first, second)
    assert found.mean == pytest.approx((second - first).mean())
    assert found.low > 0
    assert found.p < 0.01
    back = difference(second, first)
    assert (back.mean, back.low, back.high) == pytest.approx(
        (-found.mean, -found.high, -found.low), rel=0.1
    )


def test_permutation_by_all_permutations() -> None:
    """Of 2^5 ways to swap, those at least as far from zero, on both sides."""
    gap = np.array([0.5, 1.0, 0.25, 2.0, -0.75])
    found = difference(np.zeros(5), gap)
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1).T
    means = (signs * gap).mean(axis=1)
    expected = (np.abs(means) >= abs(gap.mean()) - 1e-12).mean()
    assert found.p == pytest.approx(expected)


def test_no_difference() -> None:
    same = np.array([0.1, 0.7, 0.4])
    found = difference(same, same)
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
