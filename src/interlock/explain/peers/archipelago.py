"""Archipelago: ArchDetect and ArchAttribute (Tsang et al. 2020, arXiv 2006.10965)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from interlock.explain._baseline import Baseline
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking
from interlock.explain.peers._regions import Game, Partition, painted

# Strengths are squares of differences of float32 logits; below this share they are rounding.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Islands:
    """What Archipelago found among K regions."""

    strengths: Tensor
    """(K, K) symmetric, ArchDetect's omega; zero on the diagonal."""
    sets: tuple[tuple[int, ...], ...]
    """Disjoint sets that cover all regions; those of one region do not interact."""
    attributions: Tensor
    """(len(sets),) ArchAttribute's phi of each set, in logits; the sign counts."""
    labels: Tensor
    """(H, W) the regions."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Archipelago(Asking):
    """Regions that interact in two contexts, merged into sets and scored together.

    A pixel gets the attribution of its set. K regions take K (K + 1) + 2 + sets forward passes.
    """

    regions: Partition = 50
    baseline: Baseline = 0.0
    """x': what is seen where a region is not there."""
    pairs: int = 5
    """The strongest pairs that are merged where they overlap, >= 0."""
    _least: ClassVar = {"pairs": 0}

    def explain(self, x: Tensor, target: int) -> Islands:
        """The strengths and the sets behind :meth:`saliency`; the same arguments and errors."""
        return self._islands(*self._asked(x, target))

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        islands = self._islands(model, x, target)
        values = torch.empty(sum(map(len, islands.sets)), dtype=islands.attributions.dtype)
        for members, attribution in zip(islands.sets, islands.attributions, strict=True):
            values[list(members)] = attribution
        return painted(values, islands.labels)

    def _islands(self, model: Differentiable, x: Tensor, target: int) -> Islands:
        game = Game.over(model, x, self.regions, self.baseline, self.batch)
        value, players = game.value(target), game.players
        first, second = torch.triu_indices(players, players, 1)
        nothing = torch.zeros(1, players, dtype=torch.bool)
        single = torch.eye(players, dtype=torch.bool)
        both = single[first] | single[second]

        # ArchDetect: the difference of second order in two contexts, the baseline's (regions are
        # put in) and the image's (regions are taken out).
        strength, largest = torch.zeros(len(first), dtype=torch.float64), 0.0
        for flipped in (False, True):
            around, alone, together = (value(p ^ flipped) for p in (nothing, single, both))
            strength += 0.5 * (together - alone[first] - alone[second] + around).square()
            largest = max(largest, float(torch.cat([around, alone, together]).abs().max()))
        strength[strength <= (ROUNDING * largest) ** 2] = 0.0

        order = strength.argsort(descending=True, stable=True)[: self.pairs]
        strong = [int(k) for k in order if strength[k] > 0]
        sets = merged(((int(first[k]), int(second[k])) for k in strong), players)
        shown = torch.stack([single[list(members)].any(dim=0) for members in sets])
        attributions = value(shown) - value(nothing)  # ArchAttribute
        strengths = torch.zeros(players, players, dtype=torch.float64)
        strengths[first, second] = strengths[second, first] = strength
        return Islands(strengths, sets, attributions, game.labels.cpu())


def merged(pairs: Iterable[tuple[int, int]], count: int) -> tuple[tuple[int, ...], ...]:
    """Pairs that overlap become one set; the rest of 0 .. count - 1 stay alone."""
    home = {k: {k} for k in range(count)}
    for a, b in pairs:
        union = home[a] | home[b]
        home.update(dict.fromkeys(union, union))
    return tuple(sorted({tuple(sorted(members)) for members in home.values()}))
