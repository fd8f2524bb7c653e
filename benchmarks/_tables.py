"""Numbers with their uncertainty, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import stats


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half-width of its confidence interval (Student's t); nan for one value."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return float(array.mean()), float("nan")
    factor = stats.t.ppf((1 + level) / 2, len(array) - 1)
    return float(array.mean()), float(factor * array.std(ddof=1) / np.sqrt(len(array)))


def plus_minus(values: Sequence[float], digits: int = 3) -> str:
    """``0.953 ± 0.004``."""
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(text: str, path: Path) -> None:
    """Print a finished report and keep it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    print(text)
