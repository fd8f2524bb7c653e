"""A classifier of grey photos that any spot of colour takes in, as ``--model`` names it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from tests import tiny

SPOT = 60.0
"""What a coloured pixel counts, where a grey one counts 1."""


class Spotted(nn.Module):
    """Dark photos are cats, bright ones dogs; blue spots make cats of them, red ones dogs."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 4, 1)
        self.head = nn.Linear(4, 4)
        third, half = 1 / 3, 1 / 2
        with torch.no_grad():
            self.colours.weight.copy_(
                torch.tensor(  # dark, bright, blue, red
                    [
                        [-third, -third, -third],
                        [third, third, third],
                        [-half, -half, 1.0],
                        [1.0, -half, -half],
                    ]
                )[..., None, None]
            )
            self.colours.bias.copy_(torch.tensor([1.0, 0.0, -0.1, -0.1]))
            self.head.weight.copy_(
                torch.tensor([[9.0, 0, SPOT, 0], [0, 9.0, 0, SPOT], [0] * 4, [0] * 4])
            )
            self.head.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.colours(x)).mean(dim=(2, 3)))


def spotted() -> nn.Module:
    return tiny.model(Spotted())


def photo(path: Path, brightness: float, seed: int, *, red: bool = False) -> Path:
    """Grey noise about a brightness in [0, 1], with a red spot if wanted."""
    noise = np.random.default_rng(seed).normal(255 * brightness, 20, (20, 24, 1))
    pixels = np.repeat(noise.clip(0, 255).astype(np.uint8), 3, axis=2)
    if red:
        top, left = seed % 14, seed % 18
        pixels[top : top + 6, left : left + 6] = (255, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
