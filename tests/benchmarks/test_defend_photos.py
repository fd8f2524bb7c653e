"""The photos of the ``defend`` studies: which, and that none chose a setting."""

from __future__ import annotations

import csv

import pytest

import _photos
import defend_photos
from _victims import CALTECH, listed_caltech, listed_imagenet
from interlock.lab.study import DefendStudy, read_study

STUDIES = _photos.ROOT / "benchmarks" / "studies"


def test_parts_share_no_photo() -> None:
    if not (_photos.available() and CALTECH.is_dir()):
        pytest.skip("../shared is not there")
    for listed, sizes in ((listed_imagenet, (300, 100, 150)), (listed_caltech, (300, 150, 200))):
        parts = [{file for file, _ in listed(part)} for part in ("bank", "choose", "report")]
        assert tuple(map(len, parts)) == sizes
        assert len(set.union(*parts)) == sum(sizes)


def test_lists_name_the_files_from_where_they_lie() -> None:
    if not CALTECH.is_dir():
        pytest.skip("../shared is not there")
    listed = listed_caltech("report")
    rows = list(csv.DictReader(defend_photos.table(listed).splitlines()))
    found = [((defend_photos.OUT / row["file"]).resolve(), int(row["label"])) for row in rows]
    assert found == [(file.resolve(), label) for file, label in listed]
    assert not any(row["file"].startswith("/") for row in rows)


def test_without_shared_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = _photos.ROOT.parent / "nowhere" / "photos"
    monkeypatch.setattr(defend_photos, "SETS", {"imagenet": (gone, listed_imagenet)})
    assert defend_photos.main() == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    line = "error: ../nowhere/photos is not there; the defend studies need it"
    assert captured.err.splitlines() == [line]


STATIC = ("patch", "searched", "targeted", "l2", "two-patches", "universal")
AREAS = (0.01, 0.02, 0.03)


def study_of(name: str) -> DefendStudy:
    study = read_study(STUDIES / f"{name}.toml")
    assert isinstance(study, DefendStudy)
    assert study.attacked == "right"
    return study


@pytest.mark.parametrize("name", ["mobilenet", "embedded", "cifar10"])
def test_studies_ask_for_what_the_tables_promise(name: str) -> None:
    study = study_of(f"defend_{name}")
    whole = {(a.attack, area) for a in study.attacks for area in a.areas if a.limit is None}
    assert whole == {(attack, area) for attack in STATIC for area in AREAS}
    limited = {(a.attack, area) for a in study.attacks for area in a.areas if a.limit is not None}
    assert {area for attack, area in limited if attack in STATIC} == {0.005, 0.05}
    asked = {a.options["queries"] for a in study.attacks if a.attack == "black-box"}
    assert asked == {150, 1000}


@pytest.mark.parametrize("name", ["mobilenet", "embedded", "cifar10"])
def test_on_a_gpu_peers_meet_every_static_attack(name: str) -> None:
    study = study_of(f"defend_gpu_{name}")
    whole = {(a.attack, area) for a in study.attacks for area in a.areas if a.attack in STATIC}
    assert whole == {(attack, area) for attack in STATIC for area in AREAS}
    assert all(a.limit is None for a in study.attacks if a.attack in STATIC)
    everything = {f"{attack}, {100 * area:g} %" for attack in STATIC for area in AREAS}
    for part in study.methods:
        if part.method in ("paper", "patchcleanser") and not part.options:
            assert part.limit is None
            assert everything <= set(part.attacks or ())
    adaptive = next(a for a in study.attacks if a.attack == "adaptive")
    assert tuple(adaptive.areas) == AREAS
    assert adaptive.options == {"steps": 200, "restarts": 6}
    peer = next(part for part in study.methods if part.name == "PatchCleanser, true size")
    assert "adaptive" in (peer.attacks or ())
