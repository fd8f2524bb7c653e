"""From seeds to sets: which features join, and in which order.

Two ways of growing. ``grow_by_rows`` is the published one: the Hessian row of a single feature
names the next members, and the strongest member not yet expanded gives the next row.
``grow_jointly`` asks for the row of a whole set at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# (k, C, H, W) directions -> (k, C, H, W) products with the Hessian; k is at most S
Products = Callable[[Tensor], Tensor]
# (H, W) bool, pixels to take away -> (C, H, W) evidence of every feature while they are taken
JointEvidence = Callable[[Tensor], Tensor]
# Signed evidence -> what is sought: evidence for the class, against it, or either
Orient = Callable[[Tensor], Tensor]

ORIENT: dict[str, Orient] = {"for": lambda e: e, "against": torch.neg, "absolute": torch.abs}


@dataclass(frozen=True)
class Grown:
    """Sets of features, aligned with their seeds."""

    seeds: Tensor
    """(S, 3) channel, row, column."""
    masks: Tensor
    """(S, C, H, W) bool."""
    rows: Tensor
    """(S,) Hessian rows used by each set."""
    evidence: Tensor
    """(C, H, W) the evidence by which members are shown, in logit units."""
    regions: Tensor | None = None
    """(S, H, W) bool: where each set lives; None where that is its pixels."""
    marked: Tensor | None = None
    """(H, W) bool: the pixels of the map; None where that is those of the sets."""

    @classmethod
    def nothing(cls, shape: torch.Size) -> Grown:
        """No sets: no feature speaks for the class."""
        return cls(
            seeds=torch.zeros(0, 3, dtype=torch.int64),
            masks=torch.zeros(0, *shape, dtype=torch.bool),
            rows=torch.zeros(0, dtype=torch.int64),
            evidence=torch.zeros(shape),
        )


def find_seeds(evidence: Tensor, segments: Tensor, sets: int) -> Tensor:
    """The strongest feature of each segment, for the ``sets`` segments whose seed is strongest.

    Args:
        evidence: (C, H, W), signed; a seed must have positive evidence.
        segments: (H, W) labels 0 .. regions - 1.

    Returns:
        (S, 3) channel, row and column, strongest first; S <= sets.
    """
    channels, height, width = evidence.shape
    strongest, channel = evidence.max(dim=0)
    flat, labels = strongest.flatten(), segments.flatten()
    best = flat.new_full((int(labels.max()) + 1,), -torch.inf)
    best = best.scatter_reduce(0, labels, flat, "amax")
    kept = best.topk(min(sets, len(best)))
    seeds = []
    for value, label in zip(kept.values.tolist(), kept.indices.tolist(), strict=True):
        if value > 0:
            pixel = int(torch.where(labels == label, flat, -torch.inf).argmax())
            y, x = divmod(pixel, width)
            seeds.append((int(channel[y, x]), y, x))
    return torch.tensor(seeds, dtype=torch.int64).reshape(-1, 3)


def grow_by_rows(
    products: Products,
    seeds: Tensor,
    segments: Tensor,
    evidence: Tensor,
    *,
    size: int,
    threshold: float,
    max_rows: int | None,
    overlap: bool,
) -> Grown:
    """The published growth (H-Sets, stage 1), all sets in step.

    Args:
        size: nu, the features that a set may hold.
        threshold: mu; a feature is a candidate where |row| exceeds mu times the row's largest.
        max_rows: rows that one set may use; None for as many as it takes.
        overlap: whether a feature may belong to several sets.
    """
    count, shape = len(seeds), evidence.shape
    total = evidence.numel()
    pixels = segments.flatten().repeat(shape[0])  # label of every feature
    flat_seeds = (seeds[:, 0] * shape[1] + seeds[:, 1]) * shape[2] + seeds[:, 2]
    member = torch.zeros(count, total, dtype=torch.bool)
    # Strength with which a member joined; -1 marks features that are not waiting to be expanded.
    waiting = torch.full((count, total), -1.0)
    for k, seed in enumerate(flat_seeds.tolist()):
        if overlap or not member[:, seed].any():
            member[k, seed] = True
            waiting[k, seed] = torch.inf
    rows = torch.zeros(count, dtype=torch.int64)
    while True:
        may = (member.sum(dim=1) < size) & (waiting.amax(dim=1) >= 0)
        if max_rows is not None:
            may &= rows < max_rows
        active = may.nonzero().flatten().tolist()
        if not active:
            break
        expanded = waiting[active].argmax(dim=1)
        directions = torch.zeros(len(active), total)
        directions[torch.arange(len(active)), expanded] = 1.0
        strengths = products(directions.view(-1, *shape)).flatten(1).abs()
        for row, k, feature in zip(strengths, active, expanded.tolist(), strict=True):
            waiting[k, feature] = -1.0
            rows[k] += 1
            taken = member[k] if overlap else member.any(dim=0)
            candidates = ((row > threshold * row.max()) & ~taken).nonzero().flatten()
            own = pixels[candidates] == pixels[flat_seeds[k]]
            # Own segment first, strongest first within each.
            order = (row[candidates] / row.max().clamp_min(1e-30) + own * 2.0).argsort(
                descending=True
            )
            joined = candidates[order][: size - int(member[k].sum())]
            member[k, joined] = True
            waiting[k, joined] = row[joined]
    return Grown(seeds=seeds, masks=member.view(count, *shape), rows=rows, evidence=evidence)


@dataclass(frozen=True)
class Marked:
    """The pixels of joint growth's map, before they are dealt out to sets."""

    evidence: Tensor
    """(C, H, W) in logit units, signed."""
    pixels: Tensor
    """(H, W) bool: the strongest, and the seeds'."""
    capacity: int
    """Pixels that one set may hold."""


def mark_jointly(
    joint_evidence: JointEvidence,
    seeds: Tensor,
    evidence: Tensor,
    *,
    orient: Orient,
    size: int,
    rounds: int,
) -> Marked:
    """Which pixels carry the decision together?

    Take the strongest pixels away and look at the evidence of every pixel while they go; the
    change of gradient on the way is the integral of the Hessian's product with what was taken, so
    evidence that rests on interactions is counted.

    Args:
        joint_evidence: called ``rounds`` times.
        orient: applied to the evidence of every feature; a pixel counts by its sum over channels.
        size: nu in scalar features; a set holds size // C pixels.
    """
    count, (channels, height, width) = len(seeds), evidence.shape
    capacity = max(1, size // channels)
    wanted = min(capacity * count, height * width)
    for _ in range(rounds):
        removed = _strongest(orient(evidence).sum(dim=0), wanted)
        evidence = (evidence + joint_evidence(removed)) / 2
    strength = orient(evidence).sum(dim=0)
    pixels = _strongest(strength, wanted) & (strength > 0)
    pixels[seeds[:, 1], seeds[:, 2]] = True
    return Marked(evidence, pixels, capacity)


def deal_out(
    marked: Marked,
    products: Products,
    seeds: Tensor,
    segments: Tensor,
    difference: Tensor,
    *,
    rounds: int,
    overlap: bool,
) -> Grown:
    """With which seed does a marked pixel act?

    Each round, one Hessian product for each set gives the interaction of that set with every
    pixel; pixels of the seed's own segment go first.

    Args:
        difference: (C, H, W) x - x'.
    """
    count, (channels, height, width) = len(seeds), marked.evidence.shape
    seed_pixels = seeds[:, 1] * width + seeds[:, 2]  # (S,)
    home = segments.flatten()[seed_pixels]
    pool = marked.pixels.flatten().nonzero().flatten()  # (P,)
    bonus = (segments.flatten()[pool] == home.unsqueeze(1)).double()  # own segment first
    at_seed = pool == seed_pixels.unsqueeze(1)
    member = torch.zeros(count, height * width, dtype=torch.bool)
    member[torch.arange(count), seed_pixels] = True
    for turn in range(1, rounds + 1):
        directions = difference.unsqueeze(0) * member.view(count, 1, height, width)
        rows = products(directions) * difference  # (S, C, H, W)
        strength_of_tie = rows.sum(dim=1).flatten(1).abs()[:, pool].double()
        tie = strength_of_tie / strength_of_tie.amax(dim=1, keepdim=True).clamp_min(1e-30)
        quota = max(1, marked.capacity * turn // rounds)
        member.zero_()
        member[:, pool] = _assign(tie + bonus + 10.0 * at_seed, quota, overlap)
    masks = member.view(count, 1, height, width).expand(-1, channels, -1, -1).clone()
    rows_used = torch.full((count,), rounds, dtype=torch.int64)
    return Grown(seeds=seeds, masks=masks, rows=rows_used, evidence=marked.evidence)


def grow_jointly(
    products: Products,
    joint_evidence: JointEvidence,
    seeds: Tensor,
    segments: Tensor,
    evidence: Tensor,
    difference: Tensor,
    *,
    orient: Orient,
    size: int,
    rounds: int,
    overlap: bool,
) -> Grown:
    """Whole pixels, marked by what they carry together and dealt out by Hessian rows of sets."""
    marked = mark_jointly(joint_evidence, seeds, evidence, orient=orient, size=size, rounds=rounds)
    return deal_out(marked, products, seeds, segments, difference, rounds=rounds, overlap=overlap)


def _strongest(values: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` largest entries, in the shape of ``values``."""
    mask = torch.zeros(values.numel(), dtype=torch.bool)
    mask[values.flatten().topk(min(count, values.numel())).indices] = True
    return mask.view(values.shape)


def _assign(ties: Tensor, quota: int, overlap: bool) -> Tensor:
    """(S, P) strength of ties -> (S, P) bool, at most ``quota`` pixels a set.

    Without overlap the strongest ties of all are honoured first, and each pixel joins one set.
    """
    count, pixels = ties.shape
    given = torch.zeros(count, pixels, dtype=torch.bool)
    if overlap:
        best = ties.topk(min(quota, pixels), dim=1).indices
        return given.scatter_(1, best, True)
    room = [quota] * count
    free = [True] * pixels
    for pair in ties.flatten().argsort(descending=True, stable=True).tolist():
        k, pixel = divmod(pair, pixels)
        if free[pixel] and room[k]:
            free[pixel] = False
            room[k] -= 1
            given[k, pixel] = True
    return given
