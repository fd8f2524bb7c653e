"""Does an explanation stay when the image hardly changes? (Yeh et al. 2019, arXiv 1901.09392)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.errors import OptionError


@dataclass(frozen=True)
class Stability:
    """How far the map moves when noise is added to the image."""

    higher_is_better: ClassVar[bool] = False
    """Of two methods, whether the one with the larger score is the better."""
    changes: tuple[float, ...]
    """Sample by sample, |map - noisy map| / |map|, Euclidean; 1 where a map of zeros becomes
    another one."""
    slopes: tuple[float, ...]
    """|map - noisy map| / |noise|, a lower bound of the local Lipschitz constant."""

    @property
    def maximum(self) -> float:
        """The largest relative change: max-sensitivity, relative to the map."""
        return max(self.changes)

    @property
    def mean(self) -> float:
        """The mean relative change."""
        return float(np.mean(self.changes))

    @property
    def lipschitz(self) -> float:
        """The largest slope (Alvarez-Melis and Jaakkola 2018, arXiv 1806.08049)."""
        return max(self.slopes)

    @property
    def score(self) -> float:
        """The largest relative change."""
        return self.maximum


def stability(
    model: nn.Module,
    x: Tensor,
    target: int,
    explain: Callable[[nn.Module, Tensor, int], Tensor],
    *,
    saliency: Tensor | NDArray[np.floating] | None = None,
    radius: float = 0.02,
    samples: int = 10,
    seed: int = 0,
) -> Stability:
    """Explain the same class on noisy copies of the image.

    Args:
        x: (C, H, W).
        explain: (model, x, target) -> (H, W); ``interlock.explain.peers.explainer`` makes one.
        saliency: (H, W) that ``explain`` gave for x; None to ask it.
        radius: the noise is uniform in [-radius, radius] times the range of x, > 0.
        samples: noisy copies, >= 1.
        seed: of the noise.

    Raises:
        OptionError: an option out of range, or an image without any range.
    """
    if samples < 1:
        raise OptionError(f"samples={samples}: must be at least 1")
    if not radius > 0:
        raise OptionError(f"radius={radius}: must be above 0")
    reach = radius * float(x.max() - x.min())
    if reach == 0:
        raise OptionError("the image is of one value; its range gives the noise no size")
    before = np.asarray(explain(model, x, target) if saliency is None else saliency, np.float64)
    check_seed(seed)
    drawn = torch.Generator().manual_seed(seed)
    changes, slopes = [], []
    for _ in range(samples):
        noise = ((torch.rand(x.shape, generator=drawn) * 2 - 1) * reach).to(x)
        after = np.asarray(explain(model, x + noise, target), np.float64)
        moved, size = float(np.linalg.norm(after - before)), float(np.linalg.norm(before))
        changes.append(moved / size if size > 0 else float(moved > 0))
        slopes.append(moved / float(noise.norm()))
    return Stability(tuple(changes), tuple(slopes))
