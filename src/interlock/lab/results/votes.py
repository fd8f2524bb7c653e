"""What the votes of a ``certify`` study promise, and whether that holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

UNSTABLE = {
    "promised-1": "(k, epsilon)-unstable, Proposition 1",
    "promised-2": "(k, epsilon)-unstable, Proposition 2",
}
"""Metrics of an attack under a vote whose attack is taken for (k, epsilon)-unstable."""
ALL = "all"


@dataclass
class _Group:
    """Votes of one method on the attacks of one family."""

    model: str
    method: str
    family: str
    copies: int
    prompts: dict[str, list[int]] = field(default_factory=dict)
    """Data item -> refusals in each whole vote, one for each seed. Of a defence whose questions are
    no random copies: whether the decision refused, as the one vote of ``copies``."""

    def refused(self) -> NDArray[np.bool_]:
        """(n, r) of the prompts with every vote; whole votes stand side by side.

        Within a vote refusals come first: nothing here asks for the order.
        """
        most = max(len(votes) for votes in self.prompts.values())
        full = [votes for votes in self.prompts.values() if len(votes) == most]
        return np.array(
            [[k < hits for hits in votes for k in range(self.copies)] for votes in full],
            dtype=np.bool_,
        )


def claims(table: pa.Table) -> Iterator[dict[str, Any]]:
    """What each method promises on the votes on attacks; only where every copy voted.

    Args:
        table: rows of the study.
    """
    from interlock.certify.bounds.claims import method_claims

    promised = _promised(table)
    for group in _groups(table):
        refused = group.refused()
        key = {"model": group.model, "claimant": group.method, "family": group.family}
        made: dict[str, dict[str, Any]] = {
            name: claim.to_dict() for name, claim in method_claims(refused, group.copies).items()
        }
        for name, claim in made.items():
            yield key | {"claim": name} | claim
        for metric, name in UNSTABLE.items():
            mean = promised.get((group.model, group.method, group.family, metric))
            if mean is not None:
                yield key | {"claim": name} | made["homogeneous"] | {
                    "method": metric, "certified": mean,
                }  # fmt: skip


def halves(table: pa.Table, splits: int, seed: int) -> Iterator[dict[str, Any]]:
    """Each vote's promises from one half of the attacks, against the other half.

    By family, and over all attacks where there are several families.

    Args:
        table: rows of the study.
        splits: how often the attacks are split; 0 for nothing.
        seed: of the splits.
    """
    from interlock.certify.bounds.halves import split_in_halves

    if not splits:
        return
    methods: dict[tuple[str, str], list[_Group]] = {}
    for group in _groups(table):
        methods.setdefault((group.model, group.method), []).append(group)
    for (model, method), groups in methods.items():
        votes = {group.family: group.refused() for group in groups}
        if len({refused.shape[1] for refused in votes.values()}) == 1 < len(votes):
            votes[ALL] = np.concatenate(list(votes.values()))
        for family, refused in votes.items():
            if len(refused) > 1:
                split = split_in_halves(refused, groups[0].copies, splits=splits, seed=seed)
                yield {"model": model, "method": method, "family": family, **split.to_dict()}


def _groups(table: pa.Table) -> list[_Group]:
    groups: dict[tuple[str, str, str], _Group] = {}
    for row in _of(table, ["refused", "defended"], ["metric", "data", "options", "value"]):
        options = json.loads(row["options"])
        whole = options.get("decides") == "whole"
        if row["condition"] == "benign" or whole is not (row["metric"] == "defended"):
            continue
        if not whole and (options.get("early_stop") or options["copies"] == 1):
            continue
        key = row["model"], row["method"], row["condition"]
        group = groups.setdefault(key, _Group(*key, options["copies"]))
        group.prompts.setdefault(row["data"], []).append(int(row["value"]))
    return list(groups.values())


def _promised(table: pa.Table) -> dict[tuple[str, str, str, str], float]:
    """(model, method, family, metric) -> the mean over attacks."""
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for row in _of(table, list(UNSTABLE), ["metric", "value"]):
        key = row["model"], row["method"], row["condition"], row["metric"]
        values.setdefault(key, []).append(row["value"])
    return {key: float(np.mean(shares)) for key, shares in values.items()}


def _of(table: pa.Table, metrics: list[str], columns: list[str]) -> list[dict[str, Any]]:
    wanted = pc.and_(
        pc.is_in(table["metric"], pa.array(metrics, pa.string())), pc.is_valid(table["value"])
    )
    rows: list[dict[str, Any]] = (
        table.filter(wanted).select(["model", "method", "condition", *columns]).to_pylist()
    )
    return rows
