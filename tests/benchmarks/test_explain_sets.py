"""What the benchmark of sets on photos counts, on sets that are known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from benchmarks import explain_sets as sets
from interlock.models import Classifier

HALVES = torch.zeros(2, 4, 4, dtype=torch.bool)
HALVES[0, :2], HALVES[1, 2:] = True, True


def test_a_region_belongs_to_the_set_with_most_of_its_evidence() -> None:
    atoms = torch.zeros(3, 4, 4, dtype=torch.bool)
    atoms[0, :3, 0], atoms[1, 3, :], atoms[2, 0, 3] = True, True, True
    saliency = torch.ones(4, 4)
    assert sets.homes(atoms, saliency, HALVES) == [0, 1, 0]
    saliency[0, 3] = 0
    assert sets.homes(atoms, saliency, HALVES) == [0, 1, None]
    assert sets.homes(atoms, saliency, HALVES[:0]) == [None] * 3


def test_overlap_matches_one_to_one_and_pays_for_the_unmatched() -> None:
    assert sets.overlap(HALVES, HALVES.flip(0)) == 1
    assert sets.overlap(HALVES, HALVES[:1]) == 0.5
    moved = HALVES.roll(1, dims=1)  # a row of two is another's
    assert sets.overlap(HALVES[:1], moved[:1]) == pytest.approx(4 / 12)
    assert sets.overlap(HALVES[:0], HALVES[:0]) == 1


def test_pieces() -> None:
    assert sets.largest_piece(HALVES) == 1
    dust = torch.eye(4, dtype=torch.bool)[None].clone()
    assert sets.largest_piece(dust) == 1  # corners touch
    dust[0, 1, 1] = False
    assert sets.largest_piece(dust) == pytest.approx(2 / 3)


def test_the_area_is_over_pairs_of_all_photos_and_draws_photos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sets, "DRAWS", 20)

    def row(*pairs: tuple[bool, float]) -> dict[str, object]:
        one = {"pairs": pairs, "ari": 0.5, "iou": 0.5, "piece": 1.0}
        return dict.fromkeys(sets.METHODS, one)

    rows = [row((True, 0.9), (False, 0.2)), row((True, 0.1), (False, 0.05))]
    assert sets.auroc(rows, "merge") == pytest.approx(3 / 4)
    assert np.isnan(sets.auroc(rows[:0], "merge"))
    assert "| merge | 0.75 [" in sets.table(rows)


def test_photos_of_one_name_in_two_classes_are_two_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[float] = []

    def compared(_: object, __: object, x: torch.Tensor) -> dict[str, sets.Measured]:
        measured.append(float(x.mean()))
        return {"merge": sets.Measured([], float(x.mean()), 0.0, 1.0)}

    files = [tmp_path / folder / "image_0001.png" for folder in ("cup", "watch")]
    for k, file in enumerate(files):
        file.parent.mkdir()
        Image.new("RGB", (4, 4), (200 * k,) * 3).save(file)
    monkeypatch.setattr(sets, "OUT", tmp_path / "out")
    monkeypatch.setattr(sets, "compared", compared)
    classifier = Classifier(torch.nn.Identity(), to_tensor, ["a"], "none")
    rows = [*sets.measured("some", classifier, files)]
    assert len({row["merge"]["ari"] for row in rows}) == 2
    assert [*sets.measured("some", classifier, files)] == rows
    assert len(measured) == 2
    assert [*sets.kept("some")] == ["cup/image_0001.png", "watch/image_0001.png"]


def to_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
