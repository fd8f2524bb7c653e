"""Who needs whom among the sets of an explanation, and each set in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch

from interlock.explain.drawing.layers import Drawable

TOP = 6
"""Sets in the graph: those whose removal costs most."""
VISIBLE = 0.1
"""Edges below this share of the largest effect, of a set or of a pair, are hidden."""

LITTLE = 0.015
"""A change of the probability below which the logit's is told too; where another region stands in,
it is called hardly one."""


@dataclass(frozen=True)
class Edge:
    """Two sets that act on each other."""

    first: int
    """Rank from 0, the smaller."""
    second: int
    logits: float
    """Above 0 each needs the other, below 0 each stands in for the other."""
    share: float
    """Of the largest effect, in (0, 1]."""

    @property
    def needs(self) -> bool:
        """Whether each needs the other."""
        return self.logits > 0


def is_measured(explanation: Drawable) -> bool:
    """Whether sets were taken away to see what they do."""
    return len(explanation) > 0 and bool(explanation.drops.isfinite().all())


def top_sets(explanation: Drawable) -> list[int]:
    """Ranks of the sets in the graph, in order; none where nothing was measured."""
    if not is_measured(explanation):
        return []
    return sorted(explanation.drops.abs().argsort(descending=True, stable=True)[:TOP].tolist())


def edges(explanation: Drawable) -> list[Edge]:
    """The edges of the graph, the strongest first."""
    shown = top_sets(explanation)
    if not shown:
        return []
    values = explanation.interactions
    largest = float(torch.cat([explanation.drops.abs(), values.abs().flatten()]).max())
    if largest == 0:
        return []
    made = [
        Edge(i, j, float(values[i, j]), abs(float(values[i, j])) / largest)
        for i, j in combinations(shown, 2)
    ]
    return sorted((e for e in made if e.share >= VISIBLE), key=lambda e: -e.share)


def sentences(explanation: Drawable, label: str) -> list[str]:
    """What each set does, for a reader who knows nothing of the method."""
    drawn = edges(explanation)
    return [_sentence(explanation, k, label, drawn) for k in range(len(explanation))]


def _sentence(explanation: Drawable, k: int, label: str, drawn: Sequence[Edge]) -> str:
    if not is_measured(explanation):
        return f"score {explanation.scores[k]:.3g}"
    before, after = percent(explanation.probability), percent(float(explanation.without[k]))
    drop = float(explanation.drops[k])
    needed = [_other(e, k) for e in drawn if k in (e.first, e.second) and e.needs]
    spare = [_other(e, k) for e in drawn if k in (e.first, e.second) and not e.needs]
    change = float(explanation.without[k]) - explanation.probability
    logit = f"{-drop:+.2g} in the logit" if drop and abs(change) < LITTLE else ""
    if before == after:
        moved = f"stays at {before}"
    elif spare and logit:
        moved, logit = f"hardly changes ({before} to {after}, {logit})", ""
    else:
        moved = f"{'falls' if change < 0 else 'rises'} from {before} to {after}"
    moved += f" ({logit})" if logit else ""
    parts = [f"without this region {label} {moved}"]
    if needed:
        parts.append(f"it needs {_regions(needed)}")
    if spare:
        verb = "stands" if len(spare) == 1 else "stand"
        parts.append(f"{_regions(spare)} {verb} in for it")
    return "; ".join(parts)


def _other(edge: Edge, k: int) -> int:
    return edge.second if edge.first == k else edge.first


def _regions(ranks: Sequence[int]) -> str:
    numbers = [str(k + 1) for k in sorted(ranks)]
    if len(numbers) == 1:
        return f"region {numbers[0]}"
    return f"regions {', '.join(numbers[:-1])} and {numbers[-1]}"


def scattered_sentence(explanation: Drawable) -> str:
    """Where the rest of the map's evidence lies; empty where there is none."""
    if len(explanation) == 0 or explanation.scattered < 0.005:
        return ""
    share = percent(explanation.scattered)
    return f"scattered · {share} of the evidence lies in pixels of no region"


def percent(share: float) -> str:
    """A share in [0, 1] as a person reads it: 0.5 %, 42 %, 99.9 %."""
    value = 100 * share
    digits = 1 if abs(value) < 10 or 99 < value < 99.95 else 0
    return f"{value:.{digits}f} %"
