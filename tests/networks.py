"""Small networks; a program that a test starts loads them without the tools of the tests."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SmallCNN(nn.Module):
    """Two convolutions with functional ReLU and a residual; (N, 3, H, W) -> (N, classes)."""

    def __init__(self, classes: int = 4, channels: int = 3, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.conv1 = nn.Conv2d(channels, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)
            self.conv2 = nn.Conv2d(8, 8, 3, padding=1, groups=4)
            self.head = nn.Linear(8, classes)
            self.norm.running_mean.uniform_(-0.1, 0.1)
            self.norm.running_var.uniform_(0.5, 1.5)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.conv1(x)))
        y = F.relu(self.conv2(y) + y)
        return self.head(y.mean(dim=(2, 3)))


class Quadratic(nn.Module):
    """Logit 0 is x^T A x / 2 + b x, so its Hessian is A; logit 1 is 0."""

    def __init__(self, matrix: Tensor, slope: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.register_buffer("slope", torch.zeros(len(matrix)) if slope is None else slope)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        value = 0.5 * ((flat @ self.matrix) * flat).sum(dim=1) + flat @ self.slope
        return torch.stack([value, torch.zeros_like(value)], dim=1)
