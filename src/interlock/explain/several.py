"""What explanations have in common: of photos of one class, or of one photo by two models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.explain.explanation import Explanation

GRID = 48
"""Side of the plane that photos of any size are put on, to be added up."""
FRAME = 1 / 8
"""Of each side: the outer frame, 7/16 of the photo."""
AT_THE_EDGE = 0.75
"""Share of a region in the frame, from which on it counts as lying at the photo's edge."""
CARRIES = 0.5
"""Of the probability: a region carries the decision if less than that is left without it."""


@dataclass(frozen=True, eq=False)
class Lead:
    """The region of a photo whose removal costs most."""

    photo: int
    """Number of the explanation."""
    rank: int
    """Of the set, from 0."""
    drop: float
    """Logits lost without it."""
    before: float
    """Probability of the class."""
    after: float
    """Without the region."""
    edge: float
    """Share of the region that lies in the photo's outer frame; 7/16 of a region that is spread
    evenly."""

    @property
    def carries(self) -> bool:
        """Whether the decision hangs on this region alone."""
        return self.after < CARRIES * self.before

    @property
    def at_the_edge(self) -> bool:
        """Whether it lies where an object rarely does."""
        return self.edge >= AT_THE_EDGE


@dataclass(frozen=True, eq=False)
class ClassSummary:
    """One class in several photos."""

    leads: tuple[Lead, ...]
    """Of each photo that has a region whose removal costs anything, dearest first."""
    photos: int
    needed: Tensor
    """(GRID, GRID) in [0, 1]: mean over photos of where regions lie that the decision loses by,
    each photo's weighted by what they cost."""

    @property
    def carried(self) -> int:
        """Photos in which one region carries the decision."""
        return sum(lead.carries for lead in self.leads)

    @property
    def at_the_edge(self) -> tuple[Lead, ...]:
        """Photos whose first region lies at the edge: a border, a caption, the background."""
        return tuple(lead for lead in self.leads if lead.at_the_edge)


def summarise_class(explanations: Sequence[Explanation]) -> ClassSummary:
    """What carries a class over several photos.

    Args:
        explanations: at least one, of one class, with ``drops`` that were measured.
    """
    leads = [
        _lead(explanation, number)
        for number, explanation in enumerate(explanations)
        if _costs(explanation).any()
    ]
    planes = [_needed(explanation) for explanation in explanations]
    return ClassSummary(
        leads=tuple(sorted(leads, key=lambda lead: -lead.drop)),
        photos=len(explanations),
        needed=torch.stack(planes).mean(dim=0) if planes else torch.zeros(GRID, GRID),
    )


@dataclass(frozen=True)
class Agreement:
    """Two explanations of one photo."""

    regions: float
    """Intersection over union of the regions that cost each model most, in [0, 1]; NaN where one
    has none."""
    maps: float
    """Share of evidence in common, in [0, 1]: the sum of the smaller values of both maps, each
    scaled to sum 1 and blurred to 1/16 of the side."""


def agreement(one: Explanation, other: Explanation) -> Agreement:
    """How alike two models see a photo; inputs of unlike sizes are laid over each other."""
    leads = [_lead(e, 0) if _costs(e).any() else None for e in (one, other)]
    regions = float("nan")
    if leads[0] is not None and leads[1] is not None:
        a, b = (
            _plane(e.regions[lead.rank].float()) > 0.5
            for e, lead in zip((one, other), leads, strict=True)
            if lead is not None
        )
        union = int((a | b).sum())
        regions = int((a & b).sum()) / union if union else float("nan")
    first, second = (_density(e.saliency) for e in (one, other))
    return Agreement(regions, float(torch.minimum(first, second).sum()))


def _costs(explanation: Explanation) -> Tensor:
    """(S,) bool: sets without which the logit falls."""
    return explanation.drops.nan_to_num(0.0) > 0


def _lead(explanation: Explanation, number: int) -> Lead:
    rank = int(explanation.drops.nan_to_num(0.0).argmax())
    region = explanation.regions[rank]
    return Lead(
        photo=number,
        rank=rank,
        drop=float(explanation.drops[rank]),
        before=explanation.probability,
        after=float(explanation.without[rank]),
        edge=float((region & _frame(region)).sum() / region.sum().clamp_min(1)),
    )


def _frame(region: Tensor) -> Tensor:
    height, width = region.shape
    down, across = max(1, round(FRAME * height)), max(1, round(FRAME * width))
    frame = torch.ones_like(region)
    frame[down : height - down, across : width - across] = False
    return frame


def _needed(explanation: Explanation) -> Tensor:
    """(GRID, GRID): where the regions lie that cost anything, by their share of the cost."""
    costs = explanation.drops.nan_to_num(0.0).clamp_min(0)
    if not costs.any():
        return torch.zeros(GRID, GRID)
    weights = (costs / costs.sum()).view(-1, 1, 1)
    return _plane((weights * explanation.regions.float()).sum(dim=0))


def _plane(values: Tensor) -> Tensor:
    """(H, W) -> (GRID, GRID) by area."""
    return F.interpolate(values[None, None], (GRID, GRID), mode="area")[0, 0]


def _density(saliency: Tensor) -> Tensor:
    """(H, W) -> (16, 16) that sums to 1, or to 0 where there is no evidence."""
    pooled = F.interpolate(saliency[None, None].float(), (16, 16), mode="area")[0, 0]
    return pooled / pooled.sum().clamp_min(1e-12)
