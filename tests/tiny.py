"""A tiny classifier of 16 x 16 pixels, as ``--model`` names it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tests.networks import SmallCNN

PAUSE = 0.15
"""Seconds for each photo, so that there is a middle to be stopped in."""
LABELS = ["cat", "dog", "7", "teapot"]

# What `preprocess` does before anything else, so that a test can interrupt or break it.
before: list[Callable[[Image.Image], None]] = []


def preprocess(image: Image.Image) -> Tensor:
    for action in before:
        action(image)
    pixels = np.array(image.convert("RGB").resize((16, 16)))
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def model(network: nn.Module) -> nn.Module:
    network.preprocess = preprocess
    network.labels = LABELS
    return network.eval()


def tiny() -> nn.Module:
    return model(SmallCNN())


def other() -> nn.Module:
    return model(SmallCNN(seed=1))


def slow() -> nn.Module:
    """The same model as ``tiny``, at leisure."""

    def waiting(image: Image.Image) -> Tensor:
        time.sleep(PAUSE)
        return preprocess(image)

    network = model(SmallCNN())
    network.preprocess = waiting
    return network


def photo(path: Path, seed: int = 0, size: tuple[int, int] = (24, 20)) -> Path:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path)
    return path
