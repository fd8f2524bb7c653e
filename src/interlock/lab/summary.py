"""What a study found, as numbers: a line for each method, condition and metric."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.errors import OutputError
from interlock.lab.attacked import attacked_lines
from interlock.lab.line import Line, array, made_line
from interlock.lab.plan import results
from interlock.lab.statistics import estimate

KEY = ("model", "method", "condition", "metric")
QUALITY = ("right", "defended", "answered")
"""Metrics that tell how good a defence is; others tell what it costs, or details."""
SHARES = (*QUALITY, "masked")
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Summary:
        """Read back what ``to_dict`` gave.

        Raises:
            OutputError: it is none.
        """
        try:
            lines = tuple(Line(**line) for line in found["lines"])
            return cls(**(found | {"lines": lines, "claims": tuple(found["claims"])}))
        except (KeyError, TypeError) as error:
            raise OutputError(f"not a summary of a study ({error})") from None


def summarise(folder: Path, *, seed: int = 0) -> Summary:
    """Summarise what is finished of a study.

    Seeds are averaged for each data item first: they are no further items.

    Args:
        folder: of the study.
        seed: of the bootstrap.

    Raises:
        OutputError: there is no study in the folder.
    """
    table = results(folder)
    kept = json.loads((folder / "study.json").read_text("utf-8"))
    values = by_item(table)
    lines = [*_lines(table, values, seed), *attacked_lines(table, values, seed)]
    task = next(iter(pc.unique(pc.drop_null(table["task"])).to_pylist()), kept["task"])
    return Summary(
        study=kept["name"],
        task=task,
        items=len(table.group_by(["item", "data"]).aggregate([])),
        lines=tuple(lines),
        claims=tuple(_claims(table)) if task == "certify" else (),
        made={
            name: sorted(pc.unique(pc.drop_null(table[name])).to_pylist())
            for name in ("version", "torch", "engine", "device")
        },
    )


def by_item(table: pa.Table) -> dict[tuple[str, ...], dict[str, float]]:
    """(model, method, condition, metric) -> data item -> value, averaged over seeds."""
    good = table.filter(pc.is_valid(table["value"]))
    means = good.group_by([*KEY, "data"]).aggregate([("value", "mean")])
    found: dict[tuple[str, ...], dict[str, float]] = {key: {} for key in keys(table)}
    columns = [means[name].to_pylist() for name in (*KEY, "data", "value_mean")]
    for model, method, condition, metric, data, value in zip(*columns, strict=True):
        found[model, method, condition, metric][data] = value
    return found


def keys(table: pa.Table) -> Iterator[tuple[str, ...]]:
    """(model, method, condition, metric), in the order of the study."""
    # A group's first row tells its place: Arrow gives groups in an order of its own.
    rows = table.select(KEY).append_column("place", pa.array(range(len(table)), pa.int64()))
    groups = rows.group_by(list(KEY)).aggregate([("place", "min")]).sort_by("place_min")
    yield from zip(*(groups[name].to_pylist() for name in KEY), strict=True)


def _lines(
    table: pa.Table, values: dict[tuple[str, ...], dict[str, float]], seed: int
) -> Iterator[Line]:
    counts = table.append_column("bad", pc.cast(pc.is_valid(table["error"]), pa.int64()))
    groups = counts.group_by(list(KEY)).aggregate(
        [("bad", "sum"), ("seconds", "mean"), ("metric_seconds", "mean")]
    )
    more = {tuple(row[name] for name in KEY): row for row in groups.to_pylist()}
    for key, mine in values.items():
        row = more[key]
        found = estimate(array(mine), share=key[-1] in SHARES, seed=seed)
        yield made_line(key, found, row["bad_sum"], row["seconds_mean"], row["metric_seconds_mean"])


def _claims(table: pa.Table) -> Iterator[dict[str, Any]]:
    """What each method promises on the votes on attacks; only where every copy voted."""
    from interlock.certify import method_claims

    groups: dict[tuple[str, str, str], dict[str, list[tuple[int, int]]]] = {}
    votes = table.filter(pc.and_(pc.equal(table["metric"], "refused"), pc.is_valid(table["value"])))
    for row in votes.select(
        ["model", "method", "condition", "data", "options", "value"]
    ).to_pylist():
        options = json.loads(row["options"])
        if row["condition"] == "benign" or options.get("early_stop"):
            continue
        group = groups.setdefault((row["model"], row["method"], row["condition"]), {})
        group.setdefault(row["data"], []).append((options["copies"], int(row["value"])))
    for (model, method, family), prompts in groups.items():
        copies = next(iter(prompts.values()))[0][0]
        if copies == 1:
            continue
        most = max(len(mine) for mine in prompts.values())
        full = [mine for mine in prompts.values() if len(mine) == most]
        refused = np.array(
            [[k < hits for n, hits in mine for k in range(n)] for mine in full], dtype=np.bool_
        )
        for name, claim in method_claims(refused, copies).items():
            yield {
                "model": model, "claimant": method, "family": family, "claim": name,
                **claim.to_dict(),
            }  # fmt: skip
