"""``interlock lab`` where only what interlock requires is installed, without the extra ``lab``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.cheap import PIXELS, write_images, write_study
from tests.programs import PROGRAM, ROOT

EXTRA = ("captum", "shapiq", "sklearn")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python, workers too, has none of the extra's libraries."""
    (tmp_path / "bare").mkdir()
    lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in EXTRA)]
    (tmp_path / "bare" / "sitecustomize.py").write_text("\n".join(lines))
    folders = map(str, (tmp_path / "bare", ROOT / "src", ROOT))
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders)}


def run(study: Path, out: Path, bare: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["lab", "run", study, "--out", out, "--workers", 1, "--json"]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, command)],
        cwd=ROOT, env=bare, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_study_that_needs_none_of_it_runs(tmp_path: Path, bare: dict[str, str]) -> None:
    write_images(tmp_path / "images", 2)
    study = write_study(tmp_path, PIXELS, 'method = "gradient-input"')
    done = run(study, tmp_path / "out", bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["computed"] == 4


def test_one_that_needs_it_is_one_line_that_names_it(tmp_path: Path, bare: dict[str, str]) -> None:
    write_images(tmp_path / "images", 2)
    study = write_study(tmp_path, PIXELS, 'method = "kernel-shap"')
    done = run(study, tmp_path / "out", bare)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        "error: study.toml: methods[1].method: 'kernel-shap': peer 'kernel-shap' needs captum and "
        "sklearn; install it with: pip install 'interlock[lab]'"
    )
