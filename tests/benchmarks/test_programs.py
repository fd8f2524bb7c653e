from pathlib import Path

import pytest
import torch

import _photos
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
    assert not _photos.available()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["skipped: ../shared/photos is not there"]


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
