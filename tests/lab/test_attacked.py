"""Numbers over several attacks, and the table that shows them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.lab.results.attacked import FOUND, MEAN, ROC, WORST, WORST_STATIC, detection
from interlock.lab.results.summary import summarise
from interlock.lab.results.tables import tables
from interlock.lab.results.values import keys
from tests.lab.running import here, table
from tests.lab.test_defend import CLEAN, CLEANSER, LABELS, SHIELD, UNDEFENDED, photo, write

SCORES = st.lists(st.integers(0, 8), min_size=1, max_size=25)
MORE = """
[[attacks]]
attack = "two-patches"
areas = [0.2]
options = { steps = 3 }
[[attacks]]
attack = "patch"
areas = [0.3]
limit = 5
options = { steps = 3 }
[[attacks]]
attack = "adaptive"
areas = [0.1]
options = { steps = 2, restarts = 1 }
"""


@given(loud=SCORES, calm=SCORES)
def test_detection_by_all_pairs(loud: list[int], calm: list[int]) -> None:
    above, found = detection(np.array(loud, float), np.array(calm, float))
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(loud, calm)]
    assert above == pytest.approx(np.mean(pairs))
    levels = [a for a in loud if sum(b >= a for b in calm) <= 0.05 * (len(calm) - 1)]
    assert found <= len([a for a in loud if a > min(calm)]) / len(loud)
    assert found >= len(levels) / len(loud) - 1e-9  # who passes nearly all of the calm is found


def test_five_of_a_hundred_are_false_alarms() -> None:
    calm = np.arange(100.0)
    above, found = detection(np.array([94.0, 94.5, 99.5, 500.0]), calm)
    assert (above, found) == (pytest.approx((94.5 + 95 + 100 + 100) / 400), 0.75)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    for seed in range(7):
        photo(folder / "images" / LABELS[seed % 2] / f"{seed}.png", seed)
    for seed in range(48):
        photo(folder / "clean" / f"{seed}.png", 100 + seed)
    few = CLEANSER + "limit = 4\n"
    here(write(folder, UNDEFENDED, SHIELD, few, clean=CLEAN, attacks=MORE), folder / "out")
    return folder / "out"


def test_means_and_worst_cases_by_hand(out: Path) -> None:
    right: dict[tuple[str, str], dict[str, float]] = {}
    for row in table(out):
        if row["metric"] == "right":
            right.setdefault((row["method"], row["condition"]), {})[row["data"]] = row["value"]
    lines = {(one.method, one.condition, one.metric): one for one in summarise(out).lines}
    static = ("patch, 10 %", "two-patches, 20 %")  # 30 % has a limit, adaptive knows the defence
    for method in ("undefended", "shield"):
        grid = np.array([list(right[method, condition].values()) for condition in static])
        mean, worst = lines[method, MEAN, "right"], lines[method, WORST_STATIC, "right"]
        assert (mean.count, worst.count) == (7, 7)
        assert mean.mean == pytest.approx(grid.mean())
        assert worst.mean == pytest.approx(grid.min(axis=0).mean())
    assert ("patchcleanser", MEAN, "right") not in lines  # saw four images
    everything = [c for m, c in right if m == "shield" and not c.startswith("clean")]
    assert len(everything) == 4
    shared = set.intersection(*(set(right["shield", c]) for c in everything))
    assert len(shared) == 5
    worst = lines["shield", WORST, "right"]
    assert worst.count == 5
    assert worst.mean == pytest.approx(
        np.mean([min(right["shield", c][d] for c in everything) for d in shared])
    )


def test_scores_are_compared_with_those_of_clean_images(out: Path) -> None:
    scores: dict[str, list[float]] = {}
    for row in table(out):
        if row["metric"] == "score":
            assert row["method"] == "shield"
            scores.setdefault(row["condition"], []).append(row["value"])
    lines = {(one.condition, one.metric): one for one in summarise(out).lines}
    for condition, mine in scores.items():
        if condition == "clean":
            assert (condition, ROC) not in lines
            continue
        above, found = detection(np.array(mine), np.array(scores["clean"]))
        assert lines[condition, ROC].mean == pytest.approx(above)
        assert lines[condition, FOUND].mean == pytest.approx(found)
        assert lines[condition, ROC].count == (5 if condition == "patch, 30 %" else 7)


def test_the_table_has_a_row_for_each_condition(out: Path) -> None:
    (shown,) = tables(summarise(out))
    assert shown.header == (
        "", "images", "undefended", "shield", "patchcleanser", "shield: ROC area",
        "shield: found at 5 %",
    )  # fmt: skip
    rows = {row[0]: row[1:] for row in shown.rows}
    assert list(rows) == [
        "clean", "clean, 10 %", "clean, 10 %, certified", "clean, 20 %",
        "clean, 20 %, certified", "clean, 30 %", "clean, 30 %, certified",
        "patch, 10 %", "patch, 30 %", "two-patches, 20 %", "adaptive, 10 %",
        MEAN, WORST_STATIC, WORST, "passes, clean", "s",
    ]  # fmt: skip
    assert rows["clean"][0] == "7"
    assert rows["patch, 30 %"][0] == "5"
    assert rows["patch, 30 %"][3].endswith("] of 4")
    assert rows["two-patches, 20 %"][1].endswith("]")
    assert rows["clean"][3] == rows["clean"][4] == ""
    assert rows["adaptive, 10 %"][1] == ""
    assert rows["passes, clean"][1] == "1"
    assert float(rows["passes, clean"][3]) >= 4  # of two by two masks, whatever size it is told
    lines = {(one.method, one.condition, one.metric): one for one in summarise(out).lines}
    line = lines["shield", "patch, 10 %", "right"]
    assert rows["patch, 10 %"][2] == f"{line.mean:.3f} [{line.low:.3f}, {line.high:.3f}]"
    assert rows["patch, 10 %"][4] == f"{lines['shield', 'patch, 10 %', ROC].mean:.3f}"


@pytest.mark.parametrize("count", [40, 5000])
def test_lines_come_in_the_order_of_the_study(count: int) -> None:
    """Arrow alone would give them in another one where there are many."""
    order = ["undefended", "paper", "shield", "told", "true"]
    methods = [m for m in order for _ in range(3 * len(m))]
    rows = [
        {"model": "m", "method": method, "condition": f"c{k}", "metric": metric}
        for k in range(count // len(methods) + 1)
        for method in methods
        for metric in ("right", "passes")
    ]
    found = list(keys(pa.Table.from_pylist(rows)))
    assert found == list(dict.fromkeys(tuple(row.values()) for row in rows))
