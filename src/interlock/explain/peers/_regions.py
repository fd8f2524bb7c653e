"""Images as coalitions of regions: a region is there, or it shows the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from interlock.errors import OptionError
from interlock.explain._baseline import Baseline, baseline_for
from interlock.explain._derivatives import Differentiable
from interlock.explain.hsets import displayed
from interlock.explain.priors import Prior, resolve, segment, slic

Partition = int | str | Prior | NDArray[Any] | Tensor
"""About how many SLIC superpixels, or a prior as :class:`interlock.HSets` takes it."""


def check_partition(regions: Partition) -> None:
    """Refuse what names no prior.

    Raises:
        OptionError: a count below 1 or an unknown name.
    """
    if isinstance(regions, int) and (isinstance(regions, bool) or regions < 1):
        raise OptionError(f"regions={regions}: must be at least 1")
    if isinstance(regions, str) and regions != "sam":
        _prior(regions)


def _prior(regions: Partition) -> Prior:
    if isinstance(regions, int):
        return partial(slic, regions=regions)
    return resolve(regions)  # type: ignore[arg-type]  # an unknown name is refused there


def partition(x: Tensor, regions: Partition) -> Tensor:
    """(H, W) labels 0 .. K - 1 of an image, on the CPU."""
    return torch.from_numpy(segment(_prior(regions), displayed(x)))


def painted(values: Tensor, labels: Tensor) -> Tensor:
    """(K,) values of regions -> (H, W), each pixel with its region's."""
    return values.cpu()[labels]


@dataclass(frozen=True, eq=False)
class Game:
    """What the model answers when only some of K regions are there."""

    model: Differentiable
    x: Tensor
    """(C, H, W)"""
    labels: Tensor
    """(H, W) in 0 .. K - 1."""
    missing: Tensor
    """(C, H, W): what is seen where a region is not there."""
    batch: int
    """Images in one pass."""

    @classmethod
    def over(
        cls, model: Differentiable, x: Tensor, regions: Partition, baseline: Baseline, batch: int
    ) -> Game:
        """The game on an image's regions."""
        return cls(model, x, partition(x, regions).to(x.device), baseline_for(x, baseline), batch)

    @property
    def players(self) -> int:
        """K."""
        return int(self.labels.max()) + 1

    def logits(self, present: Tensor) -> Tensor:
        """(n, K) bool -> (n, classes) float64 on the CPU."""
        answers = []
        for part in torch.split(present.to(self.labels.device), self.batch):
            shown = part[:, self.labels].unsqueeze(1)  # (n, 1, H, W)
            answers.append(
                self.model.logits(torch.where(shown, self.x, self.missing)).double().cpu()
            )
        return torch.cat(answers)

    def value(self, target: int) -> Callable[[Tensor], Tensor]:
        """The function (n, K) bool -> (n,) logits of one class."""
        return lambda present: self.logits(present)[:, target]
