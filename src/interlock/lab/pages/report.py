"""The report of a study: one HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from interlock._files import write_atomically
from interlock.errors import InterlockError
from interlock.lab.pages.intervals import draw_intervals
from interlock.lab.pages.show import show
from interlock.lab.plan import results
from interlock.lab.results.summary import Summary, summarise
from interlock.lab.results.tables import Table, comparison_table, tables
from interlock.lab.status import Status, study_status
from interlock.report import Chapter, Exhibit, Grid, Problem, exhibits_chapter, grids_chapter
from interlock.report.page import render_page

PICTURES = 8
_LOOKED_AT = 5000  # rows
NOTES = {
    "explain": (
        "Means over images; seeds are averaged for each image first. Brackets: 95 % intervals by "
        "the bootstrap over images, by Student's t for more than 2000. s: seconds of the method "
        "on one image, on one worker."
    ),
    "defend": (
        "Shares of images that are given their true class, with Wilson 95 % intervals. All "
        "defences meet the same pictures, rounded to 8 bits as in a file; attacks on a defence "
        "itself are made against each. Static attacks know the bare model alone; their mean and "
        "worst case are over those that all images went through. The worst case counts an image "
        "only where the defence is right under every attack; worst of all is on the images that "
        "met all of them. ROC area and found at 5 %: how well the defence's score tells patched "
        "images from clean ones, and the share above the level that 5 % of the clean ones exceed. "
        "s: seconds of the defence on one image."
    ),
    "certify": (
        "Shares of prompts with Wilson 95 % intervals: attacks that the vote refused, benign "
        "prompts that it answered. A copy without an answer counts against the defence. Promised: "
        "by the homogeneous formula, which states no confidence, and by the population "
        "certificate. s: seconds of a vote."
    ),
}


POINTED = (
    "↑ and ↓ say whether more or less is better; bold is the best of those on as many items, "
    "without the ceiling, which is told where the patch is."
)


def write_report(folder: Path, *, seed: int = 0) -> Path:
    """Write ``index.html`` beside the results.

    Args:
        folder: of the study; it may be unfinished.
        seed: of the bootstrap.

    Raises:
        OutputError: there is no study, or the page cannot be written.
    """
    summary, status = summarise(folder, seed=seed), study_status(folder)
    chapters = list(_chapters(folder, summary))
    left = status.items - status.finished - status.failed
    facts = {
        "task": summary.task,
        "items": str(summary.items),
        "state": f"{status.finished} finished, {status.failed} failed, {left} left",
        **{name: ", ".join(values) for name, values in summary.made.items() if values},
    }
    page = render_page(summary.study, chapters, facts=facts, problems=_problems(status))
    return write_atomically(folder / "index.html", page)


def _chapters(folder: Path, summary: Summary) -> Iterator[Chapter]:
    grids = [_grid(table) for table in tables(summary)]
    note = f"{NOTES[summary.task]} {POINTED}"
    yield grids_chapter("Results", "results", grids, note, draw_intervals(summary))
    differences = list(_differences(summary))
    if differences:
        text = (
            "Item by item against the study's first method. Brackets: 95 % intervals of the mean "
            "difference by the bootstrap over items; p: two-sided, by swapping the two at random."
        )
        yield grids_chapter("Differences", "differences", differences, text)
    exhibits = list(_exhibits(folder))
    if exhibits:
        yield exhibits_chapter(exhibits)


def _grid(table: Table) -> Grid:
    """With arrows behind what is measured."""
    pairs = zip_longest(table.header, table.heads, fillvalue="")
    rows = zip_longest(table.rows, table.sides, fillvalue="")
    return Grid(
        table.title,
        [f"{name} {arrow}".strip() for name, arrow in pairs],
        [(f"{row[0]} {arrow}".strip(), *row[1:]) for row, arrow in rows],
        table.best,
    )


def _differences(summary: Summary) -> Iterator[Grid]:
    for other in dict.fromkeys(gap.method for gap in summary.differences):
        gaps = [replace(gap, method="") for gap in summary.differences if gap.method == other]
        table = comparison_table(gaps, summary.first, other)
        yield Grid(table.title, table.header, table.rows)


def _exhibits(folder: Path) -> Iterator[Exhibit]:
    """A picture of each method under each condition in turn, as far as they can be drawn."""
    columns = ["item", "data", "method", "condition", "value", "artefact", "made_artefact"]
    groups: dict[tuple[str, str], list[str]] = {}
    for row in results(folder).select(columns).slice(0, _LOOKED_AT).to_pylist():
        kept = (row["artefact"] or row["made_artefact"]) and row["value"] is not None
        group = groups.setdefault((row["condition"], row["method"]), [])
        if kept and not row["condition"].startswith("clean") and row["item"] not in group:
            group.append(row["item"])
    turns = zip_longest(*groups.values())
    wanted = [item for turn in turns for item in turn if item is not None]
    for item in wanted[:PICTURES]:
        try:
            shown = show(folder, item)
        except InterlockError:  # the data have gone elsewhere since
            return
        values = ", ".join(
            f"{name} {value:.3g}" for name, value in shown.values.items() if value is not None
        )
        parts = (shown.data, shown.condition, shown.method, values, f"item {item[:12]}")
        yield Exhibit(", ".join(filter(None, parts)), shown.png)


def _problems(status: Status) -> Sequence[Problem]:
    return [
        Problem(f"{failure.count} ×", f"{failure.error} (such as {failure.example})")
        for failure in status.failures
    ]
