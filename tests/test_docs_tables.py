"""Tables in README and docs say what the summaries of the studies say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interlock.errors import DataError
from interlock.lab.documents import names, renewed
from interlock.lab.summary import Summary

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tables_are_those_of_their_summaries(path: Path) -> None:
    document = path.read_text("utf-8")
    assert renewed(document, RESULTS) == document, "run python benchmarks/update_docs.py"


def test_every_summary_is_shown_somewhere() -> None:
    shown = {name for path in DOCUMENTS for name in names(path.read_text("utf-8"))}
    assert shown == {path.stem for path in RESULTS.glob("*.json")}
    assert shown


def test_a_stale_table_is_noticed_and_renewed(tmp_path: Path) -> None:
    found = json.loads((RESULTS / "explain.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps(found))
    document = "before\n<!-- lab:one -->\nold\n<!-- /lab -->\nafter\n"
    fresh = renewed(document, tmp_path)
    assert fresh.startswith("before\n<!-- lab:one -->\n\n| ")
    assert fresh.endswith(" |\n\n<!-- /lab -->\nafter\n")
    for line in Summary.from_dict(found).lines:
        assert f"{line.mean:.3f}" in fresh
    assert renewed(fresh, tmp_path) == fresh
    found["lines"][0]["mean"] += 1
    (tmp_path / "one.json").write_text(json.dumps(found))
    assert renewed(fresh, tmp_path) != fresh


def test_some_rows_alone(tmp_path: Path) -> None:
    found = json.loads((RESULTS / "explain.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps(found))
    whole = renewed("<!-- lab:one -->\n<!-- /lab -->\n", tmp_path).splitlines()
    some = renewed("<!-- lab:one; random; H-Sets -->\n<!-- /lab -->\n", tmp_path)
    assert some.splitlines()[2:-2] == [
        *whole[2:4],
        *(line for line in whole if line.startswith("| random")),
        *(line for line in whole if line.startswith("| H-Sets")),
    ]
    assert renewed(some, tmp_path) == some
    assert names(some) == ["one"]
    with pytest.raises(DataError, match="no row 'h-sets'; there are "):
        renewed("<!-- lab:one; h-sets -->\n<!-- /lab -->\n", tmp_path)


def test_columns_that_are_empty_for_the_rows_are_left_out(tmp_path: Path) -> None:
    found = json.loads((RESULTS / "defend.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps(found))
    some = renewed("<!-- lab:one; clean, 3 % -->\n<!-- /lab -->\n", tmp_path)
    assert some.splitlines()[2] == "|  | images | patchcleanser |"


@pytest.mark.parametrize(
    "document",
    ["<!-- lab:none -->\n<!-- /lab -->", "<!-- lab:one -->\n", "<!-- /lab -->\n"],
)
def test_markers_without_a_meaning(document: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        renewed(document, tmp_path)
