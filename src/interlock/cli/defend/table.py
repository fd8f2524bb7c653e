"""An evaluation as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.defend.evaluation import Evaluation, Rate
from interlock.defend.evaluation_table import blocks

NAME, CELL = 28, 20


def table(evaluation: Evaluation) -> list[str]:
    """Accuracy in percent with its interval: a block for each attack, a column for each size."""
    lines = [f"accuracy on {evaluation.images} photos, % (Wilson's 95 % interval)"]
    for block in blocks(evaluation):
        heads = ["" if area is None else f"{100 * area:g} %" for area in block.areas]
        passes = "passes" if any(line.passes for line in block.lines) else ""
        lines.append(_line(block.name, heads, passes))
        for line in block.lines:
            told = " / ".join("-" if mean is None else f"{mean:.2f}" for mean in line.passes)
            lines.append(_line(f"  {line.name}", [_cell(rate) for rate in line.rates], told))
    return lines


def _cell(rate: Rate) -> str:
    low, high = rate.interval()
    return f"{100 * rate.value:5.1f} ({100 * low:4.1f}-{100 * high:5.1f})"


def _line(name: str, cells: Sequence[str], last: str = "") -> str:
    if not any(cells) and len(name) >= NAME:
        return name
    return (name.ljust(NAME) + "".join(cell.ljust(CELL) for cell in cells) + last).rstrip()
