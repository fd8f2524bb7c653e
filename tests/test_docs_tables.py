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


@pytest.mark.parametrize(
    "document",
    ["<!-- lab:none -->\n<!-- /lab -->", "<!-- lab:one -->\n", "<!-- /lab -->\n"],
)
def test_markers_without_a_meaning(document: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        renewed(document, tmp_path)
