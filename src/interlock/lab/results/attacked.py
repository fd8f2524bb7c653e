"""What defences are worth over several attacks, and how well a score tells patched from clean."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.lab.results.line import Line, array, made_line
from interlock.lab.results.statistics import Estimate, Values, estimate, wilson

CLEAN = "clean"
MEAN = "mean of static"
WORST_STATIC = "worst of static"
WORST = "worst of all"
ROC, FOUND = "roc", "found"
FALSE_ALARMS = 0.05
"""Share of clean images that the score may exceed the level of ``FOUND`` on."""

ByItem = Mapping[tuple[str, ...], Mapping[str, float]]
"""(model, method, condition, metric) -> data item -> value."""


def attacked_lines(table: pa.Table, values: ByItem, seed: int) -> Iterator[Line]:
    """Lines over several attacks of a ``defend`` study; none of others.

    - ``MEAN`` and ``WORST_STATIC`` are over the attacks that know the bare model alone and that the
      study lets all its images go through, each at all such sizes: for each image the mean, and
      whether it is right in all. Only of methods that are measured under all of them.
    - ``WORST`` is over all attacks that a method is measured under, on the images that meet all.
    - ``ROC`` is the area under the ROC curve of ``score``, an attack's images against the clean
      ones; ``FOUND`` the share above the level that 5 % of the clean ones exceed.

    Args:
        table: of ``results``.
        values: of the same, seeds averaged.
        seed: of the bootstrap.
    """
    static = _static(table)
    groups: dict[tuple[str, str], dict[str, Mapping[str, float]]] = {}
    for (model, method, condition, metric), by_item in values.items():
        if metric == "right" and not condition.startswith(CLEAN):
            groups.setdefault((model, method), {})[condition] = by_item
    for (model, method), many in groups.items():
        wanted = static.get(model, {})
        if len(wanted) > 1 and method in set.intersection(*wanted.values()):
            grid = _grid([many[condition] for condition in wanted])
            mean, worst = estimate(grid.mean(axis=0), seed=seed), grid.min(axis=0)
            yield made_line((model, method, MEAN, "right"), mean)
            yield made_line((model, method, WORST_STATIC, "right"), estimate(worst, share=True))
        if len(many) > 1:
            worst = _grid(list(many.values())).min(axis=0)
            yield made_line((model, method, WORST, "right"), estimate(worst, share=True, seed=seed))
    yield from _detections(values)


def _grid(conditions: list[Mapping[str, float]]) -> Values:
    """(conditions, data items), of the items that are in all."""
    everywhere = sorted(set.intersection(*(set(by_item) for by_item in conditions)))
    return np.array([[by_item[data] for data in everywhere] for by_item in conditions])


def _static(table: pa.Table) -> dict[str, dict[str, set[str]]]:
    """Model -> condition -> methods on all images; attacks on the bare model alone."""
    from interlock.names import ON_SHIELD

    counts = (
        table.filter(pc.equal(table["metric"], "right"))
        .group_by(["model", "method", "condition"], use_threads=False)
        .aggregate([("data", "count_distinct"), ("options", "min")])
        .to_pylist()
    )
    most: dict[str, int] = {}
    for row in counts:
        most[row["model"]] = max(most.get(row["model"], 0), row["data_count_distinct"])
    static: dict[str, dict[str, set[str]]] = {}
    for row in counts:
        attack = json.loads(row["options_min"]).get("attack")
        whole = row["data_count_distinct"] == most[row["model"]]
        if attack is not None and attack not in ON_SHIELD and whole:
            conditions = static.setdefault(row["model"], {})
            conditions.setdefault(row["condition"], set()).add(row["method"])
    return static


def _detections(values: ByItem) -> Iterator[Line]:
    for (model, method, condition, metric), by_item in values.items():
        calm = array(values.get((model, method, CLEAN, "score"), {}))
        if metric != "score" or condition.startswith(CLEAN) or not by_item or not len(calm):
            continue
        loud = array(by_item)
        above, caught = detection(loud, calm)
        low, high = wilson(round(caught * len(loud)), len(loud))
        nan = float("nan")
        yield made_line((model, method, condition, ROC), Estimate(len(loud), above, nan, nan))
        yield made_line((model, method, condition, FOUND), Estimate(len(loud), caught, low, high))


def detection(loud: Values, calm: Values) -> tuple[float, float]:
    """How well a score tells two groups apart.

    Args:
        loud: (N,) scores that should be high.
        calm: (M,) scores that should be low.

    Returns:
        The area under the ROC curve, equal scores counting half; and the share of ``loud`` above
        the quantile of ``calm`` that leaves ``FALSE_ALARMS`` of it above.
    """
    from scipy import stats

    above = stats.mannwhitneyu(loud, calm).statistic / (len(loud) * len(calm))
    return float(above), float((loud > np.quantile(calm, 1 - FALSE_ALARMS)).mean())
