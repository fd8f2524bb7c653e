"""The tables of a study, from its summary alone: for the terminal, reports and documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interlock.lab.attacked import CLEAN, FOUND, ROC
from interlock.lab.compare import Comparison
from interlock.lab.line import Line
from interlock.lab.summary import QUALITY, Summary

_NAMES = {
    "gini": "Gini",
    "road": "ROAD",
    "road-least": "ROAD, least first",
    "right": "right",
    "defended": "refused",
    "answered": "answered",
}
_COUNTS = ("calls", "tokens")  # of a vote


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(summary: Summary) -> list[Table]:
    """All tables of a study, one for each model; what a method promises, for ``certify``."""
    models = list(dict.fromkeys(line.model for line in summary.lines))
    found = []
    for model in models:
        lines = [line for line in summary.lines if line.model == model]
        made = _of_defences if summary.task == "defend" else _of_model
        found.append(made(summary.task, model, lines))
    claims = list(_claimed(summary))
    if claims:
        header = ("", "attacks", "claim", "N", "promised", "measured", "prompts")
        found.append(Table("What is promised", header, tuple(claims)))
    return found


def markdown(found: Sequence[Table]) -> str:
    """Tables as Markdown; a title above each where there are several."""
    parts = []
    for table in found:
        lines = [table.header, ("---", *["---:"] * (len(table.header) - 1)), *table.rows]
        text = "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        parts.append(f"**{table.title}**\n\n{text}" if len(found) > 1 else text)
    return "\n\n".join(parts)


def plain(found: Sequence[Table]) -> list[str]:
    """Tables as aligned lines."""
    lines = []
    for table in found:
        rows = [table.header, *table.rows]
        widths = [max(len(row[k]) for row in rows) for k in range(len(table.header))]
        lines.append(table.title)
        for first, *others in rows:
            cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
        lines.append("")
    return lines[:-1]


def comparison_table(found: Sequence[Comparison], a: str, b: str) -> Table:
    """Paired differences."""
    header = ("", "items", a, b, "difference", "p")
    rows = []
    for one in found:
        what = ", ".join(filter(None, (one.method, one.condition, one.metric)))
        gap = _interval(one.difference, one.low, one.high, signed=True)
        p = "" if one.p is None else f"{one.p:.3f}"
        rows.append((what, str(one.count), number(one.a), number(one.b), gap, p))
    models = list(dict.fromkeys(one.model for one in found))
    return Table(f"{b} minus {a}, {', '.join(models)}", header, tuple(rows))


def _of_model(task: str, model: str, lines: Sequence[Line]) -> Table:
    """A row for each method."""
    methods = list(dict.fromkeys(line.method for line in lines))
    shown = shown_lines(task, lines)
    columns = list(dict.fromkeys((line.condition, line.metric) for line in shown))
    known = {(line.method, line.condition, line.metric): line for line in lines}
    extra = _COUNTS if task == "certify" else ()
    rows = []
    for method in methods:
        cells = [_cell(known.get((method, *column))) for column in columns]
        for metric in extra:
            mine = [line for line in lines if (line.method, line.metric) == (method, metric)]
            cells.append(_pooled(mine))
        cells.append(_seconds(lines, method))
        rows.append((method, *cells))
    heads = [_head(*column) for column in columns] + [f"{metric} a vote" for metric in extra]
    return Table(_title(task, model, shown), ("", *heads, "s"), tuple(rows))


def _of_defences(task: str, model: str, lines: Sequence[Line]) -> Table:
    """A row for each condition: there are many, and methods few."""
    methods = list(dict.fromkeys(line.method for line in lines))
    shown = shown_lines(task, lines)
    known = {(line.method, line.condition, line.metric): line for line in lines}
    scored = [method for method in methods if any((method, c, ROC) in known for _, c, _ in known)]
    rows = []
    for condition in dict.fromkeys(line.condition for line in shown):
        mine = [known.get((method, condition, "right")) for method in methods]
        count = max(line.count for line in mine if line is not None)
        cells = [_cell(line, of=count) for line in mine]
        for method in scored:
            for metric in (ROC, FOUND):
                line = known.get((method, condition, metric))
                cells.append("" if line is None or line.mean is None else f"{line.mean:.3f}")
        rows.append((condition, _images(count, condition, lines), *cells))
    blank = [""] * (2 * len(scored))
    unhurt = [x for x in lines if x.metric == "passes" and x.condition.startswith(CLEAN)]
    passes = [_pooled([line for line in unhurt if line.method == method]) for method in methods]
    rows.append(("passes, clean", "", *passes, *blank))
    rows.append(("s", "", *(_seconds(lines, method) for method in methods), *blank))
    heads = [f"{method}: {name}" for method in scored for name in ("ROC area", "found at 5 %")]
    return Table(_title(task, model, shown), ("", "images", *methods, *heads), tuple(rows))


def _images(count: int, condition: str, lines: Sequence[Line]) -> str:
    """How many a condition has, and how many of them were attacked where that is not all."""
    passed = [x.count for x in lines if (x.condition, x.metric) == (condition, "passes")]
    attacked = max(passed, default=count)
    return str(count) if attacked >= count else f"{count}, {attacked} attacked"


def _title(task: str, model: str, shown: Sequence[Line]) -> str:
    counts = sorted({line.count for line in shown})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}" if counts else "0"
    return f"{model}, {many} {'prompts' if task == 'certify' else 'images'}"


def _seconds(lines: Sequence[Line], method: str) -> str:
    """Of a method on one data item, over all conditions."""
    own = {line.condition: line.seconds for line in lines if line.method == method}
    spent = [seconds for seconds in own.values() if seconds is not None]
    return number(sum(spent) / len(spent)) if spent else ""


def shown_lines(task: str, lines: Sequence[Line]) -> list[Line]:
    """The lines that tell of quality, not of cost or detail."""
    return [line for line in lines if task == "explain" or line.metric in QUALITY]


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


def _pooled(lines: Sequence[Line]) -> str:
    count = sum(line.count for line in lines)
    total = sum(line.count * line.mean for line in lines if line.mean is not None)
    return number(total / count) if count else ""


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


def _claimed(summary: Summary) -> Iterator[tuple[str, ...]]:
    for one in summary.claims:
        promised = "nothing" if one["certified"] is None else f"{one['certified']:.3f}"
        if one["confidence"] is not None:
            promised += f" at {one['confidence']:.0%}"
        measured = ""
        if one["measured"] is not None:
            measured = _interval(one["measured"], one["low"], one["high"])
        yield (
            one["claimant"], one["family"], one["claim"], str(one["copies"]), promised, measured,
            str(one["prompts"]),
        )  # fmt: skip
