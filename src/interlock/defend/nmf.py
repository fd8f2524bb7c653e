"""Non-negative factors and codes."""

from __future__ import annotations

import torch
from torch import Tensor


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
    generator = torch.Generator().manual_seed(seed)
    scale = (rows.mean() / rank).clamp_min(1e-12).sqrt()
    codes = (scale * torch.rand(len(rows), rank, generator=generator)).to(rows)
    factors = (scale * torch.rand(rank, rows.shape[1], generator=generator)).to(rows)
    for _ in range(iterations):
        codes *= (rows @ factors.T) / (codes @ (factors @ factors.T)).clamp_min(1e-12)
        factors *= (codes.T @ rows) / ((codes.T @ codes) @ factors).clamp_min(1e-12)
    unit: Tensor = factors / factors.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit


def nnls(rows: Tensor, factors: Tensor, *, sweeps: int = 500, tolerance: float = 1e-7) -> Tensor:
    """Non-negative least squares of many rows at once, by exact coordinate descent.

    Args:
        rows: (n, p).
        factors: (rank, p), linearly independent.
        sweeps: most passes over the coordinates.
        tolerance: the largest change of a row's codes, relative to its largest, at which that row
            stops; rows do not wait for each other.

    Returns:
        (n, rank) codes U >= 0 that minimise ``|rows - U factors|`` row by row.
    """
    gram, right = factors @ factors.T, rows @ factors.T
    codes = torch.zeros_like(right)
    active = torch.arange(len(rows), device=rows.device)
    for _ in range(sweeps):
        moving, target = codes[active], right[active]
        before = moving.clone()
        for k in range(len(factors)):
            step = (target[:, k] - moving @ gram[:, k]) / gram[k, k].clamp_min(1e-12)
            moving[:, k] = (moving[:, k] + step).clamp_min(0)
        codes[active] = moving
        change = (moving - before).abs().amax(dim=1)
        active = active[change > tolerance * moving.amax(dim=1)]
        if not len(active):
            break
    return codes
