"""A model, a method and pictures that cost next to nothing: what is left is the lab's own work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

SIDE = 8


class Mean(nn.Module):
    """Logits (-m, m) of the mean m of the pixels."""

    labels = ("dark", "bright")

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([-mean, mean], dim=1)

    @staticmethod
    def preprocess(image: Image.Image) -> Tensor:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255 - 0.5


def model() -> nn.Module:
    return Mean()


def pixels(model: nn.Module, *, scale: float = 1.0) -> Callable[[Tensor, int], Tensor]:
    """The picture itself as its explanation."""
    return lambda x, target: scale * x.abs().sum(dim=0)


def write_pictures(folder: Path, count: int) -> None:
    """Noise, each picture another one; uncompressed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for k in range(count):
        path = folder / f"{k:06}.ppm"
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        if not path.exists():
            Image.fromarray(pixels).save(path)


def write_study(path: Path, pictures: int, methods: int, *, artefacts: bool = False) -> Path:
    """A study of the pictures beside it, one item for each picture and method."""
    lines = [
        'task = "explain"',
        'metrics = ["gini"]',
        f"artefacts = {'true' if artefacts else 'false'}",
        '[[models]]\nmodel = "_lab_cheap:model"\nname = "mean"',
        f'[[data]]\nkind = "folder"\npath = "pictures"\nlimit = {pictures}',
    ]
    lines += [
        f'[[methods]]\nmethod = "_lab_cheap:pixels"\nname = "pixels {k}"\n'
        f"options = {{ scale = {k + 1}.0 }}"
        for k in range(methods)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path
