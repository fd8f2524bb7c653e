"""A model, methods and metrics that cost nothing, for tests of the lab itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

LABELS = ["dark", "bright"]


class Brightness(nn.Module):
    """Logits (-m, m) of the mean m of the pixels."""

    labels = LABELS

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3))
        return torch.stack([-mean, mean], dim=1)

    @staticmethod
    def preprocess(image: Image.Image) -> Tensor:
        pixels = np.asarray(image.resize((8, 8)).convert("RGB"))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 127.5 - 1


def model() -> nn.Module:
    return Brightness()


def pixels(model: nn.Module, *, scale: float = 1.0, pause: float = 0.0) -> Callable[..., Tensor]:
    """The image itself as its explanation."""

    def explain(x: Tensor, target: int) -> Tensor:
        time.sleep(pause)
        return scale * x.abs().sum(dim=0)

    return explain


def noise(model: nn.Module, *, seed: int = 0) -> Callable[..., Tensor]:
    """Random numbers of the global generators, as libraries draw them."""

    def explain(x: Tensor, target: int) -> Tensor:
        return torch.rand(x.shape[1:]) + float(np.random.rand())

    return explain


def moody(model: nn.Module, *, mark: str = "") -> Callable[..., Tensor]:
    """Fails on bright images, as long as the file ``mark`` is not there."""

    def explain(x: Tensor, target: int) -> Tensor:
        if target == 1 and not (mark and Path(mark).exists()):
            raise RuntimeError("too bright\nfor me")
        return x.abs().sum(dim=0)

    return explain


def deadly(model: nn.Module) -> Callable[..., Tensor]:
    """Kills its process on bright images."""

    def explain(x: Tensor, target: int) -> Tensor:
        if target == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return x.abs().sum(dim=0)

    return explain


def total(
    model: nn.Module,
    x: Tensor,
    target: int,
    saliency: Tensor,
    *,
    explain: Callable[..., Tensor],
    seed: int,
) -> float:
    return float(saliency.sum())


def write_images(folder: Path, count: int, *, size: int = 8) -> Path:
    """Grey noise of rising brightness; every image differs."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for k in range(count):
        mean = 255 * (k + 0.5) / count
        values = np.clip(rng.normal(mean, 20, (size, size, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(values).save(folder / f"{k:05}.png")
    return folder


STUDY = """
task = "explain"
metrics = {metrics}
seeds = {seeds}
[[models]]
model = "tests.lab.cheap:model"
name = "brightness"
[[data]]
kind = "folder"
path = "images"
{methods}
"""


def write_study(
    folder: Path,
    *methods: str,
    metrics: str = '["gini", {metric = "tests.lab.cheap:total", name = "total"}]',
    seeds: str = "[0]",
) -> Path:
    """A study of the images beside it; ``methods`` are the bodies of ``[[methods]]`` tables."""
    tables = "".join(f"[[methods]]\n{body}\n" for body in methods)
    path = folder / "study.toml"
    path.write_text(STUDY.format(metrics=metrics, seeds=seeds, methods=tables))
    return path


PIXELS = 'method = "tests.lab.cheap:pixels"\nname = "pixels"'
NOISE = 'method = "tests.lab.cheap:noise"\nname = "noise"'


def counted(model: nn.Module, *, log: str, pause: float = 0.0) -> Callable[..., Tensor]:
    """As ``pixels``, with a line in a file for each call."""

    def explain(x: Tensor, target: int) -> Tensor:
        with Path(log).open("a") as file:
            file.write(f"{float(x.sum()):.6f}\n")
        time.sleep(pause)
        return x.abs().sum(dim=0)

    return explain
