"""Insertion and deletion: the class probability as pixels come or go (Petsiuk et al. 2018).

arXiv 1806.07421, section 3.3. Pixels are taken in the order of their saliency, the most relevant
first. A good map makes the probability rise early as they come, and fall early as they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.explain._baseline import Baseline, baseline_for, blurred, check_baseline
from interlock.explain._derivatives import Differentiable, check_image, check_target
from interlock.explain.measures._ranking import ranking
from interlock.models.probability import has_independent_labels, probabilities

# The authors blur with a Gaussian of 5 pixels at 224, cut off at 11 x 11.
BLUR = 5 / 224
BATCH = 16


@dataclass(frozen=True)
class Curve:
    """The class probability over the share of the pixels that have changed."""

    higher_is_better: ClassVar[bool]
    """Of two methods, whether the one with the larger score is the better."""
    fractions: tuple[float, ...]
    """Of the pixels, from 0 to 1."""
    probabilities: tuple[float, ...]
    """Of the class: by softmax, or by sigmoid for a lone or independent logit."""

    @property
    def auc(self) -> float:
        """Area under the curve by the trapezoid rule, in [0, 1]."""
        heights, widths = np.array(self.probabilities), np.diff(self.fractions)
        return float(((heights[1:] + heights[:-1]) / 2 * widths).sum())

    @property
    def score(self) -> float:
        """The area under the curve."""
        return self.auc


@dataclass(frozen=True)
class Insertion(Curve):
    """The most relevant pixels come first, onto a ground without them."""

    higher_is_better: ClassVar[bool] = True
    """Of two methods, whether the one with the larger score is the better."""


@dataclass(frozen=True)
class Deletion(Curve):
    """The most relevant pixels go first."""

    higher_is_better: ClassVar[bool] = False
    """Of two methods, whether the one with the larger score is the better."""


def insertion(
    model: nn.Module,
    x: Tensor,
    saliency: Tensor | NDArray[np.floating],
    target: int,
    *,
    steps: int = 50,
    fill: Baseline = "blur",
    seed: int = 0,
) -> Insertion:
    """Insert pixels into the filled image, the most relevant first.

    Args:
        x: (C, H, W), as the model takes it.
        saliency: (H, W); larger is more relevant, the sign counts.
        steps: points of the curve after the first, >= 1, at most one for each pixel; the authors
            take one for every 224 pixels.
        fill: what is seen before: ``"blur"`` (Gaussian, sigma = longer side * 5 / 224, as the
            authors), a number, or a tensor that broadcasts to the image.
        seed: of the order of pixels with equal saliency.

    Raises:
        ImageError, ModelError, OptionError: as :meth:`interlock.HSets.explain`.
    """
    return Insertion(*_along(model, _ground(x, fill), x, saliency, target, steps, seed))


def deletion(
    model: nn.Module,
    x: Tensor,
    saliency: Tensor | NDArray[np.floating],
    target: int,
    *,
    steps: int = 50,
    fill: Baseline = 0.0,
    seed: int = 0,
) -> Deletion:
    """Fill pixels of the image, the most relevant first.

    The arguments and errors are those of :func:`insertion`; the fill of 0 is the authors', mid-grey
    or the mean colour where images are normalised.
    """
    return Deletion(*_along(model, x, _ground(x, fill), saliency, target, steps, seed))


def _ground(x: Tensor, fill: Baseline) -> Tensor:
    check_image(x)
    check_baseline(fill, "fill")
    if isinstance(fill, str):
        return blurred(x, BLUR * max(x.shape[1:]))
    return baseline_for(x, fill)


def _along(
    model: nn.Module,
    start: Tensor,
    end: Tensor,
    saliency: Tensor | NDArray[np.floating],
    target: int,
    steps: int,
    seed: int,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fractions and probabilities as pixels of ``start`` become those of ``end``."""
    if steps < 1:
        raise OptionError(f"steps={steps}: must be at least 1")
    order = ranking(start, saliency, seed)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    place = torch.from_numpy(rank).view(start.shape[1:]).to(start.device)
    counts = np.linspace(0, len(order), min(steps, len(order)) + 1).round().astype(int)
    asked, heights = Differentiable(model, BATCH), []
    independent = has_independent_labels(model)
    for part in torch.split(torch.from_numpy(counts).to(start.device), BATCH):
        changed = place < part.view(-1, 1, 1)  # (n, H, W)
        logits = asked.logits(torch.where(changed.unsqueeze(1), end, start).float())
        check_target(logits, target)
        heights += probabilities(logits.double(), independent)[:, target].tolist()
    return tuple((counts / len(order)).tolist()), tuple(heights)
