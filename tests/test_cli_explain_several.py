"""``interlock explain`` on a folder, and with a second model beside the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlock.cli.explain.run import OTHER
from tests.test_cli import _plain_figures, files, one_error, run  # noqa: F401
from tests.tiny import photo

pytestmark = pytest.mark.usefixtures("_plain_figures")


def told(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_a_folder_ends_in_a_summary_of_each_class(tmp_path: Path) -> None:
    for seed in range(4):
        photo(tmp_path / "in" / f"{seed}.png", seed)
    value = told(tmp_path / "in", "--out", tmp_path / "out")
    labels = [image["label"] for image in value["images"]]
    several = {label for label in labels if labels.count(label) > 1}
    assert several
    assert set(value["classes"]) == {f"{one} in {labels.count(one)} photos" for one in several}
    page = Path(value["report"]).read_text()
    for name in value["classes"]:
        assert f">{name}<" in page
    assert page.index(value["classes"][0]) < page.index("data-explanation")
    alone = told(tmp_path / "in" / "0.png", "--out", tmp_path / "alone")
    assert alone["classes"] == []


def test_two_models_side_by_side(tmp_path: Path) -> None:
    for seed in range(2):
        photo(tmp_path / "in" / f"{seed}.png", seed)
    out = tmp_path / "out"
    compare = ("--compare", "tests.tiny:other")
    value = told(tmp_path / "in", "--out", out, *compare)
    assert files(out / OTHER) == {
        f"{k}.{kind}" for k in range(2) for kind in ("png", "json", "npz")
    }
    plain = told(tmp_path / "in", "--out", tmp_path / "plain")
    for image, same in zip(value["images"], plain["images"], strict=True):
        assert image["probability"] == same["probability"]
        assert image["other"]["probability"] != image["probability"]
        assert Path(image["other"]["files"]["npz"]).parent == out / OTHER
    page = Path(value["report"]).read_text()
    assert page.count("data-explanation") == 2 * 2 + page[page.index("<script") :].count(
        "data-explanation"
    )
    assert './other/0.png"' in page
    again = told(tmp_path / "in", "--out", out, *compare)
    assert all(image["reused"] and image["other"]["reused"] for image in again["images"])


def test_a_second_model_that_is_none(tmp_path: Path) -> None:
    given = photo(tmp_path / "a.png", 0)
    result = run(given, "--out", tmp_path / "out", "--compare", "tests.tiny:nobody")
    assert "nobody" in one_error(result)
