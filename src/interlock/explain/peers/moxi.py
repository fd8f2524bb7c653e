"""MoXI: groups of patches by Shapley values and interactions (Sumiyasu et al. 2024).

arXiv 2401.03785, the variant by insertion. With self-context, the Shapley value of patch i is
v({i}) - v({}), and that of a group A with i, counted as one player, is v(A + i) - v({}); the
interaction of A and i is what the second exceeds the sum of its parts by. So the patch with the
largest sum of value and interaction is the one that raises v(A + i) most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from interlock.explain._baseline import Baseline
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking
from interlock.explain.peers._regions import Game, Partition, painted

Reward = Literal["log-odds", "log-probability", "logit"]


@dataclass(frozen=True, eq=False, kw_only=True)
class MoXI(Asking):
    """Patches in the order in which greedy insertion takes them.

    The first of K patches gets 1, the last 1 / K, those never taken 0: a rank, for the method
    gives no other value. K patches take K (K + 1) / 2 forward passes. Equal rewards are broken by
    the seed.
    """

    regions: Partition = "grid"
    """The patches; the grid has 7 x 7, as the paper's for convolutional networks."""
    baseline: Baseline = 0.0
    """What is seen where no patch has been inserted."""
    reward: Reward = "log-odds"
    """v: log p / (1 - p) of the class as in the paper's code, log p, or the logit."""
    most: int | None = None
    """Patches to insert, >= 1; None for all."""
    _least: ClassVar = {"most": 1}
    _choices: ClassVar = {"reward": Reward}

    def order(self, x: Tensor, target: int) -> list[int]:
        """Patches, the first inserted first; the arguments and errors of :meth:`saliency`."""
        model, x, target = self._asked(x, target)
        return self._order(self._game(model, x), target)

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        game = self._game(model, x)
        order = self._order(game, target)
        values = torch.zeros(game.players)
        values[order] = 1 - torch.arange(len(order)) / game.players
        return painted(values, game.labels.cpu())

    def _game(self, model: Differentiable, x: Tensor) -> Game:
        return Game.over(model, x, self.regions, self.baseline, self.batch)

    def _order(self, game: Game, target: int) -> list[int]:
        drawn = torch.Generator().manual_seed(self.seed)
        left = torch.randperm(game.players, generator=drawn)  # argmax takes the first of equals
        group = torch.zeros(game.players, dtype=torch.bool)
        order: list[int] = []
        while len(left) and len(order) != self.most:
            trial = group.repeat(len(left), 1)
            trial[torch.arange(len(left)), left] = True
            best = int(self._reward(game.logits(trial), target).argmax())
            order.append(int(left[best]))
            group[left[best]] = True
            left = torch.cat([left[:best], left[best + 1 :]])
        return order

    def _reward(self, logits: Tensor, target: int) -> Tensor:
        if self.reward == "logit":
            return logits[:, target]
        if self.reward == "log-probability":
            return logits.log_softmax(dim=1)[:, target]
        others = logits.clone()
        others[:, target] = -torch.inf
        return logits[:, target] - others.logsumexp(dim=1)
