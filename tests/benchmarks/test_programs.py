from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import _photos
import _quality_table
import certify_embedded
import explain_quality
import explain_speed


def test_the_halves_share_no_photo() -> None:
    if not _photos.available():
        pytest.skip("../shared is not there")
    tuning, report = _photos.half_of("tuning"), _photos.half_of("report")
    assert len(tuning) == len(report) == 300
    assert not {p.file for p in tuning} & {p.file for p in report}
    assert len(report) > 120  # room for photos that the model gets wrong


def test_without_shared_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(_photos, "ROOT", tmp_path / "clone")
    monkeypatch.setattr(_photos, "PHOTOS", tmp_path / "shared" / "photos")
    assert explain_quality.main([]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["skipped: ../shared/photos is not there"]


class TwoPatches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = x[:, :, :8, :8].mean(dim=(1, 2, 3)).relu() * 9
        return torch.stack([torch.zeros_like(score), score], dim=1)


class FakePhoto:
    file, label = "photo.jpg", 1

    def load(self) -> torch.Tensor:
        return torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0))


def test_peers_are_cut_to_the_pixels_of_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_quality, "_model", TwoPatches(), raising=False)
    methods = (explain_quality.DEFAULT, "IG, positive", "Random")
    job = explain_quality.Job(FakePhoto(), methods, seed=0, pixels=None, known=frozenset())
    ours, ig, chance = explain_quality.run(job)
    assert ours["method"] == explain_quality.DEFAULT
    assert chance["cut_nonzero"] * 24 * 24 == pytest.approx(ours["pixels"])
    assert ig["cut_nonzero"] <= ours["nonzero"]
    assert ig["cut_gini"] > ig["gini"]
    assert ig["cut_road"] > chance["cut_road"]


def test_known_records_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_quality, "_model", TwoPatches(), raising=False)
    methods = (explain_quality.DEFAULT, "Random")
    first = explain_quality.run(
        explain_quality.Job(FakePhoto(), methods, seed=0, pixels=None, known=frozenset())
    )
    known = frozenset(r["key"] for r in first)
    again = explain_quality.Job(FakePhoto(), methods, 0, first[0]["pixels"], known)
    assert explain_quality.run(again) == []


def test_peers_are_kept_when_only_h_sets_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_quality, "_model", TwoPatches(), raising=False)
    methods = (explain_quality.DEFAULT, "Random")
    first = explain_quality.run(
        explain_quality.Job(FakePhoto(), methods, seed=0, pixels=None, known=frozenset())
    )
    job = explain_quality.Job(FakePhoto(), methods, 0, None, frozenset({first[1]["key"]}))
    assert [r["method"] for r in explain_quality.run(job)] == [explain_quality.DEFAULT]


def test_the_table_shows_paired_differences() -> None:
    def record(road: float, **more: float) -> dict[str, float]:
        return {"nonzero": 0.1, "gini": 0.9, "road": road, "grey": 0.2, "seconds": 1.0} | more

    reference = [record(0.5), record(0.9)]
    cut = {"cut_gini": 0.9, "cut_grey": 0.1}
    peer = [record(0.4, cut_road=0.2, **cut), record(0.8, cut_road=0.6, **cut)]
    cells = dict(
        zip(_quality_table.HEADER, _quality_table.row("peer", peer, reference), strict=True)
    )
    assert cells["H-Sets − ROAD"] == "0.100 ± 0.000"
    assert cells["H-Sets − ROAD, cut"] == "0.300 ± 0.000"
    ours = dict(
        zip(_quality_table.HEADER, _quality_table.row("x", reference, reference), strict=True)
    )
    assert ours["H-Sets − ROAD, cut"] == ours["ROAD, cut"] == ""


def test_interleaving_leaves_out_the_first_turn() -> None:
    order: list[str] = []
    tasks = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    seconds, _ = explain_speed.interleaved(tasks, 3, lambda: None)
    assert order == ["a", "b"] * 4
    assert [len(s) for s in seconds.values()] == [3, 3]


def test_the_peak_of_memory_counts_what_is_already_gone() -> None:
    slack = 4 * 1024  # Linux counts pages in batches, thread by thread
    before = explain_speed.peak_kilobytes()
    block = torch.ones(before * 1024 // 4)  # as much again as ever before, in float32
    del block
    assert explain_speed.peak_kilobytes() > before + 64 * 1024 - slack


def test_the_formula_overclaims_where_attacks_differ_and_the_bound_does_not() -> None:
    """A quarter of the attacks is never refused, so every vote refuses three quarters of them."""
    refused = np.zeros((80, 11), dtype=bool)
    refused[:60] = True
    ours, formula = certify_embedded.split_claims(refused, 7, splits=100, seed=0)
    assert ours.everywhere == pytest.approx(0.75)
    assert (ours.bound > ours.everywhere).mean() <= 0.05
    assert (formula.bound > formula.everywhere).all()
    assert formula.other.mean() == pytest.approx(0.75, abs=0.01)
