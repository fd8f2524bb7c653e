"""Tiny models whose explanations can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

# Four quadrants of an 8 x 8 image: 0 and 1 above, 2 and 3 below.
QUADRANTS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((4, 4), dtype=np.int64))
ONES = torch.ones(1, 8, 8)


class Parts(nn.Module):
    """Logit 0 is a function of the quadrants' means, (N, 4) -> (N,); logit 1 is 0."""

    def __init__(self, rule: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.rule = rule

    def forward(self, x: Tensor) -> Tensor:
        quadrants = x.mean(dim=1).unflatten(1, (2, 4)).unflatten(3, (2, 4))  # (N, 2, 4, 2, 4)
        value = self.rule(quadrants.mean(dim=(2, 4)).flatten(1))
        return torch.stack([value, torch.zeros_like(value)], dim=1)


def linear(features: int, classes: int = 3, seed: int = 0) -> nn.Sequential:
    """Flatten and one linear layer."""
    generator = torch.Generator().manual_seed(seed)
    layer = nn.Linear(features, classes)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(classes, features, generator=generator) / features**0.5)
        layer.bias.copy_(torch.randn(classes, generator=generator))
    return nn.Sequential(nn.Flatten(), layer)


def weights(model: nn.Sequential, target: int, like: Tensor) -> Tensor:
    """The class's weights in the image's shape."""
    return model[1].weight[target].detach().view_as(like)


def image(*shape: int, seed: int = 1) -> Tensor:
    """Uniform in [-1, 1)."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
