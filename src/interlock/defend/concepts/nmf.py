"""Non-negative factors and codes."""

from __future__ import annotations

import torch
from torch import Tensor

from interlock.defend.concepts.features import doubled

PATIENCE = 3
"""Full exchanges without fewer violations, before single ones."""
PIVOTS = 10
"""Most exchanges, for each factor."""
SLICE = 4096
"""Rows that are solved at a time: each needs a few matrices of rank x rank."""
SLACK = 1e-12
"""Violations so small, relative to a row's largest correlation with a factor, are rounding."""


def factorise(rows: Tensor, rank: int, *, seed: int = 0, iterations: int = 300) -> Tensor:
    """Non-negative matrix factorisation A ~ U W (Lee and Seung, 2001, multiplicative updates).

    Args:
        rows: A, (n, p), non-negative.
        rank: how many factors.
        seed: of the start.
        iterations: updates of both factors.

    Returns:
        W, (rank, p), each row of unit length.
    """
    with torch.autocast(rows.device.type, enabled=False):
        return _factorised(rows, rank, torch.Generator().manual_seed(seed), iterations)


def _factorised(rows: Tensor, rank: int, generator: torch.Generator, iterations: int) -> Tensor:
    scale = (rows.mean() / rank).clamp_min(1e-12).sqrt()
    codes = scale * torch.rand(len(rows), rank, generator=generator).to(rows)
    factors = scale * torch.rand(rank, rows.shape[1], generator=generator).to(rows)
    for _ in range(iterations):
        codes *= (rows @ factors.T) / (codes @ (factors @ factors.T)).clamp_min(1e-12)
        factors *= (codes.T @ rows) / ((codes.T @ codes) @ factors).clamp_min(1e-12)
    unit: Tensor = factors / factors.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit


def nnls(rows: Tensor, factors: Tensor) -> Tensor:
    """Non-negative least squares of many rows at once, by block principal pivoting.

    Kim and Park, SIAM J. Sci. Comput. 33 (2011), algorithm 1: each row's set of positive codes
    is corrected by all that violate its optimality, one at a time once that no longer helps. They
    are solved for in float64, which leaves seven digits where the factors are so alike that their
    Gram matrix has a condition of 1e8.

    Args:
        rows: (n, p).
        factors: (rank, p), linearly independent.

    Returns:
        (n, rank) codes U >= 0 that minimise ``|rows - U factors|`` row by row; NaN where a row is
        not finite.
    """
    with torch.autocast(rows.device.type, enabled=False):
        return torch.cat([_nnls(part, factors) for part in torch.split(rows, SLICE)])


def _nnls(rows: Tensor, factors: Tensor) -> Tensor:
    wide, basis = doubled(rows), doubled(factors)
    gram, right = basis @ basis.T, wide @ basis.T
    rank = len(gram)
    gram = gram + 1e-14 * gram.diagonal().max().clamp_min(1e-30) * torch.eye(rank).to(gram)
    slack = SLACK * right.abs().amax(dim=1, keepdim=True)
    least = -slack / gram.diagonal().max()
    positive = torch.zeros_like(right, dtype=torch.bool)
    codes, gradient = torch.zeros_like(right), -right
    fewest = torch.full((len(right),), rank + 1, device=right.device)
    patience = torch.full_like(fewest, PATIENCE)
    order = torch.arange(1, rank + 1, device=right.device)
    for _ in range(PIVOTS * rank):
        wrong = torch.where(positive, codes < least, gradient < -slack)
        count = wrong.sum(dim=1)
        active = count.nonzero()[:, 0]
        if not len(active):
            break
        fewer, patient = count < fewest, patience > 0
        patience = torch.where(fewer, PATIENCE, patience - 1)
        fewest = torch.minimum(fewest, count)
        last = order == (order * wrong).amax(dim=1, keepdim=True)
        swapped = torch.where((fewer | patient)[:, None], wrong, last)[active]
        positive[active] ^= swapped
        codes[active], gradient[active] = _solved(gram, right[active], positive[active])
    lost = ~right.isfinite().all(dim=1, keepdim=True)
    return codes.clamp_min(0).masked_fill(lost, torch.nan).to(rows)


def _solved(gram: Tensor, right: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (n, rank) that are free where ``positive`` and 0 elsewhere, and the gradient there."""
    free = positive.to(gram)
    systems = gram * free[:, :, None] * free[:, None, :] + torch.diag_embed(1 - free)
    codes = torch.linalg.solve(systems, right * free)
    return codes, codes @ gram - right
