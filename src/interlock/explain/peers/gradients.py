"""The gradient at the image itself, and SmoothGrad's mean of it over noisy copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking, Evidence, reduced, seeded


@dataclass(frozen=True, eq=False, kw_only=True)
class GradientInput(Asking):
    """Gradient at x times x - x' (Shrikumar et al. 2016, arXiv 1605.01713)."""

    baseline: Baseline = 0.0
    """x': 0 gives gradient times input; ``"blur"`` what the blur takes away."""
    evidence: Evidence = "signed"

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        (gradient,) = model.gradients(x[None], target)
        return reduced(gradient * (x - baseline_for(x, self.baseline)), self.evidence)


@dataclass(frozen=True, eq=False, kw_only=True)
class SmoothGrad(Asking):
    """Mean gradient over noisy copies of x (Smilkov et al. 2017, arXiv 1706.03825), by Captum."""

    samples: int = 20
    """Noisy copies, >= 1."""
    noise: float = 0.15
    """Standard deviation of the noise as a share of the range of x, as in the paper."""
    times_input: bool = False
    """Multiply each gradient by its noisy copy."""
    evidence: Evidence = "absolute"
    _least: ClassVar = {"samples": 1, "noise": 0.0}

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        from captum.attr import InputXGradient, NoiseTunnel, Saliency

        options: dict[str, Any] = {} if self.times_input else {"abs": False}
        method = InputXGradient if self.times_input else Saliency
        with seeded(self.seed, x.device):
            (attribution,) = NoiseTunnel(method(model.forward)).attribute(
                x[None].clone().requires_grad_(),
                nt_type="smoothgrad",
                nt_samples=self.samples,
                nt_samples_batch_size=self.batch,
                stdevs=self.noise * float(x.max() - x.min()),
                target=target,
                **options,
            )
        return reduced(attribution, self.evidence)
