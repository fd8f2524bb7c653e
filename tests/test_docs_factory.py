"""The factory of ``docs/explain.md`` is what the command takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interlock.cli import app
from tests.tiny import photo

DOCS = Path(__file__).parent.parent / "docs"
BEFORE = """
import numpy as np
import torch
from interlock.models import Classifier
from tests.networks import SmallCNN


class MyNetwork(SmallCNN):
    def forward(self, x):
        return super().forward(x)[:, :2]
"""


def test_the_factory_of_the_documents_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(# mine\.py.*?)```", (DOCS / "explain.md").read_text(), re.S)
    assert len([line for line in code.splitlines() if line and line[0] != "#"]) == 6
    assert "[six lines and two imports]" in (DOCS / "tutorials/own-classifier.md").read_text()
    (tmp_path / "mine.py").write_text(BEFORE + code)
    monkeypatch.chdir(tmp_path)
    given = photo(tmp_path / "photo.jpg", 3)
    fixed = ["--steps", "2", "--prior", "grid", "--out", "out", "--json"]
    result = CliRunner().invoke(app, ["explain", str(given), "--model", "mine:model", *fixed])
    assert result.exit_code == 0, result.output
    (image,) = json.loads(result.stdout)["images"]
    assert image["label"] in ("cat", "dog")
