"""Integrated Gradients (Sundararajan et al. 2017, arXiv 1703.01365), by Captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking, Evidence, reduced


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegratedGradients(Asking):
    """(x - x') times the mean gradient on the straight path from x' to x (equation 1)."""

    baseline: Baseline = 0.0
    """x': ``"blur"``, a number, or a tensor that broadcasts to the image."""
    steps: int = 50
    """Points of Captum's Gauss-Legendre quadrature, >= 1."""
    evidence: Evidence = "signed"
    _least: ClassVar = {"steps": 1}

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        from captum.attr import IntegratedGradients as Captum

        (attribution,) = Captum(model.forward).attribute(
            x[None].clone().requires_grad_(),
            baseline_for(x, self.baseline)[None],
            target=target,
            n_steps=self.steps,
            internal_batch_size=self.batch,
        )
        return reduced(attribution, self.evidence)
