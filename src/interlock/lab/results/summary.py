"""What a study found, as numbers: a line for each method, condition and metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interlock.errors import OutputError
from interlock.lab.kept_study import kept_study
from interlock.lab.plan import results
from interlock.lab.results.attacked import attacked_lines
from interlock.lab.results.compare import Comparison, against_first
from interlock.lab.results.direction import directions
from interlock.lab.results.line import Line, array, made_line
from interlock.lab.results.statistics import estimate
from interlock.lab.results.values import KEY, Key, by_item
from interlock.lab.results.votes import claims, halves

QUALITY = ("right", "defended", "answered")
"""Metrics that tell how good a defence is; others tell what it costs, or details."""
PROVEN = ("certified", "detected", "assured")
"""What is proven of an answer, each a row of its own in a table of defences."""
SHARES = (*QUALITY, *PROVEN, "masked")
"""Metrics whose values are 0 or 1."""


@dataclass(frozen=True)
class Summary:
    """A whole study."""

    study: str
    task: str
    items: int
    lines: tuple[Line, ...]
    claims: tuple[dict[str, Any], ...]
    """Of ``certify``: what each method promises on the study's votes."""
    made: dict[str, list[str]]
    """Versions, engines and devices behind the values."""
    first: str = ""
    """The study's first method."""
    differences: tuple[Comparison, ...] = ()
    """Each other method minus the first, item by item."""
    halves: tuple[dict[str, Any], ...] = ()
    """Of ``certify``, where the study asks for it: promises from one half of the prompts, against
    the other."""
    higher_is_better: dict[str, bool] = field(default_factory=dict)
    """By metric, where it is known."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Summary:
        """Read back what ``to_dict`` gave.

        Raises:
            OutputError: it is none.
        """
        try:
            lines = tuple(Line(**line) for line in content["lines"])
            gaps = tuple(Comparison(**gap) for gap in content.get("differences", ()))
            more = {name: tuple(content.get(name, ())) for name in ("claims", "halves")}
            return cls(**(content | more | {"lines": lines, "differences": gaps}))
        except (KeyError, TypeError) as error:
            raise OutputError(f"not a summary of a study ({error})") from None


def summarise(folder: Path, *, seed: int = 0) -> Summary:
    """Summarise what is finished of a study.

    Seeds are averaged for each data item first: they are no further items.

    Args:
        folder: of the study.
        seed: of the bootstrap.

    Raises:
        OutputError: there is no study in the folder, or it is damaged.
    """
    table = results(folder)
    kept = kept_study(folder)
    values = by_item(table)
    lines = [*_lines(table, values, seed), *attacked_lines(table, values, seed)]
    task = next(iter(pc.unique(pc.drop_null(table["task"])).to_pylist()), kept["task"])
    return Summary(
        study=kept["name"],
        task=task,
        items=len(table.group_by(["item", "data"]).aggregate([])),
        lines=tuple(lines),
        claims=tuple(claims(table)) if task == "certify" else (),
        made={
            name: sorted(pc.unique(pc.drop_null(table[name])).to_pylist())
            for name in ("version", "torch", "engine", "device")
        },
        first=next((line.method for line in lines), ""),
        differences=tuple(
            against_first(values, metrics=None if task == "explain" else QUALITY, seed=seed)
        ),
        halves=tuple(halves(table, kept["study"].get("splits", 0), seed))
        if task == "certify"
        else (),
        higher_is_better=directions(kept["study"]),
    )


def _lines(table: pa.Table, values: dict[Key, dict[str, float]], seed: int) -> Iterator[Line]:
    counts = table.append_column("bad", pc.cast(pc.is_valid(table["error"]), pa.int64()))
    groups = counts.group_by(list(KEY)).aggregate(
        [("bad", "sum"), ("seconds", "mean"), ("metric_seconds", "mean")]
    )
    more = {tuple(row[name] for name in KEY): row for row in groups.to_pylist()}
    for key, column in values.items():
        row = more[key]
        value = estimate(array(column), share=key[-1] in SHARES, seed=seed)
        yield made_line(key, value, row["bad_sum"], row["seconds_mean"], row["metric_seconds_mean"])
