"""KernelSHAP over regions (Lundberg and Lee 2017, arXiv 1705.07874), by Captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking, Evidence, kept, seeded
from interlock.explain.peers._regions import Partition, partition


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelShap(Asking):
    """Shapley values of regions by weighted least squares over sampled coalitions (theorem 2)."""

    regions: Partition = "slic"
    baseline: Baseline = 0.0
    """What is seen where a region is not there."""
    samples: int = 200
    """Coalitions, >= 2."""
    evidence: Evidence = "signed"
    _least: ClassVar = {"samples": 2}

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        from captum.attr import KernelShap as Captum

        start = baseline_for(x, self.baseline)
        regions = partition(x, self.regions).to(x.device)
        if int(regions.max()) == 0:  # the only player has all; Captum's kernel is undefined there
            whole, nothing = model.logits(torch.stack([x, start]))[:, target]
            return kept((whole - nothing).expand(x.shape[1:]), self.evidence)
        with seeded(self.seed, x.device):
            attribution = Captum(model.logits).attribute(
                x[None],
                baselines=start[None],
                target=target,
                feature_mask=regions.expand(1, *x.shape),
                n_samples=self.samples,
                perturbations_per_eval=self.batch,
            )
        value: Tensor = attribution[0, 0]  # every channel of a region has the region's value
        return kept(value, self.evidence)
