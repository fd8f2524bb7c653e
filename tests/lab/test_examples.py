"""The studies that ship with the project run, and find something."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import _cifar, _hardened, _known, _lite, _parts, _small_net
from interlock.lab.open_task import open_task
from interlock.lab.results.summary import summarise
from interlock.lab.study import read_study
from interlock.lab.task import Setting
from tests.lab.running import complaints, lab
from tests.programs import ROOT

STUDIES = sorted((ROOT / "examples").rglob("*.toml")) + sorted(
    (ROOT / "benchmarks").rglob("*.toml")
)
SMALL = sorted((ROOT / "examples" / "studies").glob("*.toml"))


@pytest.fixture(scope="module")
def lists_of_photos() -> None:
    """What ``benchmarks/defend_photos.py`` writes for the studies of photos."""
    subprocess.run([sys.executable, ROOT / "benchmarks" / "defend_photos.py"], check=True)


def stand_in(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that no recipe has made here, for what a study asks of them."""
    if "_lite:" in text and not _lite.PACKAGES.is_dir():
        pytest.skip(f"{_lite.PACKAGES.name} is not there; recipes/efficientnet_lite.py fetches it")
    if "_hardened:" in text:
        monkeypatch.setattr(_hardened, "WEIGHTS", folder)
        save_file(_cifar.resnet20().model.state_dict(), folder / "cifar10.safetensors")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_studies_are_well_formed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    study, text = read_study(path), path.read_text("utf-8")
    lists = "../build/defend/" in text
    if ("../shared" in text or lists) and not (ROOT / "../shared").is_dir():
        pytest.skip("shared/ with real models and photos is not beside the project")
    if lists:
        request.getfixturevalue("lists_of_photos")
    if "../build/explain_scenes/" in text:
        monkeypatch.setattr(_known, "OUT", tmp_path)  # networks that nobody trained
        for rule in ("xor", "and"):
            network = _small_net.build(_parts.CLASSES[rule])
            torch.save(network.state_dict(), _known.weights(rule))
        _known.write_scenes()
    stand_in(text, tmp_path, monkeypatch)
    task = open_task(Setting(study, path.name, path.parent))
    # Limits leave jobs without items behind.
    last = next(job for job in (task.jobs[k] for k in range(-1, -len(task.jobs), -1)) if job.items)
    assert task.jobs[0].items[0].id != last.items[-1].id


@pytest.mark.parametrize(
    "path",
    [path for path in STUDIES if "../shared" in path.read_text()],
    ids=lambda path: path.stem,
)
def test_without_shared_there_is_one_clear_line_for_each_part(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = (ROOT / "../shared").is_dir()
    if there:
        stand_in(path.read_text(), tmp_path, monkeypatch)
    here = tmp_path / "project" / "examples" / "paper"
    here.mkdir(parents=True)
    copy = here / path.name
    copy.write_text(path.read_text())
    line, *more = complaints("run", copy, "--out", tmp_path / "out")
    assert re.search(r"(models|data)\[0\].*[Nn]o such (file|directory)", line)
    assert "shared" in line
    # Models of the benchmarks' own code are found where the tests run, and need shared/ there.
    if there:
        assert not more
    for number, line in enumerate(more, start=1):
        assert f"models[{number}]" in line
        assert re.search(
            r"[Nn]o such (file|directory).*shared|not there; run python recipes/", line
        )


@pytest.mark.slow
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_small_studies_run(path: Path, tmp_path: Path) -> None:
    found = lab("run", path, "--out", tmp_path)
    assert found["computed"] == found["items"] > 0
    assert lab("run", path, "--out", tmp_path)["reused"] == found["items"]
    lines = {(one.method, one.condition, one.metric): one.mean for one in summarise(tmp_path).lines}
    if path.stem == "explain":
        assert (lines["H-Sets", "", "road"] or 0) > (lines["random", "", "road"] or 0) + 0.2
    if path.stem == "defend":
        assert lines["undefended", "clean", "right"] == 1
        assert (lines["ceiling", "patch, 3 %", "right"] or 0) > (
            lines["undefended", "patch, 3 %", "right"] or 0
        )
    if path.stem == "certify":
        assert lines["undefended", "gcg", "defended"] == 0
        assert (lines["swap, q = 10 %, N = 7", "gcg", "defended"] or 0) > 0.8
    page = Path(lab("report", tmp_path)["report"]).read_text("utf-8")
    assert "Results" in page
