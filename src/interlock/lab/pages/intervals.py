"""The numbers of a study with their intervals, drawn."""

from __future__ import annotations

from interlock._pictures import png_bytes
from interlock.lab.results.line import Line
from interlock.lab.results.summary import Summary
from interlock.lab.results.tables import shown_lines

_COLOUR = "#0b5fa5"
_MOST = 12  # panels


def draw_intervals(summary: Summary) -> bytes:
    """A panel for each condition and metric, a row for each method, as PNG; empty for nothing."""
    from matplotlib.figure import Figure

    panels: dict[tuple[str, str, str], list[Line]] = {}
    for line in shown_lines(summary.task, summary.lines):
        if line.mean is not None:
            panels.setdefault((line.model, line.condition, line.metric), []).append(line)
    chosen = list(panels.items())[:_MOST]
    if not chosen:
        return b""
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    tallest = max(len(lines) for _, lines in chosen)
    size = (4.2 * columns, rows * (1.1 + 0.28 * tallest))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    for number, ((model, condition, metric), lines) in enumerate(chosen, start=1):
        axes = figure.add_subplot(rows, columns, number)
        for y, line in enumerate(reversed(lines)):
            assert line.mean is not None
            if line.low is not None and line.high is not None:
                axes.hlines(y, line.low, line.high, color=_COLOUR, lw=5, alpha=0.35)
            axes.plot(line.mean, y, "o", color=_COLOUR, ms=5)
        axes.set_yticks(range(len(lines)), [line.method for line in reversed(lines)], size=8)
        axes.set_ylim(-0.6, len(lines) - 0.4)
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(axis="x", alpha=0.3)
        axes.set_title(", ".join(filter(None, (model, condition, metric))), size=9)
    return png_bytes(figure)
