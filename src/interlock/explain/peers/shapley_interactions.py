"""Pairwise Shapley interactions of regions, by ``shapiq`` (Muschalik et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interlock.explain._baseline import Baseline
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking
from interlock.explain.peers._regions import Game, Partition, painted

Index = Literal["k-SII", "STII"]
Part = Literal["interactions", "all"]


@dataclass(frozen=True, eq=False)
class PairwiseShapley:
    """Shapley interactions up to order 2 of K regions."""

    main: Tensor
    """(K,) first order, in logits."""
    interactions: Tensor
    """(K, K) symmetric, zero on the diagonal; ``main`` and half of it sum to v(all) - v(none)."""
    labels: Tensor
    """(H, W) the regions."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ShapleyInteractions(Asking):
    """k-SII (Bordt and von Luxburg 2023, arXiv 2209.04012) or STII (arXiv 1902.05622).

    Exact where 2^K coalitions of the K regions are within the budget; otherwise k-SII by
    KernelSHAP-IQ (arXiv 2405.10852) and STII by SHAP-IQ (arXiv 2303.01179).
    """

    regions: Partition = 16
    baseline: Baseline = 0.0
    """What is seen where a region is not there."""
    index: Index = "k-SII"
    """Which axioms the interactions obey."""
    budget: int = 1000
    """Forward passes, >= 4; with many regions at least several times K^2 / 2."""
    part: Part = "interactions"
    """What a pixel shows: its region's half of all its interactions, or the main effect too,
    which for k-SII is the Shapley value."""
    _least: ClassVar = {"budget": 4}
    _choices: ClassVar = {"index": Index, "part": Part}

    def explain(self, x: Tensor, target: int) -> PairwiseShapley:
        """The values behind :meth:`saliency`; the same arguments and errors."""
        return self._pairwise(*self._asked(x, target))

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        values = self._pairwise(model, x, target)
        share = values.interactions.sum(dim=1) / 2
        return painted(share + values.main if self.part == "all" else share, values.labels)

    def _pairwise(self, model: Differentiable, x: Tensor, target: int) -> PairwiseShapley:
        game = Game.over(model, x, self.regions, self.baseline, self.batch)
        players, value = game.players, game.value(target)
        main, pairs = torch.zeros(players), torch.zeros(players, players)
        nothing, whole = value(torch.tensor([[False] * players, [True] * players])).tolist()
        if players == 1:
            main[0] = whole - nothing
            return PairwiseShapley(main, pairs, game.labels.cpu())

        def worth(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
            worths = value(torch.from_numpy(np.asarray(coalitions, dtype=bool))) - nothing
            return np.asarray(worths.numpy(), dtype=np.float64)

        for members, effect in self._computed(worth, players).items():
            if len(members) == 1:
                main[members[0]] = effect
            elif len(members) == 2:
                pairs[members] = pairs[members[::-1]] = effect
        return PairwiseShapley(main, pairs, game.labels.cpu())

    def _computed(self, worth: Any, players: int) -> dict[tuple[int, ...], float]:
        import shapiq

        if 2**players <= self.budget:
            estimate = shapiq.ExactComputer(worth, n_players=players)(self.index, order=2)
        else:
            kind = shapiq.KernelSHAPIQ if self.index == "k-SII" else shapiq.SHAPIQ
            approximator = kind(n=players, max_order=2, index=self.index, random_state=self.seed)
            estimate = approximator.approximate(self.budget, worth)
        return {tuple(members): float(effect) for members, effect in estimate.dict_values.items()}
