"""What a person gets of a finished study: tables, a page, differences, pictures."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interlock.lab.results.summary import Summary, summarise
from interlock.lab.results.tables import markdown, tables
from interlock.lab.store import Store
from tests.lab.cheap import NOISE, PIXELS, write_images, write_study
from tests.lab.running import complaints, here, lab, table

MOODY = 'method = "tests.lab.cheap:moody"\nname = "moody"'


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_images(folder / "images", 6)
    here(write_study(folder, PIXELS, NOISE, MOODY, seeds="[0, 1]"), folder / "out")
    return folder / "out"


def test_lines_are_means_over_images(out: Path) -> None:
    found = summarise(out)
    lines = {(line.method, line.metric): line for line in found.lines}
    assert [line.method for line in found.lines] == ["pixels"] * 2 + ["noise"] * 2 + ["moody"] * 2
    rows = table(out)
    for (method, metric), line in lines.items():
        mine: dict[str, list[float]] = {}
        for r in rows:
            if (r["method"], r["metric"]) == (method, metric) and r["error"] is None:
                mine.setdefault(r["data"], []).append(r["value"])
        assert line.count == len(mine) == (3 if method == "moody" else 6)  # seeds are no images
        assert line.mean == pytest.approx(np.mean([np.mean(v) for v in mine.values()]))
        assert line.low is not None
        assert line.low <= line.mean <= line.high
        assert line.failed == (6 if method == "moody" else 0)


def test_tables_from_the_summary_alone(out: Path) -> None:
    found = summarise(out)
    back = Summary.from_dict(json.loads(json.dumps(found.to_dict())))
    assert back.lines == found.lines
    assert tables(back) == tables(found)
    text = markdown(tables(found))
    head, rule, *rows = text.splitlines()
    assert head == "|  | Gini | total | s |"
    assert rule == "| --- | ---: | ---: | ---: |"
    assert [row.split(" | ")[0] for row in rows] == ["| pixels", "| noise", "| moody"]
    assert "(6 failed)" in rows[2]


def test_seconds_of_a_method_outlive_a_metric_that_was_added(out: Path) -> None:
    """The map was kept, so rows of the new metric know no seconds."""
    found = summarise(out)
    later = [replace(line, metric="later", seconds=None) for line in found.lines]
    (before,), (after,) = (
        tables(replace(found, lines=lines)) for lines in (found.lines, (*found.lines, *later))
    )
    assert [row[-1] for row in after.rows] == [row[-1] for row in before.rows]
    assert all(row[-1] for row in before.rows)


def test_report_by_the_command(out: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    found = lab("report", out, "--summary", summary)
    page = Path(found["report"]).read_text("utf-8")
    assert "http" not in re.sub(r'http-equiv|"data:[^"]*"', "", page)  # loads nothing
    assert page.count("data:image/png;base64,") >= 2
    assert "RuntimeError: too bright for me" in page
    for line in summarise(out).lines:
        assert f"{line.mean:.3f}" in page
    assert Summary.from_dict(json.loads(summary.read_text())) == summarise(out)
    assert json.loads(summary.read_text())["lines"] == found["lines"]


def test_compare_two_methods(out: Path) -> None:
    found = lab("compare", "pixels", "noise", "--study", out)["differences"]
    values: dict[tuple[str, str, str], list[float]] = {}
    for r in table(out):
        if r["error"] is None:
            values.setdefault((r["method"], r["metric"], r["data"]), []).append(r["value"])
    for one in found:
        gaps = [
            np.mean(v) - np.mean(values["pixels", one["metric"], data])
            for (method, metric, data), v in values.items()
            if (method, metric) == ("noise", one["metric"])
        ]
        assert one["count"] == 6
        assert one["difference"] == pytest.approx(np.mean(gaps))
        assert one["low"] <= one["difference"] <= one["high"]
    (line,) = complaints("compare", "pixels", "nois", "--study", out)
    assert line == "error: 'nois': unknown method; did you mean noise?"
    (line,) = complaints("compare", "pixels", "noise")
    assert line.startswith("error: pixels: no such folder; ")


def test_compare_two_studies(out: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "images", 6)
    here(write_study(tmp_path, PIXELS + "\noptions = {scale = 3.0}"), tmp_path / "out")
    found = lab("compare", out, tmp_path / "out")["differences"]
    by_metric = {one["metric"]: one for one in found}
    assert {one["method"] for one in found} == {"pixels"}
    assert by_metric["gini"]["difference"] == pytest.approx(0, abs=1e-6)
    assert by_metric["total"]["b"] == pytest.approx(3 * by_metric["total"]["a"], rel=1e-5)


def test_show_the_picture_behind_a_number(out: Path, tmp_path: Path) -> None:
    row = next(r for r in table(out) if r["method"] == "pixels" and r["metric"] == "total")
    found = lab("show", out, row["item"][:12], "--out", tmp_path / "p.png")
    assert found["item"] == row["item"]
    assert found["values"]["total"] == row["value"]
    picture = Image.open(found["png"])
    assert picture.width > 2 * picture.height * 0.8
    assert len(picture.getcolors(1 << 20) or []) > 20
    bad = next(r for r in table(out) if r["error"])
    failed = lab("show", out, bad["item"])
    assert (failed["png"], failed["error"]) == (None, "RuntimeError: too bright for me")
    (line,) = complaints("show", out, "zzzzzzz")
    assert "no item" in line
    (line,) = complaints("show", out, "ab")
    assert "at least 4 characters" in line


def test_no_artefacts_no_picture(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 2)
    study = write_study(tmp_path, PIXELS)
    study.write_text("artefacts = false\n" + study.read_text())
    here(study, tmp_path / "out")
    assert not list((tmp_path / "out" / "artefacts").rglob("*.npz"))
    row = table(tmp_path / "out")[0]
    (line,) = complaints("show", tmp_path / "out", row["item"])
    assert "no picture was kept" in line


def test_stale_rows_are_in_no_table(tmp_path: Path) -> None:
    """After an edit of the study its old values stay on disk, and out of its tables."""
    write_images(tmp_path / "images", 3)
    out = tmp_path / "out"
    here(write_study(tmp_path, PIXELS), out)
    first = summarise(out)
    here(write_study(tmp_path, PIXELS + "\noptions = {scale = 2.0}"), out)
    second = summarise(out)
    assert Store(out).table().num_rows == 12
    assert [line.count for line in second.lines] == [3, 3]
    assert second.lines[1].mean == pytest.approx(2 * (first.lines[1].mean or 0), rel=1e-6)


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_folder_without_a_study(command: str, tmp_path: Path) -> None:
    (line,) = complaints(command, tmp_path / "none")
    assert line == f"error: {tmp_path / 'none'}: holds no study; interlock lab run makes one"
