"""The tables of a study, from its summary alone: for the terminal, reports and documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.defend.defences import CEILING
from interlock.lab.results.attacked import CLEAN, FOUND, ROC
from interlock.lab.results.compare import Comparison
from interlock.lab.results.direction import SECONDS, Series, arrow
from interlock.lab.results.line import Line
from interlock.lab.results.summary import PROVEN, QUALITY, Summary
from interlock.lab.results.votes import UNSTABLE

_NAMES = {
    "gini": "Gini",
    "road": "ROAD",
    "road-least": "ROAD, least first",
    "nonzero": "pixels ≠ 0",
    "right": "right",
    "defended": "refused",
    "answered": "answered",
}
_CLAIMS = {
    "homogeneous": "average alpha",
    "population": "population, 95 %",
    UNSTABLE["promised-1"]: "(k, ε), Proposition 1",
    UNSTABLE["promised-2"]: "(k, ε), Proposition 2",
}
"""Who promises something, and the head of its column."""
_COUNTS = ("calls", "tokens")  # of a vote


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...] = ()
    """For each column an arrow to its better side, or nothing."""
    sides: tuple[str, ...] = ()
    """For each row likewise, where the rows are what is measured."""
    best: frozenset[tuple[int, int]] = frozenset()
    """(row, column) of the best values, of those that are measured on as many items."""


def tables(summary: Summary) -> list[Table]:
    """All tables of a study but the differences."""
    return [*result_tables(summary), *promise_tables(summary), *halves_tables(summary)]


def result_tables(summary: Summary) -> list[Table]:
    """What was measured, one table for each model."""
    made_tables = []
    for model in dict.fromkeys(line.model for line in summary.lines):
        lines = [line for line in summary.lines if line.model == model]
        made = _of_defences if summary.task == "defend" else _of_model
        made_tables.append(made(summary, model, lines))
    return made_tables


def promise_tables(summary: Summary) -> list[Table]:
    """What each method of ``certify`` promises, beside what was measured."""
    groups: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for one in summary.claims:
        key = one["model"], one["claimant"], one["family"]
        groups.setdefault(key, {})[one["claim"]] = one
    claimed = dict.fromkeys(one["claim"] for one in summary.claims)
    columns = [claim for claim in _CLAIMS if claim in claimed]
    rows = []
    for (_, method, family), claims in groups.items():
        one = next(iter(claims.values()))
        measured = one["measured"]
        shown = "" if measured is None else _interval(measured, one["low"], one["high"])
        promised = [_promised(claims.get(claim)) for claim in columns]
        rows.append((method, family, str(one["prompts"]), str(one["copies"]), shown, *promised))
    header = ("", "attacks", "prompts", "N", "measured", *(_CLAIMS[claim] for claim in columns))
    return [Table("What is promised", header, tuple(rows))] if rows else []


def halves_tables(summary: Summary) -> list[Table]:
    """Promises from one half of the attacks against the other, for ``certify``."""
    if not summary.halves:
        return []
    header = (
        "", "attacks", "prompts", "votes", "mean alpha", "DSP", "certified", "above the other half",
        "above all", "formula", "formula above the other half", "formula above all",
    )  # fmt: skip
    rows = tuple(
        (
            one["method"], one["family"], str(one["prompts"]), str(one["trials"]),
            f"{one['alpha']:.3f}", f"{one['dsp']:.3f}", *_overclaims(one["population"]),
            *_overclaims(one["homogeneous"]),
        )
        for one in summary.halves
    )  # fmt: skip
    one = summary.halves[0]
    title = (
        f"Promised from one half of the attacks, {one['splits']} splits; above in up to "
        f"{one['chance']:.1%} is within chance of {1 - one['confidence']:.0%}"
    )
    return [Table(title, header, rows)]


def difference_tables(summary: Summary) -> list[Table]:
    """Each method minus the study's first one, item by item; one table for each model."""
    made_tables = []
    for model in dict.fromkeys(gap.model for gap in summary.differences):
        of_model = [gap for gap in summary.differences if gap.model == model]
        columns = list(dict.fromkeys((gap.condition, gap.metric) for gap in of_model))
        known = {(gap.method, gap.condition, gap.metric): gap for gap in of_model}
        rows = []
        for method in dict.fromkeys(gap.method for gap in of_model):
            gaps = [known.get((method, *column)) for column in columns]
            rows.append((method, *(_gap(gap) for gap in gaps)))
        header = (f"minus {summary.first}", *(_head(*column) for column in columns))
        title = f"{model}, {_many(gap.count for gap in of_model)}, differences"
        made_tables.append(Table(title, header, tuple(rows)))
    return made_tables


def markdown(shown: Sequence[Table], *, titles: bool = False) -> str:
    """Tables as Markdown; a title above each where there are several, or with ``titles``."""
    parts = []
    for table in shown:
        lines = [table.header, ("---", *["---:"] * (len(table.header) - 1)), *table.rows]
        text = "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        parts.append(f"**{table.title}**\n\n{text}" if titles or len(shown) > 1 else text)
    return "\n\n".join(parts)


def comparison_table(gaps: Sequence[Comparison], a: str, b: str) -> Table:
    """Paired differences."""
    header = ("", "items", a, b, "difference", "p")
    rows = []
    for one in gaps:
        what = ", ".join(filter(None, (one.method, one.condition, one.metric)))
        gap = _interval(one.difference, one.low, one.high, signed=True)
        p = "" if one.p is None else f"{one.p:.3f}"
        rows.append((what, str(one.count), number(one.a), number(one.b), gap, p))
    models = list(dict.fromkeys(one.model for one in gaps))
    return Table(f"{b} minus {a}, {', '.join(models)}", header, tuple(rows))


def _of_model(summary: Summary, model: str, lines: Sequence[Line]) -> Table:
    """A row for each method."""
    task, better = summary.task, summary.higher_is_better
    methods = list(dict.fromkeys(line.method for line in lines))
    shown = shown_lines(task, lines)
    known = {(line.method, line.condition, line.metric): line for line in lines}
    columns = []
    for key in dict.fromkeys((line.condition, line.metric) for line in shown):
        column = [known.get((method, *key)) for method in methods]
        cells = [_cell(line) for line in column]
        columns.append(Series(_head(*key), better.get(key[1]), cells, _comparable(column)))
    for metric in _COUNTS if task == "certify" else ():
        many = [[x for x in lines if (x.method, x.metric) == (m, metric)] for m in methods]
        columns.append(_plain(f"{metric} a vote", better.get(metric), map(_pooled, many)))
    columns.append(_plain("s", SECONDS, (_seconds(lines, method) for method in methods)))
    rows = zip(*(series.cells for series in columns), strict=True)
    return Table(
        _title(task, model, shown),
        ("", *(series.name for series in columns)),
        tuple((method, *row) for method, row in zip(methods, rows, strict=True)),
        heads=("", *(arrow(column.higher) for column in columns)),
        best=frozenset((row, k) for k, one in enumerate(columns, start=1) for row in one.best()),
    )


def _of_defences(summary: Summary, model: str, lines: Sequence[Line]) -> Table:
    """A row for each condition: there are many, and methods few."""
    task, better = summary.task, summary.higher_is_better
    methods = list(dict.fromkeys(line.method for line in lines))
    shown = shown_lines(task, lines)
    known = {(line.method, line.condition, line.metric): line for line in lines}
    scored = [method for method in methods if any((method, c, ROC) in known for _, c, _ in known)]
    rows: list[tuple[Series, str, list[str]]] = []
    for condition in dict.fromkeys(line.condition for line in shown):
        right = [known.get((method, condition, "right")) for method in methods]
        count = max(line.count for line in right if line is not None)
        more = []
        for method in scored:
            for metric in (ROC, FOUND):
                line = known.get((method, condition, metric))
                more.append("" if line is None or line.mean is None else f"{line.mean:.3f}")
        cells = [_cell(line, of=count) for line in right]
        series = Series(condition, better.get("right"), cells, _comparable(right, count))
        rows.append((series, _images(count, condition, lines), more))
        for metric in PROVEN:
            proven = [known.get((method, condition, metric)) for method in methods]
            if any(proven):
                count = max(line.count for line in proven if line is not None)
                name, cells = f"{condition}, {metric}", [_cell(line, of=count) for line in proven]
                series = Series(name, better.get(metric), cells, _comparable(proven, count))
                rows.append((series, str(count), []))
    unhurt = [x for x in lines if x.metric == "passes" and x.condition.startswith(CLEAN)]
    passes = [_pooled([line for line in unhurt if line.method == method]) for method in methods]
    seconds = [_seconds(lines, method) for method in methods]
    for name, higher, costs in (
        ("passes, clean", better.get("passes"), passes),
        ("s", SECONDS, seconds),
    ):
        series = _plain(name, higher, costs)
        compared = [None if m == CEILING else v for m, v in zip(methods, costs, strict=True)]
        rows.append((series._replace(values=compared), "", []))
    heads = [f"{method}: {name}" for method in scored for name in ("ROC area", "found at 5 %")]
    pointed = [arrow(better.get(metric)) for _ in scored for metric in (ROC, FOUND)]
    best = {(row, 2 + k) for row, (series, _, _) in enumerate(rows) for k in series.best()}
    return Table(
        _title(task, model, shown),
        ("", "images", *methods, *heads),
        tuple((s.name, many, *s.cells, *(more or [""] * len(heads))) for s, many, more in rows),
        heads=("", "", *[""] * len(methods), *pointed),
        sides=tuple(arrow(series.higher) for series, _, _ in rows),
        best=frozenset(best),
    )


def _comparable(lines: Sequence[Line | None], count: int | None = None) -> list[float | None]:
    """Means on as many items as any of them has; the oracle's, who knows the patch, is none."""
    most = max((line.count for line in lines if line is not None), default=0)
    return [
        line.mean
        if line is not None and line.count == (count or most) and line.method != CEILING
        else None
        for line in lines
    ]


def _plain(name: str, higher: bool | None, values: Iterable[float | None]) -> Series:
    values = list(values)
    return Series(name, higher, ["" if v is None else number(v) for v in values], values)


def _images(count: int, condition: str, lines: Sequence[Line]) -> str:
    """How many a condition has, and how many of them were attacked where that is not all."""
    passed = [x.count for x in lines if (x.condition, x.metric) == (condition, "passes")]
    attacked = max(passed, default=count)
    return str(count) if attacked >= count else f"{count}, {attacked} attacked"


def _title(task: str, model: str, shown: Sequence[Line]) -> str:
    kind = "prompts" if task == "certify" else "images"
    return f"{model}, {_many((line.count for line in shown), kind)}"


def _seconds(lines: Sequence[Line], method: str) -> float | None:
    """Of a method on one data item, over all conditions."""
    # A metric that was added later took the kept result, and knows no seconds.
    timed = [line for line in lines if line.method == method and line.seconds is not None]
    own = {line.condition: line.seconds for line in timed}
    spent = [seconds for seconds in own.values() if seconds is not None]
    return sum(spent) / len(spent) if spent else None


def shown_lines(task: str, lines: Sequence[Line]) -> list[Line]:
    """The lines that tell of quality, not of cost or detail."""
    return [line for line in lines if task == "explain" or line.metric in QUALITY]


def _many(counts: Iterable[int], kind: str = "items") -> str:
    sizes = sorted(set(counts))
    many = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else str(sizes[0]) if sizes else "0"
    return f"{many} {kind}"


def _head(condition: str, metric: str) -> str:
    name = _NAMES.get(metric, metric)
    return name if not condition else condition if metric == "right" else f"{condition} {name}"


def _cell(line: Line | None, of: int | None = None) -> str:
    """A mean with its interval; of how many where that is not ``of``."""
    if line is None:
        return ""
    if line.mean is None:
        return f"failed ({line.failed})" if line.failed else ""
    text = _interval(line.mean, line.low, line.high)
    text += f" of {line.count}" if of is not None and line.count < of else ""
    return f"{text} ({line.failed} failed)" if line.failed else text


def _pooled(lines: Sequence[Line]) -> float | None:
    count = sum(line.count for line in lines)
    total = sum(line.count * line.mean for line in lines if line.mean is not None)
    return total / count if count else None


def _interval(mean: float, low: float | None, high: float | None, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if low is None or high is None:
        return f"{mean:{sign}.3f}"
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.1e}"


def _gap(gap: Comparison | None) -> str:
    return "" if gap is None else _interval(gap.difference, gap.low, gap.high, signed=True)


def _overclaims(shares: dict[str, float]) -> tuple[str, str, str]:
    return (
        f"{shares['promised']:.3f}", f"{shares['beyond_half']:.1%}", f"{shares['beyond_all']:.1%}"
    )  # fmt: skip


def _promised(claim: dict[str, Any] | None) -> str:
    if claim is None:
        return ""
    return "nothing" if claim["certified"] is None else f"{claim['certified']:.3f}"


KINDS = {
    "results": result_tables,
    "promised": promise_tables,
    "halves": halves_tables,
    "differences": difference_tables,
}
"""The kinds of tables by name."""
