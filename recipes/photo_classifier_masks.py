"""The second stage of the embedded photo classifier: a teacher's answers, under pairs of masks.

``CertifiedShield`` asks a model about each photo under every pair of its masks, so what decides is
the worst pair, not a common one. Each step shows some views, photos or mixtures of two, clean and
under those three of ``draws`` pairs of squares at which the loss is largest (greedy cut-out, arXiv
2306.12610), and asks for what a teacher says of the clean view. Pixels and inner maps are filled as
the shield fills them.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.certified.distill import MASKED, two_squares, worst_masks
from interlock.defend.certified.visible_maps import filled_layers, visible_maps
from interlock.defend.fill import pull_push
from interlock.models.photonet import PhotoNet

SAVED_EVERY = 50
"""Steps from one checkpoint to the next."""
WARMUP = 30
"""Steps in which the learning rate rises."""


@dataclass(frozen=True, kw_only=True)
class MaskStage:
    """What decides the second stage.

    Args:
        steps: gradient steps; 0 leaves the first stage's weights.
        batch: photos of each; the model is trained on four times as many views.
        rate: peak learning rate; falls to 0 along a half cosine.
        squares: least and largest side of a square, as a share of the photo's side.
        draws: pairs of squares of which the worst three are trained under.
        mixed: share of the steps whose views are mixtures of two photos.
        temperature: that both answers are softened by (Hinton et al. 2015, arXiv 1503.02531).
        decay: of weights.
        seed: of photos, views and squares; each step draws anew from (seed, step).
    """

    steps: int
    batch: int
    rate: float
    squares: tuple[float, float]
    draws: int
    mixed: float
    temperature: float
    decay: float
    seed: int


def fit_under_masks(
    model: PhotoNet,
    teacher: Callable[[Tensor], Tensor],
    views: Callable[[Tensor], Tensor],
    labels: Tensor,
    stage: MaskStage,
    checkpoint: Path,
) -> tuple[PhotoNet, float]:
    """Train a copy on; returns the moving average of its weights, in eval mode, and seconds.

    Args:
        model: after the first stage.
        teacher: (B, 3, side, side) -> (B, classes) logits.
        views: (B,) places in ``labels`` -> (B, 3, side, side) clean views, randomly augmented.
        labels: (N,) true classes.
        stage: its options.
        checkpoint: file that an interrupted run goes on from.
    """
    trained = copy.deepcopy(model).to(memory_format=torch.channels_last).requires_grad_(True)
    averaged = copy.deepcopy(trained).eval()
    optimiser = torch.optim.SGD(
        trained.parameters(), stage.rate, momentum=0.9, nesterov=True, weight_decay=stage.decay
    )
    first, seconds = take_up(checkpoint, trained, averaged, optimiser, stage)
    layers = filled_layers(trained.eval(), views(torch.zeros(1, dtype=torch.int64)))
    weights = labels.bincount().float().rsqrt()[labels]
    start, total = time.perf_counter() - seconds, 0.0
    for step in track(range(first, stage.steps), description="under masks"):
        torch.manual_seed(1_000_003 * stage.seed + step)
        chosen = torch.multinomial(weights, stage.batch, replacement=True)
        share = min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / stage.steps))
        for group in optimiser.param_groups:
            group["lr"] = stage.rate * share
        clean = views(chosen)
        if torch.rand(()) < stage.mixed:
            clean = torch.lerp(clean, clean.flip(0), torch.rand(len(clean), 1, 1, 1))
        loss = masked_loss(trained, clean, teacher(clean), stage, step, layers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average(averaged, trained, decay=min(0.99, (1 + step) / (10 + step)))
        total += loss.item()
        done = step + 1
        if done % SAVED_EVERY == 0 or done == stage.steps:
            seconds = time.perf_counter() - start
            print(f"step {done}: loss {total / (done - first):.3f}, {seconds:.0f} s", flush=True)
            first, total = done, 0.0
            keep(checkpoint, trained, averaged, optimiser, stage, done, seconds)
    return averaged, seconds


def masked_loss(
    model: nn.Module,
    clean: Tensor,
    taught: Tensor,
    stage: MaskStage,
    step: int,
    layers: list[nn.Module],
) -> Tensor:
    """Divergence from the teacher of clean views, and of these under their worst squares."""
    rng = np.random.default_rng((stage.seed, step))
    count = stage.draws * len(clean)
    hidden = torch.stack([two_squares(clean.shape[-2:], stage.squares, rng) for _ in range(count)])
    masked = pull_push(clean.repeat(stage.draws, 1, 1, 1), hidden)
    model.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        worst = worst_masks(model, channels_last(masked), hidden, taught.argmax(dim=1), layers)
    model.train()
    nothing = torch.zeros_like(hidden[: len(clean)])
    seen = channels_last(torch.cat([clean, masked[worst]]))
    with (
        visible_maps(torch.cat([nothing, hidden[worst]]), layers),
        torch.autocast("cpu", dtype=torch.bfloat16),
    ):
        logits = model(seen)
    said = (logits.float() / stage.temperature).log_softmax(dim=1)
    wanted = (taught / stage.temperature).softmax(dim=1).repeat(1 + MASKED, 1)
    return F.kl_div(said, wanted, reduction="batchmean") * stage.temperature**2


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def average(averaged: PhotoNet, model: PhotoNet, decay: float) -> None:
    state = model.state_dict()
    for name, value in averaged.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(state[name], 1 - decay)
        else:
            value.copy_(state[name])


def take_up(
    checkpoint: Path,
    model: PhotoNet,
    averaged: PhotoNet,
    optimiser: torch.optim.Optimizer,
    stage: MaskStage,
) -> tuple[int, float]:
    """Steps done and seconds spent by an earlier run, whose state the arguments take."""
    if not checkpoint.exists():
        return 0, 0.0
    state = torch.load(checkpoint, weights_only=True)
    if state["options"] != asdict(stage):
        raise SystemExit(f"{checkpoint}: made with {state['options']}; remove it or use those")
    model.load_state_dict(state["model"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"], state["seconds"]


def keep(
    checkpoint: Path,
    model: PhotoNet,
    averaged: PhotoNet,
    optimiser: torch.optim.Optimizer,
    stage: MaskStage,
    step: int,
    seconds: float,
) -> None:
    state = {"model": model.state_dict(), "averaged": averaged.state_dict()}
    state |= {"optimiser": optimiser.state_dict(), "options": asdict(stage)}
    torch.save(state | {"step": step, "seconds": seconds}, f"{checkpoint}.part")
    os.replace(f"{checkpoint}.part", checkpoint)
