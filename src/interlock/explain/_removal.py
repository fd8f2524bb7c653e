"""What a decision loses when regions of the image are taken away: forward passes, no derivative.

A region is taken away by putting a heavy blur of the image in its place (:func:`heavy_blur`). With
d(A) = f_c(x) - f_c(x without A), two regions interact by the second difference

    I(A, B) = d(A) + d(B) - d(A and B)

which is above 0 where each needs the other and below 0 where each stands in for the other. Both
are exact for this model, this image and this fill, up to rounding; another fill asks another
question and has another answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from interlock.explain._baseline import LEAST_BLUR, blurred
from interlock.explain._derivatives import Differentiable

HEAVY_BLUR = 1 / 28
"""Standard deviation of the fill as a share of the longer side: 8 px at 224."""
ROUNDING = 1e-6
"""Second differences of float32 logits below this share of the logits are rounding."""


def heavy_blur(x: Tensor) -> Tensor:
    """(C, H, W) -> what is seen where a region was taken away."""
    return blurred(x, max(LEAST_BLUR, HEAVY_BLUR * max(x.shape[1:])))


@dataclass(frozen=True, eq=False)
class Effects:
    """What regions do to one logit, each alone and each with each."""

    drops: Tensor
    """(n,) float64 d(A): logits lost without the region."""
    interactions: Tensor
    """(n, n) float64 I(A, B), symmetric, 0 on the diagonal."""
    without: Tensor
    """(n, classes) logits without each region."""


@dataclass(frozen=True, eq=False)
class Removal:
    """One image from which regions can be taken away."""

    model: Differentiable
    x: Tensor
    """(C, H, W)."""
    fill: Tensor
    """(C, H, W): what is seen where a region was."""
    target: int
    _answers: dict[bytes, Tensor] = field(default_factory=dict, init=False, repr=False)
    """Region -> (classes,) logits without it: no region is asked about twice."""

    def logits(self, regions: Tensor) -> Tensor:
        """(n, H, W) bool, each taken away by itself -> (n, classes) float64 on the CPU."""

        def without(part: Tensor) -> Tensor:
            return torch.where(part.unsqueeze(1).to(self.x.device), self.fill, self.x)

        keys = [np.packbits(region.numpy()).tobytes() for region in regions.cpu()]
        new = {
            key: region
            for key, region in zip(keys, regions, strict=True)
            if key not in self._answers
        }
        if new:
            answers = self.model.answers(torch.stack([*new.values()]), without)
            self._answers.update(zip(new, answers.double().cpu(), strict=True))
        return torch.stack([self._answers[key] for key in keys])

    def effects(self, regions: Tensor) -> Effects:
        """What n regions (n, H, W) do: at most 1 + n + n (n - 1) / 2 passes."""
        count = len(regions)
        pairs = list(combinations(range(count), 2))
        both = [(regions[i] | regions[j]).unsqueeze(0) for i, j in pairs]
        cases = torch.cat([regions.new_zeros(1, *regions.shape[1:]), regions, *both])
        answers = self.logits(cases)
        values = answers[:, self.target]
        drops = values[0] - values[1:]
        alone, together = drops[:count], drops[count:]
        interactions = torch.zeros(count, count, dtype=torch.float64)
        for (i, j), d in zip(pairs, together, strict=True):
            interactions[i, j] = interactions[j, i] = alone[i] + alone[j] - d
        interactions[interactions.abs() <= ROUNDING * values.abs().max()] = 0.0
        return Effects(alone, interactions, answers[1 : 1 + count])
