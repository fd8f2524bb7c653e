"""Which way is better, and what is best: on pages of studies, not in documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interlock.explain.measures.metrics import METRICS
from interlock.lab.pages.report import write_report
from interlock.lab.results.direction import HIGHER, directions
from interlock.lab.results.summary import Summary, summarise
from interlock.lab.results.tables import Table, markdown, tables
from tests.lab.cheap import NOISE, PIXELS, write_images, write_study
from tests.lab.running import here


def table(task: str, values: dict[tuple[str, str, str], Any], study: dict[str, Any]) -> Table:
    """Of (method, condition, metric) -> mean, or (mean, count)."""
    lines = []
    for (method, condition, metric), value in values.items():
        mean, count = value if isinstance(value, tuple) else (value, 9)
        lines.append(
            {"model": "m", "method": method, "condition": condition, "metric": metric,
             "count": count, "failed": 0, "mean": mean, "low": None, "high": None,
             "seconds": len(method), "metric_seconds": None}
        )  # fmt: skip
    found = {"study": "s", "task": task, "items": 9, "lines": lines, "claims": (), "made": {}}
    summary = Summary.from_dict(found | {"higher_is_better": directions(study | {"task": task})})
    (made,) = tables(summary)
    return made


def bold(made: Table) -> set[tuple[str, str]]:
    """(row, column) of what is best."""
    return {(made.rows[row][0], made.header[column]) for row, column in made.best}


METRIC = {"name": "", "options": {}}


def test_explain_takes_each_metric_s_own_direction_by_its_name_in_the_study() -> None:
    study = {
        "metrics": [
            METRIC | {"metric": "gini"},
            METRIC | {"metric": "deletion", "name": "gone"},
            METRIC | {"metric": "tests.lab.cheap:total", "name": "total"},
        ]
    }
    assert METRICS["gini"].higher_is_better
    assert not METRICS["deletion"].higher_is_better
    assert directions(study | {"task": "explain"}) == {"gini": True, "gone": False}
    values = {
        ("A", "", "gini"): 0.5, ("A", "", "gone"): 0.5, ("A", "", "total"): 0.5,
        ("BB", "", "gini"): 0.7, ("BB", "", "gone"): 0.7, ("BB", "", "total"): 0.7,
        ("CCC", "", "gini"): (0.9, 4), ("CCC", "", "gone"): 0.5004, ("CCC", "", "total"): 0.1,
    }  # fmt: skip
    made = table("explain", values, study)
    assert made.heads == ("", "↑", "↓", "", "↓")
    # C has Gini of fewer images; its deletion is shown as the same number as A's.
    assert bold(made) == {("BB", "Gini"), ("A", "gone"), ("CCC", "gone"), ("A", "s")}


def test_every_metric_of_defences_and_votes_has_its_direction_in_one_place() -> None:
    assert {name for name, higher in HIGHER.items() if not higher} == {"passes", "calls", "tokens"}
    assert "masked" not in HIGHER


def test_defences_are_compared_in_rows_and_the_ceiling_is_none_of_them() -> None:
    values = {
        ("undefended", "clean", "right"): 0.9, ("shield", "clean", "right"): 0.8,
        ("undefended", "clean", "passes"): 1.0, ("shield", "clean", "passes"): 2.0,
        ("undefended", "patch, 2 %", "right"): 0.1, ("shield", "patch, 2 %", "right"): 0.6,
        ("ceiling", "patch, 2 %", "right"): 0.9, ("few", "patch, 2 %", "right"): (1.0, 3),
    }  # fmt: skip
    made = table("defend", values, {})
    assert made.sides == ("↑", "↑", "↓", "↓")
    assert bold(made) == {
        ("clean", "undefended"), ("patch, 2 %", "shield"), ("passes, clean", "undefended"),
        ("s", "few"),
    }  # fmt: skip


def test_votes() -> None:
    values = {
        ("A", "gcg", "defended"): 0.5, ("B", "gcg", "defended"): 0.75,
        ("A", "benign", "answered"): 1.0, ("B", "benign", "answered"): 1.0,
        ("A", "gcg", "calls"): 1.0, ("B", "gcg", "calls"): 7.0,
    }  # fmt: skip
    made = table("certify", values, {})
    assert made.heads[:4] == ("", "↑", "↑", "↓")
    assert bold(made) >= {
        ("B", "gcg refused"), ("A", "benign answered"), ("B", "benign answered"),
        ("A", "calls a vote"),
    }  # fmt: skip


def test_one_alone_is_not_the_best() -> None:
    made = table("explain", {("A", "", "gini"): 0.5}, {"metrics": [METRIC | {"metric": "gini"}]})
    assert (made.heads[1], bold(made)) == ("↑", set())


def test_the_page_shows_them_and_documents_do_not(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 4)
    out = tmp_path / "out"
    here(write_study(tmp_path, PIXELS, NOISE, metrics='["gini", "nonzero"]'), out)
    page = write_report(out).read_text()
    assert '<th scope="col">Gini ↑</th><th scope="col">pixels ≠ 0 ↓</th>' in page
    summary = summarise(out)
    means = {line.method: line.mean for line in summary.lines if line.metric == "gini"}
    best = max(means, key=lambda method: means[method] or 0)
    row = page[page.index(f'<th scope="row">{best}</th>') :]
    assert row.partition("</th>")[2].startswith(f"<td><strong>{means[best]:.3f} [")
    for mark in ("↑", "↓", "**", "<strong>"):
        assert mark not in markdown(tables(summary))
    again = Summary.from_dict(json.loads(json.dumps(summary.to_dict())))
    assert tables(again) == tables(summary)
