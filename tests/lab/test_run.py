"""A study from end to end: what it computes, what it does not compute again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interlock.explain import gini
from interlock.lab.plan import Totals
from interlock.lab.status import Cause, study_status
from interlock.lab.store import Store
from tests.lab import cheap
from tests.lab.cheap import NOISE, PIXELS, write_images, write_study
from tests.lab.running import artefacts, complaints, here, lab, started, values
from tests.programs import ROOT


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_images(tmp_path / "images", 6)
    return write_study(tmp_path, PIXELS)


def test_values_are_those_of_the_method(study: Path, tmp_path: Path) -> None:
    found = lab("run", study, "--out", tmp_path / "out", "--workers", 1)
    assert {k: found[k] for k in ("items", "computed", "reused", "failed")} == {
        "items": 6, "computed": 6, "reused": 0, "failed": 0,
    }  # fmt: skip
    table = Store(tmp_path / "out").table().to_pylist()
    assert len(table) == 12
    for row in table:
        name = row["data"].removeprefix("images/")
        image = Image.open(tmp_path / "images" / name)
        saliency = cheap.Brightness.preprocess(image).abs().sum(dim=0)
        expected = gini(saliency) if row["metric"] == "gini" else float(saliency.sum())
        assert row["value"] == expected
        with np.load(Store(tmp_path / "out").artefact(row["artefact"])) as kept:
            assert np.array_equal(kept["saliency"], saliency.numpy())
        assert row["seconds"] >= 0
        assert row["engine"] == "local"
        assert row["threads"] == 1
        assert row["host"] == socket.gethostname()
        assert row["model"] == "brightness"
        assert row["method"] == "pixels"


def test_nothing_twice(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    here(study, out)
    before = values(out)
    again = here(study, out)
    assert (again.computed, again.reused) == (0, 6)
    assert values(out) == before
    # A method more: only it is computed. A label's name decides nothing.
    write_study(tmp_path, PIXELS.replace('name = "pixels"', 'name = "the image"'), NOISE)
    more = here(study, out)
    assert (more.items, more.computed, more.reused) == (12, 6, 6)
    assert {k: v for k, v in values(out).items() if k in before} == before
    # An option, a seed, a picture: each makes new items.
    write_study(tmp_path, PIXELS + "\noptions = {scale = 2.0}")
    assert here(study, out).computed == 6
    write_study(tmp_path, PIXELS, seeds="[1]")
    assert here(study, out).computed == 6
    Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / "00002.png")
    write_study(tmp_path, PIXELS)
    assert here(study, out).computed == 1
    # Elsewhere and under other names, pictures are the same.
    (tmp_path / "images").rename(tmp_path / "moved")
    (tmp_path / "moved" / "00000.png").rename(tmp_path / "moved" / "first.png")
    study.write_text(study.read_text().replace('path = "images"', 'path = "moved"'))
    assert here(study, out).computed == 0
    assert lab("status", out)["finished"] == 6


def test_a_metric_more_takes_the_kept_map(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_study(tmp_path, NOISE, metrics='["gini"]')
    here(study, out)
    kept = artefacts(out)
    write_study(tmp_path, NOISE)
    assert here(study, out).computed == 6
    assert artefacts(out) == kept
    rows = Store(out).table().to_pylist()
    assert sorted(r["metric"] for r in rows) == ["gini"] * 6 + ["total"] * 6
    assert all((r["seconds"] is None) == (r["metric"] == "total") for r in rows)
    for row in rows:
        with np.load(Store(out).artefact(row["artefact"])) as archive:
            total = float(archive["saliency"].sum())
        if row["metric"] == "total":
            assert row["value"] == pytest.approx(total, rel=1e-6)


def test_same_bytes_are_one_item(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 3)
    (tmp_path / "images" / "copy.png").write_bytes((tmp_path / "images" / "00001.png").read_bytes())
    totals = here(write_study(tmp_path, PIXELS), tmp_path / "out")
    assert (totals.items, totals.computed, totals.reused) == (4, 3, 1)
    assert len(values(tmp_path / "out")) == 6
    assert lab("status", tmp_path / "out")["finished"] == 4


@pytest.mark.slow
def test_order_and_workers_do_not_matter(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 5)
    study = write_study(tmp_path, NOISE, PIXELS)
    here(study, tmp_path / "one")
    study.write_text(study.read_text().replace('path = "images"', 'path = "images"\nshuffle = 3'))
    lab("run", study, "--out", tmp_path / "two", "--workers", 2)
    assert values(tmp_path / "one") == values(tmp_path / "two")
    assert artefacts(tmp_path / "one") == artefacts(tmp_path / "two")


def test_failures_are_kept_and_tried_again(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 6)
    mark, out = tmp_path / "mark", tmp_path / "out"
    moody = f'method = "tests.lab.cheap:moody"\noptions = {{mark = "{mark}"}}'
    study = write_study(tmp_path, moody, PIXELS)
    assert here(study, out) == Totals(items=12, computed=9, reused=0, failed=3)
    status = study_status(out)
    assert (status.items, status.finished, status.failed) == (12, 9, 3)
    expected = Cause("RuntimeError: too bright for me", 3, "images/00003.png")
    assert status.failures == [expected]
    assert here(study, out) == Totals(items=12, computed=0, reused=9, failed=3)
    (line,) = complaints("run", study, "--out", out)
    assert line == f"error: 3 of 12 items failed; interlock lab status {out} says why"
    mark.touch()
    assert here(study, out, retry_failed=True) == Totals(12, computed=3, reused=9, failed=0)
    assert len(values(out)) == 24
    assert study_status(out).failures == []


def test_unreadable_image_among_many(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 7)
    (images / "00003.png").write_bytes(b"no picture")
    (images / "00004.png").write_bytes((images / "00004.png").read_bytes()[:60])
    (images / "00005.png").unlink()
    (images / "00005.png").symlink_to("nowhere")
    out = tmp_path / "out"
    found = lab("run", write_study(tmp_path, PIXELS), "--out", out, "--workers", 1, code=1)
    assert (found["computed"], found["failed"]) == (found["items"] - 3, 3)
    errors = [failure["error"] for failure in lab("status", out)["failures"]]
    assert all("\n" not in error for error in errors)
    for name in ("00003.png", "00004.png", "00005.png"):
        assert any(name in error for error in errors)


@pytest.mark.slow
def test_a_method_that_kills_its_process(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 2)
    study = write_study(tmp_path, 'method = "tests.lab.cheap:deadly"', PIXELS)
    found = lab("run", study, "--out", tmp_path / "out", "--workers", 2, code=1)
    assert (found["items"], found["computed"], found["failed"]) == (4, 3, 1)
    (failure,) = lab("status", tmp_path / "out")["failures"]
    assert "its worker process died" in failure["error"]


@pytest.mark.slow
def test_a_script_without_a_guard(study: Path, tmp_path: Path) -> None:
    """Its workers run it again instead of starting; that is one line, and no loop."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from interlock.errors import InterlockError\n"
        "from interlock.lab import Setting, read_study, run_study\n"
        "from interlock.lab.engines.local import LocalEngine\n"
        f"study = Path({str(study)!r})\n"
        "setting = Setting(read_study(study), study.name, study.parent)\n"
        "try:\n"
        f"    run_study(setting, {str(tmp_path / 'out')!r}, LocalEngine(1))\n"
        "except InterlockError as error:\n    sys.exit(f'told: {error}')\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "told: no worker process could be started" in done.stderr


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 30)
    out = tmp_path / "out"
    study = write_study(tmp_path, PIXELS + "\noptions = {pause = 0.2}")
    first = started("run", study, "--out", out, "--workers", 1)
    while not (out / "plan.parquet").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    (line,) = complaints("run", study, "--out", out)
    assert line == (
        f"error: {out}: process {first.pid} on {socket.gethostname()} is at work there; wait for "
        "it, or choose another --out"
    )
    first.kill()
    first.wait()
    totals = here(study, out)  # whose holder is dead
    assert totals.computed + totals.reused == 30
    assert len(values(out)) == 60


def test_clock_set_back(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from interlock.lab import run

    out = tmp_path / "out"
    images = sorted((tmp_path / "images").iterdir())
    last = images[-1].rename(tmp_path / "later.png")
    here(study, out)
    before = values(out)

    class Past(run.datetime):  # type: ignore[name-defined,misc]
        @classmethod
        def now(cls, tz: object = None) -> run.datetime:  # type: ignore[name-defined]
            return cls(1999, 1, 1, tzinfo=run.UTC)  # type: ignore[attr-defined]

    monkeypatch.setattr(run, "datetime", Past)
    last.rename(images[-1])
    for path in (tmp_path / "images").iterdir():
        os.utime(path, (0, 0))
    found = here(study, out)
    assert (found.computed, found.reused) == (1, 5)
    assert {k: v for k, v in values(out).items() if k in before} == before
    assert {r["utc"][:4] for r in Store(out).table().to_pylist()} >= {"1999"}
    assert lab("status", out)["finished"] == 6


def test_rows_are_read_by_other_libraries(study: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    duckdb = pytest.importorskip("duckdb")
    out = tmp_path / "out"
    here(study, out)
    expected = sorted(v[2] for v in values(out).values())
    assert sorted(pandas.read_parquet(out / "rows")["value"]) == expected
    assert sorted(polars.read_parquet(out / "rows")["value"]) == expected
    query = f"SELECT value FROM '{out}/rows/*.parquet' ORDER BY value"
    assert [row[0] for row in duckdb.sql(query).fetchall()] == expected


def test_json_is_one_object(study: Path, tmp_path: Path) -> None:
    process = started("run", study, "--out", tmp_path / "out", "--workers", 1, "--json")
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["items"] == 6
    assert stderr == ""  # and no bar in a pipe
