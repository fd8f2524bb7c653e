"""Counting who is right: intervals, and the worst case image by image."""

from __future__ import annotations

import pytest
import torch

from interlock.defend.evaluation import CLEAN, Evaluation, Rate, Tally, Trial
from interlock.defend.evaluation_table import MASKED, blocks


def tally(trial: Trial, shield: str, bare: str, masked: str = "0000") -> Tally:
    """Rows as strings of 0 and 1, a digit for each image."""
    bits = {"undefended": bare, "shield": shield}
    right = {row: torch.tensor([digit == "1" for digit in text]) for row, text in bits.items()}
    passes = {"shield": torch.tensor([1, 2, 3, 4])}
    return Tally(trial, right, passes, torch.tensor([digit == "1" for digit in masked]))


EVALUATION = Evaluation(
    4,
    (
        tally(CLEAN, "1111", "1111"),
        tally(Trial("patch", 0.01), "1110", "1000", "1100"),
        tally(Trial("patch", 0.02), "1100", "0100"),
        tally(Trial("l2", 0.01), "0111", "0000"),
        tally(Trial("l2", 0.02), "1111", "0101"),
    ),
)


def test_wilson_s_interval_as_published() -> None:
    low, high = Rate(8, 10).interval()
    assert (low, high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert Rate(0, 0).interval() == (0.0, 1.0)
    assert Rate(0, 0).to_dict()["value"] is None


def test_the_worst_case_counts_an_image_only_where_all_trials_are_survived() -> None:
    one, two, all_of_them = EVALUATION.worst()
    assert (one.area, one.trials, one.right["shield"]) == (0.01, 2, Rate(2, 4))
    assert (two.area, two.right["undefended"]) == (0.02, Rate(1, 4))
    assert (all_of_them.area, all_of_them.trials) == (None, 4)
    assert all_of_them.right == {"undefended": Rate(0, 4), "shield": Rate(1, 4)}


def test_of_one_trial_there_is_no_worst() -> None:
    assert Evaluation(4, EVALUATION.tallies[:2]).worst() == []
    (over_sizes,) = Evaluation(4, EVALUATION.tallies[:3]).worst()
    assert (over_sizes.area, over_sizes.right["shield"]) == (None, Rate(2, 4))


def test_only_rows_of_all_trials_have_a_worst_case() -> None:
    first, second = EVALUATION.tallies[1], EVALUATION.tallies[3]
    fewer = Tally(second.trial, {"shield": second.right["shield"]}, {}, second.masked)
    (worst,) = Evaluation(4, (EVALUATION.clean, first, fewer)).worst()
    assert worst.right == {"shield": Rate(2, 4)}


def test_batches_of_a_trial_are_joined_in_order() -> None:
    whole = Tally.joined([EVALUATION.tallies[1], EVALUATION.tallies[2]])
    assert whole.right["shield"].int().tolist() == [1, 1, 1, 0, 1, 1, 0, 0]
    assert whole.mean_passes("shield") == 2.5
    assert whole.mean_passes("undefended") is None
    assert Rate.of(whole.masked) == Rate(2, 8)


def test_the_table_has_a_block_for_each_attack_and_a_column_for_each_size() -> None:
    clean, patch, l2, worst, over_all = blocks(EVALUATION)
    assert (clean.name, clean.areas) == ("clean", (None,))
    assert [block.name for block in (patch, l2)] == ["patch", "l2"]
    assert patch.areas == (0.01, 0.02)
    assert [line.name for line in patch.lines] == ["undefended", "shield", MASKED]
    assert patch.lines[1].rates == (Rate(3, 4), Rate(2, 4))
    assert patch.lines[1].passes == (2.5, 2.5)
    assert patch.lines[2].rates == (Rate(2, 4), Rate(0, 4))
    assert worst.lines[1].rates == (Rate(2, 4), Rate(2, 4))
    assert over_all.lines[1].rates == (Rate(1, 4),)


def test_the_plain_values_hold_every_row() -> None:
    found = EVALUATION.to_dict()
    assert found["clean"]["shield"]["hits"] == 4
    first = found["patched"][0]
    assert (first["attack"], first["area"], first["masked"]["hits"]) == ("patch", 0.01, 2)
    assert first["shield"]["passes"] == 2.5
    assert [w["shield"]["hits"] for w in found["worst"]] == [2, 2, 1]
