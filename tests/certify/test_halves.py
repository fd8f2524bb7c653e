"""Promises from one half of the prompts, against the other half."""

from __future__ import annotations

import numpy as np
import pytest

from interlock.certify.bounds.halves import split_in_halves
from interlock.errors import DataError, OptionError


def test_the_formula_overclaims_where_attacks_differ_and_the_bound_does_not() -> None:
    """A quarter of the attacks is never refused, so every vote refuses three quarters of them."""
    refused = np.zeros((80, 11), dtype=bool)
    refused[:60] = True
    found = split_in_halves(refused, 7, splits=100)
    assert found.dsp == found.alpha == pytest.approx(0.75)
    assert found.population.beyond_all <= 0.05
    assert found.homogeneous.beyond_all == 1
    assert found.homogeneous.promised > 0.9
    assert (found.prompts, found.trials, found.copies, found.splits) == (80, 11, 7, 100)


def test_each_split_draws_its_own_votes() -> None:
    """The first vote on every prompt refuses and no other: luck that must not count everywhere."""
    refused = np.zeros((100, 10), dtype=bool)
    refused[:, 0] = True
    found = split_in_halves(refused, 1, splits=200)
    assert found.dsp == pytest.approx(0.1)
    assert found.population.promised < 0.1
    assert found.population.beyond_all <= 0.1


def test_bounds_hold_in_as_many_splits_as_they_say() -> None:
    refused = np.random.default_rng(0).random((200, 21)) < np.random.default_rng(1).beta(
        2, 1, (200, 1)
    )
    found = split_in_halves(refused, 7, splits=300)
    assert found.population.beyond_all <= found.chance
    assert 0.05 < found.chance < 0.12
    assert found == split_in_halves(refused, 7, splits=300)
    assert found != split_in_halves(refused, 7, splits=300, seed=1)


def test_what_cannot_be_split() -> None:
    with pytest.raises(DataError, match="two prompts"):
        split_in_halves(np.ones((1, 7), dtype=bool), 7)
    with pytest.raises(DataError, match="7 votes on each"):
        split_in_halves(np.ones((9, 5), dtype=bool), 7)
    with pytest.raises(OptionError, match="splits=0"):
        split_in_halves(np.ones((9, 7), dtype=bool), 7, splits=0)
