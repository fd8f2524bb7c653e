"""The small network that learns the scenes of ``_parts``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks._parts import CLASSES, Rule, draw

STEPS = 240
XOR_STEPS = 160
BATCH = 64


def build(classes: int) -> nn.Sequential:
    """Four convolutions, an average over the image, and a hidden layer, all with ReLU."""
    layers: list[nn.Module] = []
    channels = 3
    for width, stride in ((16, 1), (32, 2), (48, 2), (64, 1)):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 64), nn.ReLU()]
    return nn.Sequential(*layers, *head, nn.Linear(64, classes))


def train(rule: Rule, seed: int = 0, tick: Callable[[float], None] = lambda _: None) -> nn.Module:
    """Train on scenes drawn afresh for every step; ``tick`` is told each loss.

    Parity gives no gradient to a network that does not know the parts yet. So for ``"xor"`` it
    learns which pair is there first, then gets a new last layer and is trained on as a whole; for
    ``"or"``, whose classes are uneven, too.
    """
    torch.manual_seed(seed)
    model = build(CLASSES["and"])
    _fit(model, "and", STEPS, seed * 100_000, tick)
    if rule != "and":
        model[-1] = nn.Linear(model[-1].in_features, CLASSES[rule])
        _fit(model, rule, XOR_STEPS, seed * 100_000 + STEPS, tick)
    return model.eval()


def _fit(
    model: nn.Module, rule: Rule, steps: int, seed: int, tick: Callable[[float], None]
) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    for step in range(steps):
        scenes = draw(BATCH, rule, seed=seed + step)
        loss = F.cross_entropy(model(scenes.images), scenes.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        tick(loss.item())


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of images whose class the model gets right."""
    with torch.no_grad():
        found = torch.cat([model(part).argmax(dim=1) for part in images.split(100)])
    return float((found == labels).double().mean())
