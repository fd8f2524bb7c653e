"""Sets of natural size: regions of the spatial prior, merged where they interact.

The regions with most evidence are the atoms. How strongly two sets of atoms hold together is

    s(a, b) = mean |I| over a x b / max(mean reach of a, mean reach of b),  reach_i = max_j |I_ij|

a share of the strongest interaction that their members have with anything, so that it needs no
scale of its own. The pair that holds together most is merged while s exceeds mu. Interactions
below a tenth of the largest single effect, which the graph of an explanation does not show either,
count as none: where all are faint, a share of the strongest would join what merely adds up.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from interlock.explain._growth import Grown, Orient
from interlock.explain._removal import Removal

ATOMS = 16
"""Regions that may join sets: 1 + 16 + 120 forward passes."""
FAINT = 0.1
"""Interactions below this share of the largest drop of an atom do not count."""


def strongest_regions(evidence: Tensor, segments: Tensor, count: int = ATOMS) -> Tensor:
    """The regions with most evidence, strongest first.

    Args:
        evidence: (H, W), >= 0.
        segments: (H, W) labels 0 .. regions - 1.

    Returns:
        (n, H, W) bool, n <= count; none without evidence.
    """
    labels = segments.flatten()
    sums = torch.zeros(int(labels.max()) + 1, dtype=torch.float64)
    sums.index_add_(0, labels, evidence.flatten().double())
    order = sums.argsort(descending=True, stable=True)[:count]
    return segments.unsqueeze(0) == order[sums[order] > 0].view(-1, 1, 1)


def merged(interactions: Tensor, mu: float) -> list[list[int]]:
    """Atoms that hold together.

    Args:
        interactions: (n, n), symmetric, 0 on the diagonal; the sign does not count.
        mu: in [0, 1).

    Returns:
        Disjoint sets that cover 0 .. n - 1, each in order, by their first members.
    """
    strength = interactions.abs()
    count = len(strength)
    reach = strength.amax(dim=1) if count else strength.new_zeros(0)
    sets = [[k] for k in range(count)]
    while len(sets) > 1:
        held = [(_tie(strength, reach, a, b), i, j) for (i, a), (j, b) in _pairs(sets)]
        tie, i, j = max(held, key=lambda one: one[0])  # the first of equals
        if tie <= mu:
            break
        sets[i] = sorted(sets[i] + sets.pop(j))
    return sorted(sets)


def _pairs(sets: list[list[int]]) -> combinations[tuple[tuple[int, list[int]], ...]]:
    return combinations(enumerate(sets), 2)


def _tie(strength: Tensor, reach: Tensor, a: list[int], b: list[int]) -> float:
    widest = max(float(reach[a].mean()), float(reach[b].mean()))
    return float(strength[a][:, b].mean()) / widest if widest > 0 else 0.0


def grow_by_merging(
    removal: Removal,
    segments: Tensor,
    evidence: Tensor,
    marked: Tensor,
    *,
    orient: Orient,
    sets: int,
    mu: float,
) -> Grown:
    """Merge the regions of most evidence, and keep the sets whose removal costs most.

    Args:
        segments: (H, W) labels.
        evidence: (C, H, W) in logit units, signed.
        marked: (H, W) bool: the pixels of the map, of which sets take those in their regions.
        sets: the most to keep.
    """
    channels = len(evidence)
    shown = orient(evidence).sum(dim=0).clamp_min(0) * marked
    atoms = strongest_regions(shown, segments)
    if len(atoms) == 0:
        return Grown.nothing(evidence.shape)
    effects = removal.effects(atoms)
    counted = effects.interactions.abs() >= FAINT * effects.drops.abs().max()
    groups = merged(effects.interactions * counted, mu)
    regions = torch.stack([atoms[group].any(dim=0) for group in groups])
    without = removal.logits(torch.cat([torch.zeros_like(regions[:1]), regions]))
    drops = orient((without[0] - without[1:])[:, removal.target])
    kept = drops.argsort(descending=True, stable=True)[:sets]
    regions = regions[kept]
    pixels = regions & (shown > 0)
    strongest = orient(evidence).amax(dim=0)
    seeds = []
    for mask in pixels:
        y, x = divmod(int(torch.where(mask, strongest, -torch.inf).argmax()), mask.shape[1])
        seeds.append((int(orient(evidence)[:, y, x].argmax()), y, x))
    return Grown(
        seeds=torch.tensor(seeds, dtype=torch.int64),
        masks=pixels.unsqueeze(1).expand(-1, channels, -1, -1).clone(),
        rows=torch.zeros(len(seeds), dtype=torch.int64),
        evidence=evidence,
        regions=regions,
        marked=marked,
    )
