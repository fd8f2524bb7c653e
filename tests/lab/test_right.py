"""Which images an ``explain`` study explains, and as which class."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.lab.plan import Totals
from interlock.lab.results.compare import compare_methods
from interlock.lab.results.summary import summarise
from tests.lab.cheap import NOISE, PIXELS, write_images, write_study
from tests.lab.running import here, table

LABELS = ["dark", "bright", "dark", "dark", "bright", "bright"]  # the model has 1 and 3 wrong
CSV = """kind = "csv"
path = "labels.csv"
name = "images"
options = { classes = ["dark", "bright"] }"""


def write(folder: Path, labels: list[str], keys: str = 'explained = "right"') -> Path:
    write_images(folder / "images", 6)
    lines = [f"images/{k:05}.png,{label}" for k, label in enumerate(labels)]
    (folder / "labels.csv").write_text("file,label\n" + "\n".join(lines) + "\n")
    path = write_study(folder, PIXELS, NOISE)
    text = path.read_text().replace('kind = "folder"\npath = "images"', CSV)
    path.write_text(text.replace('task = "explain"', f'task = "explain"\n{keys}'))
    return path


def test_only_what_the_model_has_right(tmp_path: Path) -> None:
    out = tmp_path / "out"
    study = write(tmp_path, [*LABELS[:3], "bright", *LABELS[4:]])
    assert here(study, out) == Totals(12, computed=12, reused=0, failed=0)
    left = {r["data"] for r in table(out) if r["value"] is None}
    assert left == {"images/images/00001.png"}
    assert all(r["error"] is None for r in table(out))
    assert {line.count for line in summarise(out).lines} == {5}
    assert {line.failed for line in summarise(out).lines} == {0}
    assert here(study, out).computed == 0


def test_another_label_is_another_item(tmp_path: Path) -> None:
    """Two items are of the image whose label changed; the others are kept."""
    for keys in ('explained = "right"', 'target = "label"'):
        folder = tmp_path / keys[:4]
        out = folder / "out"
        assert here(write(folder, LABELS, keys), out).computed == 12
        again = write(folder, ["bright", *LABELS[1:]], keys)
        assert here(again, out) == Totals(12, computed=2, reused=10, failed=0)
    folder = tmp_path / "none"
    here(write(folder, LABELS, ""), folder / "out")
    assert here(write(folder, ["bright", *LABELS[1:]], ""), folder / "out").computed == 0


def test_every_second_item(tmp_path: Path) -> None:
    study = write(tmp_path, LABELS, "")
    text = study.read_text().replace('name = "images"', 'name = "x"\noffset = 1\nstep = 2')
    study.write_text(text)
    here(study, tmp_path / "out")
    assert {r["data"][-5] for r in table(tmp_path / "out")} == set("135")


def test_differences_are_those_of_compare(tmp_path: Path) -> None:
    out = tmp_path / "out"
    here(write(tmp_path, LABELS), out)
    found = summarise(out)
    assert found.first == "pixels"
    assert {gap.method for gap in found.differences} == {"noise"}
    for gap, one in zip(found.differences, compare_methods(out, "pixels", "noise"), strict=True):
        assert gap.metric == one.metric
        assert gap.count == one.count == found.lines[0].count
        assert (gap.difference, gap.low, gap.high, gap.p) == (
            one.difference, one.low, one.high, one.p
        )  # fmt: skip
        assert gap.difference == pytest.approx(gap.b - gap.a)
