"""Counting who is right: intervals, and the worst case image by image."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import LocalGradientsSmoothing
from interlock.defend.defences import Scene
from interlock.lab.results.evaluation import MASKED, Case, Evaluation, Ordeal, Share
from interlock.lab.tasks.defend.defences import build

ORDEALS = [
    Ordeal("clean", None, "clean"),
    *(
        Ordeal(attack, area, f"{attack}, {100 * area:g} %")
        for attack in ("patch", "l2")
        for area in (0.01, 0.02)
    ),
]
RIGHT = {  # a digit for each image
    "clean": {"shield": "1111", "undefended": "1111"},
    "patch, 1 %": {"shield": "1110", "undefended": "1000"},
    "patch, 2 %": {"shield": "1100", "undefended": "0100"},
    "l2, 1 %": {"shield": "0111", "undefended": "0000"},
    "l2, 2 %": {"shield": "1111", "undefended": "0101"},
}


def values(
    right: dict[str, dict[str, str]] = RIGHT, names: str = "abcd"
) -> dict[tuple[str, ...], dict[str, float]]:
    """As ``by_item`` gives them."""
    made = {}
    for condition, rows in right.items():
        masked = "1100" if condition == "patch, 1 %" else "0000"
        rows = {f"{name} right": digits for name, digits in rows.items()}
        for key, digits in (rows | {"shield passes": "1234", "shield masked": masked}).items():
            method, metric = key.split()
            pairs = zip(names, digits, strict=False)
            made["m", method, condition, metric] = {k: float(v) for k, v in pairs if v != " "}
    return made


EVALUATION = Evaluation.of(values(), ORDEALS)


def only(*kept: int) -> Evaluation:
    return Evaluation.of(values(), [ORDEALS[k] for k in kept])


def test_wilson_s_interval_as_published() -> None:
    assert Share(8, 10).estimate == pytest.approx((0.8, 0.4901625, 0.9433178), abs=1e-6)
    assert Share(0, 0).estimate[1:] == (0.0, 1.0)
    assert math.isnan(Share(0, 0).estimate[0])
    assert Share(0, 0).to_dict()["value"] is None


def test_the_worst_case_counts_an_image_only_where_all_rounds_are_survived() -> None:
    one, two, all_of_them = EVALUATION.worst()
    assert (one.area, one.rounds, one.right["shield"]) == (0.01, 2, Share(2, 4))
    assert (two.area, two.right["undefended"]) == (0.02, Share(1, 4))
    assert (all_of_them.area, all_of_them.rounds) == (None, 4)
    assert all_of_them.right == {"undefended": Share(0, 4), "shield": Share(1, 4)}


def test_of_one_round_there_is_no_worst() -> None:
    assert only(0, 1).worst() == []
    (over_sizes,) = only(0, 1, 2).worst()
    assert (over_sizes.area, over_sizes.right["shield"]) == (None, Share(2, 4))


def test_only_defences_of_all_rounds_have_a_worst_case() -> None:
    fewer = {k: v for k, v in values().items() if k[1:3] != ("undefended", "l2, 1 %")}
    (worst,) = Evaluation.of(fewer, [ORDEALS[k] for k in (0, 1, 3)]).worst()
    assert worst.right == {"shield": Share(2, 4)}


def test_images_that_have_not_been_through_everything_do_not_count() -> None:
    """One failed under one attack, and the last was not reached when the run was stopped."""
    some = RIGHT | {"l2, 2 %": {"shield": "11 1", "undefended": "010"}}
    evaluation = Evaluation.of(values(some), ORDEALS)
    assert evaluation.images == ("a", "b")
    assert evaluation.clean.share("shield") == Share(2, 2)
    assert evaluation.clean.passes == {"shield": 1.5}
    nothing = Evaluation.of(values(RIGHT | {"l2, 2 %": {"shield": "", "undefended": ""}}), ORDEALS)
    assert nothing.images == ()


def test_saved_and_lost() -> None:
    """Saved where the patch fools the bare model alone, lost where it costs a right answer."""
    assert EVALUATION.cases(1)[:3] == [
        Case("saved", ORDEALS[1], "b"),
        Case("lost", ORDEALS[1], "d"),
        Case("saved", ORDEALS[2], "a"),
    ]
    every = EVALUATION.cases(9)
    assert [c.image for c in every if c.ordeal == ORDEALS[1]] == ["b", "c", "d"]
    assert [c.image for c in every if c.ordeal == ORDEALS[2] and c.kind == "lost"] == ["c", "d"]
    wrong = RIGHT | {"clean": {"shield": "1110", "undefended": "1111"}}
    cases = Evaluation.of(values(wrong), ORDEALS).cases(9)
    assert "d" not in {case.image for case in cases}  # wrong without a patch


def test_the_tables_are_one_for_each_attack_with_a_column_for_each_size() -> None:
    clean, patch, l2, worst, over_all = EVALUATION.tables()
    assert (clean.name, clean.areas) == ("clean", (None,))
    assert [table.name for table in (patch, l2)] == ["patch", "l2"]
    assert (worst.name, worst.areas) == ("worst attack on each photo", (0.01, 0.02))
    assert over_all.name == "worst attack and size on each photo"
    assert patch.areas == (0.01, 0.02)
    assert [row.name for row in patch.rows] == ["shield", "undefended", MASKED]
    assert patch.rows[0].shares == (Share(3, 4).estimate, Share(2, 4).estimate)
    assert patch.rows[0].passes == (2.5, 2.5)
    assert patch.rows[1].passes == (None, None)
    assert patch.rows[2].shares == (Share(2, 4).estimate, Share(0, 4).estimate)
    assert worst.rows[0].shares == (Share(2, 4).estimate, Share(2, 4).estimate)
    assert over_all.rows[0].shares == (Share(1, 4).estimate,)
    assert [table.name for table in only(0, 1, 2).tables()][-1] == "worst size on each"


def test_the_plain_values_hold_every_defence() -> None:
    told = EVALUATION.to_dict()
    assert (told["images"], told["clean"]["shield"]["hits"]) == (4, 4)
    first = told["patched"][0]
    assert (first["attack"], first["area"], first["masked"]["hits"]) == ("patch", 0.01, 2)
    assert (first["shield"]["passes"], first["undefended"]["passes"]) == (2.5, None)
    assert [w["shield"]["hits"] for w in told["worst"]] == [2, 2, 1]
    assert [w["trials"] for w in told["worst"]] == [2, 2, 4]


def test_who_is_told_a_size_is_clean_for_each() -> None:
    sized = {
        ("m", "patchcleanser", "clean, 1 %", "right"): dict(
            zip("abcd", [1.0, 0, 0, 0], strict=True)
        ),
        ("m", "patchcleanser", "clean, 1 %", "passes"): dict.fromkeys("abcd", 36.0),
    }
    ordeals = [ORDEALS[0], Ordeal("clean", 0.01, "clean, 1 %"), ORDEALS[1]]
    evaluation = Evaluation.of(values() | sized, ordeals)
    (row,) = evaluation.to_dict()["clean_by_area"]
    assert set(row) == {"area", "patchcleanser"}
    assert (row["area"], row["patchcleanser"]["hits"]) == (0.01, 1)
    assert row["patchcleanser"]["passes"] == 36
    assert [one.ordeal for one in evaluation.patched] == [ORDEALS[1]]
    last = evaluation.tables()[0].rows[-1]
    assert (last.name, last.shares, last.passes) == (
        "patchcleanser, 1 %", (Share(1, 4).estimate,), (36.0,)
    )  # fmt: skip


class Level(nn.Module):
    """Class 1 where the image is brighter than zero on average."""

    def forward(self, x: Tensor) -> Tensor:
        level = x.mean(dim=(1, 2, 3))
        return torch.stack([-level, level], dim=1)


def test_peers_know_what_black_is() -> None:
    """Smoothing pulls towards black, which the pixels at hand do not tell."""
    x = torch.rand(6, 3, 20, 20, generator=torch.Generator().manual_seed(4))
    labels = []
    for black in ((-8.0, 8.0), (0.0, 1.0)):
        model = Level().eval()
        smoothing = LocalGradientsSmoothing(model, bounds=black)
        with torch.no_grad():
            row = build("lgs", model, None, {}, black).row
            labels.append(row.defence(x, Scene(None, 0)).labels)
        assert torch.equal(labels[-1], smoothing.predict(x))
    assert not torch.equal(*labels)
