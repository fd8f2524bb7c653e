"""The values of a study by what they are of: one for each data item."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

KEY = ("model", "method", "condition", "metric")
Key = tuple[str, ...]
"""The four of ``KEY``."""


def by_item(table: pa.Table) -> dict[Key, dict[str, float]]:
    """(model, method, condition, metric) -> data item -> value, averaged over seeds."""
    good = table.filter(pc.is_valid(table["value"]))
    means = good.group_by([*KEY, "data"]).aggregate([("value", "mean")])
    values: dict[Key, dict[str, float]] = {key: {} for key in keys(table)}
    columns = [means[name].to_pylist() for name in (*KEY, "data", "value_mean")]
    for model, method, condition, metric, data, value in zip(*columns, strict=True):
        values[model, method, condition, metric][data] = value
    return values


def keys(table: pa.Table) -> Iterator[Key]:
    """(model, method, condition, metric), in the order of the study."""
    rows = table.select(KEY).append_column("place", pa.array(range(len(table)), pa.int64()))
    # Arrow gives groups in an order of its own: the first row of each tells its place.
    groups = rows.group_by(list(KEY)).aggregate([("place", "min")]).sort_by("place_min")
    yield from zip(*(groups[name].to_pylist() for name in KEY), strict=True)
