"""What each method says of one table of votes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interlock.certify import PopulationCertificate
from interlock.certify.bounds.claims import CLAIM_METHODS, method_claims
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.errors import DataError, OptionError


def table(always: int, sure: int, votes: int = 11) -> np.ndarray:
    """Prompts that jailbreak every copy, and prompts that jailbreak none."""
    return np.repeat([[False], [True]], [always, sure], axis=0).repeat(votes, axis=1)


def test_the_population_where_the_formula_overstates() -> None:
    """8 % always jailbroken: the formula puts the mean 0.92 in the binomial, the truth is 0.92."""
    found = method_claims(table(8, 92), 11, plain=table(100, 0, 1))
    assert tuple(found) == CLAIM_METHODS
    formula = stats.binom.sf(5, 11, 0.92)
    assert found["homogeneous"].certified == pytest.approx(formula)
    assert formula > 0.999
    assert found["homogeneous"].confidence is None
    # Clopper and Pearson's bound of 92 in 100.
    assert found["population"].certified == pytest.approx(stats.beta.ppf(0.05, 92, 9))
    assert found["population"].confidence == 0.95
    for method in ("smoothllm", "homogeneous", "population"):
        claim = found[method]
        assert claim.measured == pytest.approx(0.92)
        low, high = claim.interval
        assert low < 0.92 < high < 1
        assert (claim.copies, claim.prompts) == (11, 100)
    assert found["smoothllm"].certified is found["undefended"].certified is None
    assert found["smoothllm"].reason == "the method promises nothing"
    assert (found["undefended"].measured, found["undefended"].copies) == (0.0, 1)
    assert found["population"].to_dict() == {
        "method": "population", "copies": 11, "certified": found["population"].certified,
        "confidence": 0.95, "measured": found["population"].measured,
        "low": found["population"].interval[0], "high": found["population"].interval[1],
        "prompts": 100, "reason": "",
    }  # fmt: skip


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_measured_share_is_the_mean_over_all_choices_of_votes(seed: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    votes = rng.random((4, 6)) < rng.random((4, 1))
    found = method_claims(votes, copies, plain=votes[:, :2])
    need = -(-copies // 2)
    refused = [
        sum(row[list(chosen)].sum() >= need for chosen in combinations(range(6), copies))
        / len(list(combinations(range(6), copies)))
        for row in votes
    ]
    assert found["smoothllm"].measured == pytest.approx(np.mean(refused))
    assert found["undefended"].measured == pytest.approx(votes[:, :2].mean())


def test_nothing_is_certified_where_voting_harms() -> None:
    votes = np.zeros((30, 7), dtype=bool)
    votes[:, :3] = True
    claim = method_claims(votes, 7)["population"]
    assert claim.certified is claim.confidence is None
    assert claim.reason.startswith("No certificate: with 7 copies the vote refuses an estimated")
    assert claim.measured == 0
    assert "undefended" not in method_claims(votes, 7)


def test_the_measured_share_of_prompts_held_out() -> None:
    found = method_claims(table(8, 92), 3, held_out=table(5, 15, 3))
    assert found["population"].certified == PopulationCertificate.from_votes(table(8, 92), 3).lower
    assert (found["population"].measured, found["population"].prompts) == (pytest.approx(0.75), 20)


def test_too_few_votes_certify_but_measure_nothing() -> None:
    found = method_claims(table(2, 98, 5), 11)
    assert found["smoothllm"].measured is found["smoothllm"].interval is None
    assert (
        found["population"].certified == PopulationCertificate.from_votes(table(2, 98, 5), 11).lower
    )
    assert found["smoothllm"].to_dict()["low"] is None


def test_a_judges_errors_are_paid_for_by_the_certificate_alone() -> None:
    sample = JudgeSample(missed=4, jailbroken=100, false_alarms=10, refused=100)
    plain, paid = (method_claims(table(8, 92), 11, judge=judge) for judge in (None, sample))
    assert paid["population"].certified < plain["population"].certified
    assert paid["population"].measured == plain["population"].measured
    assert paid["homogeneous"] == plain["homogeneous"]


def test_tables_that_are_none() -> None:
    with pytest.raises(DataError, match="missing"):
        method_claims([[1, None]], 1)
    assert method_claims([[1, None], [1, 1]], 2, missing="jailbreak")["smoothllm"].measured == 1
    for bad in ({"plain": [1]}, {"held_out": [[2]]}):
        with pytest.raises(DataError, match="votes"):
            method_claims([[1, 1]], 1, **bad)
    with pytest.raises(OptionError, match="copies"):
        method_claims([[1]], 0)
    with pytest.raises(OptionError, match="confidence"):
        method_claims([[1]], 1, confidence=1.0)
