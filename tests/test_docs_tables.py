"""Tables in README and docs say what the summaries of the studies say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks._documents import names, renewed
from interlock.errors import DataError
from interlock.lab.results.summary import Summary

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


def test_markers_choose_tables_methods_and_metrics(tmp_path: Path) -> None:
    one = {"model": "m", "condition": "", "count": 3, "failed": 0, "low": 0.0, "high": 1.0,
           "seconds": 1.0, "metric_seconds": None}  # fmt: skip
    lines = [
        one | {"method": method, "metric": metric, "mean": mean}
        for method, metric, mean in (
            ("A", "gini", 0.1), ("A", "road", 0.2), ("B", "gini", 0.3), ("B", "road", 0.4)
        )
    ]  # fmt: skip
    gap = {"model": "m", "method": "B", "condition": "", "metric": "road", "count": 3, "a": 0.2,
           "b": 0.4, "difference": 0.2, "low": 0.1, "high": 0.3, "p": 0.5}  # fmt: skip
    found = {"study": "s", "task": "explain", "items": 4, "lines": lines, "claims": [],
             "made": {}, "first": "A", "differences": [gap]}  # fmt: skip
    (tmp_path / "one.json").write_text(json.dumps(found))

    def shown(options: str) -> str:
        return renewed(f"<!-- lab:one{options} -->\n<!-- /lab -->", tmp_path)

    whole = shown("")
    assert all(text in whole for text in ("0.100", "0.200", "0.300", "0.400"))
    assert "+0.200" not in whole
    some = shown(' table=results methods="B" metrics="road"')
    assert "0.400" in some
    assert "**m, 3 images**" in some
    assert not any(text in some for text in ("0.100", "0.200", "0.300"))
    assert "| B | +0.200 [+0.100, +0.300] |" in shown(" table=differences")
    assert "minus A" in shown(' table=differences methods="B"')
    for wrong in (" table=none", ' methods="C"', " table=halves", ' colour="red"'):
        with pytest.raises(DataError, match="lab:one"):
            shown(wrong)


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


def test_numbers_of_the_readme_stand_in_the_tables_that_they_link_to() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    sentences = re.findall(r"^- \*\*Number:\*\*(.*?)(?=^- |^$)", readme, re.DOTALL | re.MULTILINE)
    assert len(sentences) == 4  # explain, defend, certify, guard
    for sentence in sentences:
        (page,) = re.findall(r"\((docs/[\w-]+\.md)", sentence)
        document = (ROOT / page).read_text("utf-8")
        tables = re.findall(r"^<!-- (?:lab|printed):.*?^<!-- /", document, re.DOTALL | re.MULTILINE)
        numbers = re.findall(r"\d+\.\d+", sentence)
        assert numbers
        for number in numbers:
            assert re.search(rf"(?<![\d.]){number}(?!\d)", "".join(tables)), (page, number)


def test_the_readme_is_short_and_names_files_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 120
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", readme) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
