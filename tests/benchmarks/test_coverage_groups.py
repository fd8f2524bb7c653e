from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import _coverage_groups as simulated
from interlock.certify import PopulationCertificate
from interlock.certify.bounds.laws import defense_probability


@pytest.mark.parametrize("population", simulated.POPULATIONS, ids=lambda p: p.name)
def test_the_truth_is_the_mean_of_what_is_drawn(
    population: simulated.Grouped | simulated.Sampled,
) -> None:
    """By votes: the estimate is unbiased with as many as decide, so its mean is E[DSP]."""
    truth = population.truth(lambda alpha: defense_probability(alpha, 3))
    runs = [
        PopulationCertificate.from_votes(votes, 3, groups=groups).estimate
        for votes, groups in (population.draw(np.random.default_rng(i)) for i in range(300))
    ]
    assert np.mean(runs) == pytest.approx(truth, abs=4 * np.std(runs) / 300**0.5 + 1e-9)


def test_the_sizes_are_those_of_the_name() -> None:
    sizes = {
        p.name: np.unique(np.bincount(groups)).tolist()
        for p in simulated.POPULATIONS
        if (groups := p.draw(np.random.default_rng(0))[1]) is not None
    }
    assert sizes["one template for 100"] == [100]
    assert sizes["eight suffixes for 96"] == [12]
    assert sizes["ten templates x 5"] == [5]
    assert sizes["two on a goal, 50 goals"] == [2]
    assert max(sizes["heavy-tailed sizes, 30 groups"]) > 10


def test_a_violation_rate_above_the_promise_is_marked() -> None:
    assert simulated.cell(100, 2000, 0.1, interval=False) == "5.0; 0.100"
    assert simulated.cell(140, 2000, 0.1, interval=True).startswith("7.0* [")


def test_no_printed_population_in_groups_breaks_the_bound_that_knows_them() -> None:
    table = Path(__file__).parents[2] / "docs" / "results" / "certify-coverage.txt"
    lines = table.read_text("utf-8").split("Prompts in groups:")[1].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    column = next(i for i, name in enumerate(rows[0]) if name.startswith("ours"))
    printed = {row[0]: row[column] for row in rows[2:]}
    assert printed.keys() == {population.name for population in simulated.POPULATIONS}
    assert all(
        ";" in cell or population == "copies share seeds, 40 prompts"
        for population, cell in printed.items()
    )
    assert not [population for population, cell in printed.items() if "*" in cell]
    # Without groups the same populations do.
    without = {row[0]: row[column - 1] for row in rows[2:]}
    assert "*" in without["one template for 100"]
