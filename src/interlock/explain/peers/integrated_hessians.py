"""Integrated Hessians between the cells of a coarse partition (Janizek et al. 2021).

arXiv 2002.04138. For features i != j,

    Gamma_ij = (x_i - x'_i)(x_j - x'_j) int_0^1 int_0^1 ab H_ij(x' + ab (x - x')) da db

and Gamma_ii has the same term and (x_i - x'_i) int int df/dx_i. Here a feature is a
cell: Gamma_kl sums Gamma_ij over i in cell k and j in cell l. As t = ab has density -ln t on
(0, 1), both double integrals are single ones, and one quadrature serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain._kinks import TAU, monotone_step
from interlock.explain.peers._asking import Asking
from interlock.explain.peers._regions import Partition, painted, partition

Part = Literal["interactions", "all"]


@dataclass(frozen=True, eq=False)
class CellHessian:
    """Integrated Hessians between K cells."""

    gamma: Tensor
    """(K, K) symmetric but for rounding, in logits; it sums to f(x) - f(x'), approximately."""
    labels: Tensor
    """(H, W) the cells."""


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegratedHessians(Asking):
    """Which cells change each other's effect, for the class or against it.

    ReLU has no second derivative: its value stays exact and its slope is smooth, as in H-Sets,
    but rises by 1 in all, so that Gamma sums to f(x) - f(x'). The paper replaces ReLU by softplus.
    K cells take K products with the Hessian at each step.
    """

    regions: Partition = "grid"
    """The cells; the grid has 7 x 7."""
    baseline: Baseline = 0.0
    """x'."""
    steps: int = 10
    """Points of the quadrature, >= 1."""
    tau: float = TAU
    """Width of the smoothing of kinks, > 0."""
    part: Part = "interactions"
    """What a pixel shows: the sum of its cell's interactions with others, or of all its row,
    which is the Integrated Gradient of the cell, up to the smoothing."""
    _least: ClassVar = {"steps": 1, "tau": 1e-12}
    _choices: ClassVar = {"part": Part}

    def explain(self, x: Tensor, target: int) -> CellHessian:
        """The matrix behind :meth:`saliency`; the same arguments and errors."""
        return self._cell_hessian(*self._asked(x, target))

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        hessian = self._cell_hessian(model, x, target)
        rows = hessian.gamma.sum(dim=1)
        return painted(
            rows if self.part == "all" else rows - hessian.gamma.diagonal(), hessian.labels
        )

    def _cell_hessian(self, model: Differentiable, x: Tensor, target: int) -> CellHessian:
        labels = partition(x, self.regions)
        start = baseline_for(x, self.baseline)
        difference = (x - start).cpu()
        cells = int(labels.max()) + 1
        inside = labels == torch.arange(cells).view(-1, 1, 1)  # (K, H, W)
        directions = difference * inside.unsqueeze(1)  # (K, C, H, W)
        flat = directions.flatten(1).double()
        nodes, weights = quadrature(self.steps)
        points = start + nodes.to(x).view(-1, 1, 1, 1) * (x - start)
        slopes = model.gradients(points, target).cpu().flatten(1).double()
        gamma = torch.diag(flat @ (weights @ slopes))
        for point, node, weight in zip(points, nodes.tolist(), weights.tolist(), strict=True):
            curved = model.hessian(point, target, min(self.batch, cells), self.tau, monotone_step)
            products = curved(directions)
            gamma += weight * node * (flat @ products.flatten(1).double().T)
        return CellHessian(gamma, labels)


def quadrature(steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights for integrals over -ln t dt on (0, 1), (steps,) float64 each.

    The interval is cut evenly; each part is represented by its centre of mass, so integrands
    linear in t, and with them Gamma of a quadratic function, are integrated exactly.
    """
    ends = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    mass = ends - torch.special.xlogy(ends, ends)  # of -ln t on (0, t)
    moment = ends.square() / 4 - torch.special.xlogy(ends.square(), ends) / 2  # of -t ln t
    return moment.diff() / mass.diff(), mass.diff()
