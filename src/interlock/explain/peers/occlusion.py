"""Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901), by Captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking, Evidence, kept


@dataclass(frozen=True, eq=False, kw_only=True)
class Occlusion(Asking):
    """Drop of the logit as a square hides one place after another (section 4.2).

    A pixel gets the mean drop over the squares that hid it.
    """

    window: int | None = None
    """Side of the square in pixels, >= 1; None for a seventh of the shorter side (32 at 224)."""
    stride: int | None = None
    """Pixels from one place to the next, at most the window; None for half of it."""
    baseline: Baseline = 0.0
    """What the square shows."""
    evidence: Evidence = "signed"
    _least: ClassVar = {"window": 1, "stride": 1}

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        from captum.attr import Occlusion as Captum

        shorter = min(x.shape[1:])
        window = min(self.window or max(1, round(shorter / 7)), shorter)
        stride = min(self.stride or max(1, window // 2), window)
        attribution = Captum(model.logits).attribute(
            x[None],
            sliding_window_shapes=(len(x), window, window),
            strides=(len(x), stride, stride),
            baselines=baseline_for(x, self.baseline)[None],
            target=target,
            perturbations_per_eval=self.batch,
        )
        drop: Tensor = attribution[0, 0]  # all channels are hidden together and get the same
        return kept(drop, self.evidence)
