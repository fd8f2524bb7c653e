"""Training a copy of a model to keep its labels, or to find the true ones, under masks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock._seeds import check_seed
from interlock.defend._files import model_id, restore, store
from interlock.defend.certified.visible_maps import filled_layers, visible_maps
from interlock.defend.fill import pull_push
from interlock.errors import InterlockError, ModelError, OptionError
from interlock.models.steady import ask, check_finite, logits_in

VERSION = 2
SQUARES = (0.10, 0.32)
"""Sides of hidden squares by default."""
MASKED = 3
"""Views of each crop that are masked, beside a clean one."""
SHIFT = 8
"""Crops are shifted by at most this fraction of each side, with mirrored pixels beyond the edge."""
CLIP = 5.0
"""Largest norm of a step's gradient."""
ALIKE = 0.05
"""Batch normalisation is trained by the batch's own statistics where these change no larger share
of the labels or, where true ones are known, lose no larger one of those that were right."""
TRIALS = 256
"""Crops, at least, by which that is found out."""
SAVED_EVERY = 30.0
"""Seconds from one checkpoint to the next."""
Told = Callable[[int, int], None]
"""(steps done, of how many)."""


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """What decides a training, beside model and images.

    Args:
        steps: gradient steps.
        batch_size: crops of each step; the model sees four times as many.
        learning_rate: at the start; falls to 0 along a half cosine. None: 0.02 where batch
            normalisation is trained with, 0.002 elsewhere.
        mirror: whether crops are mirrored at random; not for text or signs.
        draws: masks that are drawn for each crop, at least 3. It is trained under the three at
            which its loss is largest (greedy cut-out, arXiv 2306.12610): more draws ask more of the
            model, each for a forward pass.
        squares: least and largest side of a hidden square, as a share of the image's shorter side,
            in (0, 1]. A certificate's own masks are as large as the largest or larger.
        seed: of crops and masks.
    """

    steps: int = 300
    batch_size: int = 32
    learning_rate: float | None = None
    mirror: bool = True
    draws: int = 3
    squares: tuple[float, float] = SQUARES
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name}={getattr(self, name)}; use at least 1")
        check_seed(self.seed)
        if self.draws < MASKED:
            raise OptionError(f"draws={self.draws}; use at least {MASKED}")
        least, largest = self.squares
        if not 0 < least <= largest <= 1:
            raise OptionError(f"squares={self.squares}; use two shares of the side, from 0 to 1")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise OptionError(f"learning_rate={self.learning_rate}; use a value above 0")


@dataclass(frozen=True, eq=False)
class Distilled:
    """What came out."""

    model: nn.Module
    """The trained copy, in eval mode."""
    steps: int
    """That were done, those of earlier runs included."""
    seconds: float
    """Likewise."""


def distilled(
    model: nn.Module,
    images: Tensor,
    options: Distillation,
    *,
    labels: Tensor | None = None,
    seconds: float | None = None,
    checkpoint: Path | None = None,
    told: Told | None = None,
) -> Distilled:
    """Train a copy: each crop once clean and thrice under two squares, to one label.

    Under squares its inner maps are filled as ``CertifiedShield`` fills them.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, in eval mode and single precision; left as it
            is.
        images: (N, C, H, W), clean.
        options: of the training.
        labels: (N,) true classes, trained to. Without them, the original's labels of clean crops.
        seconds: after which it ends, however many steps are done. The learning rate falls with the
            larger share, of steps or of time.
        checkpoint: a file that the training is kept in every half minute, and at Ctrl-C, and goes
            on from, if it was begun with the same model, images and options.
        told: hears of each step.

    Raises:
        ModelError: it cannot be copied or trained.
    """
    student = _copied(model)
    statistics = _statistics_hold(student, images, labels, options)
    rate = options.learning_rate or (0.02 if statistics else 0.002)
    optimiser = torch.optim.SGD(
        [p for p in student.parameters() if p.requires_grad], rate, momentum=0.9, nesterov=True
    )
    key = _key(images, labels, options)
    step, spent = _taken_up(checkpoint, model, student, optimiser, key)
    begun = saved = time.monotonic()

    def save() -> None:
        if checkpoint is not None:
            passed = spent + time.monotonic() - begun
            _keep(checkpoint, model, student, optimiser, key, step, passed)

    layers = filled_layers(student, images)
    _prepare(student, statistics)
    try:
        while step < options.steps:
            passed = spent + time.monotonic() - begun
            if seconds is not None and passed >= seconds:
                break
            share = max(step / options.steps, passed / seconds if seconds else 0.0)
            for group in optimiser.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * share)) / 2
            _step(model, student, optimiser, images, labels, options, step, layers)
            step += 1
            if told is not None:
                told(step, options.steps)
            if time.monotonic() - saved > SAVED_EVERY:
                save()
                saved = time.monotonic()
    except KeyboardInterrupt:
        save()
        raise
    save()
    for own, original in zip(student.parameters(), model.parameters(), strict=True):
        own.requires_grad_(original.requires_grad)
    return Distilled(student.eval(), step, spent + time.monotonic() - begun)


class Views(NamedTuple):
    """What a step trains on."""

    chosen: Tensor
    """(B,) which images."""
    crops: Tensor
    """(B, C, H, W), clean."""
    masked: Tensor
    """(draws * B, C, H, W): all crops under a first mask each, then all under a second, ..."""
    hidden: Tensor
    """(draws * B, 1, H, W) bool, the masks."""


def views(images: Tensor, options: Distillation, step: int) -> Views:
    """Crops of some images, and what masks leave of them."""
    rng = np.random.default_rng((options.seed, 5, step))
    chosen = rng.choice(len(images), min(options.batch_size, len(images)), replace=False)
    crops = torch.stack([_crop(images[int(n)], rng, options.mirror) for n in chosen])
    hidden = torch.stack(
        [
            two_squares(images.shape[-2:], options.squares, rng)
            for _ in range(options.draws * len(crops))
        ]
    ).to(images.device)
    masked = pull_push(crops.repeat(options.draws, 1, 1, 1), hidden)
    return Views(torch.from_numpy(chosen).to(images.device), crops, masked, hidden)


def _step(
    model: nn.Module,
    student: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    truth: Tensor | None,
    options: Distillation,
    step: int,
    layers: Sequence[nn.Module],
) -> None:
    chosen, crops, masked, hidden = views(images, options, step)
    if truth is None:
        with torch.no_grad():
            labels = ask(model, crops).argmax(dim=1)
    else:
        labels = truth[chosen]
    if options.draws > MASKED:
        worst = worst_masks(student, masked, hidden, labels, layers)
        masked, hidden = masked[worst], hidden[worst]
    nothing = hidden.new_zeros(len(crops), *hidden.shape[1:])
    with torch.enable_grad(), visible_maps(torch.cat([nothing, hidden]), layers):
        logits = logits_in(student(torch.cat([crops, masked])), len(crops) + len(masked))
        check_finite(logits)
        loss = F.cross_entropy(logits, labels.repeat(1 + MASKED))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(student.parameters(), CLIP)
    optimiser.step()


def worst_masks(
    student: nn.Module, masked: Tensor, hidden: Tensor, labels: Tensor, layers: Sequence[nn.Module]
) -> Tensor:
    """Which masked crops have the three largest losses of their crop (arXiv 2306.12610), (3 B,).

    Args:
        student: the model, asked in eval mode and left in it, but for batch normalisation, which
            keeps the mode that it had.
        masked: (draws * B, C, H, W), all B crops under a first mask each, then under a second, ...
        hidden: (draws * B, 1, H, W) bool, those masks.
        labels: (B,) of the crops.
        layers: of which the maps are filled (``filled_layers``).
    """
    modes = [(norm, norm.training) for norm in _norms(student)]
    student.eval()  # statistics are learned from what is trained under alone
    with torch.no_grad(), visible_maps(hidden, layers):
        logits = logits_in(student(masked), len(masked))
    for norm, training in modes:
        norm.train(training)
    losses = F.cross_entropy(logits, labels.repeat(len(masked) // len(labels)), reduction="none")
    ranks = losses.view(-1, len(labels)).topk(MASKED, dim=0).indices
    return (ranks * len(labels) + torch.arange(len(labels), device=ranks.device)).flatten()


def _crop(image: Tensor, rng: np.random.Generator, mirror: bool) -> Tensor:
    height, width = image.shape[-2:]
    down, across = height // SHIFT, width // SHIFT
    padded = F.pad(image[None], (across, across, down, down), mode="reflect")[0]
    top, left = int(rng.integers(2 * down + 1)), int(rng.integers(2 * across + 1))
    crop = padded[:, top : top + height, left : left + width]
    return crop.flip(-1) if mirror and rng.random() < 0.5 else crop


def two_squares(size: torch.Size, sides: tuple[float, float], rng: np.random.Generator) -> Tensor:
    """A (1, H, W) bool mask of two squares, each anywhere.

    Args:
        size: (H, W).
        sides: least and largest side, as a share of the shorter one of the image.
        rng: of sides and places.
    """
    height, width = size
    mask = torch.zeros(1, height, width, dtype=torch.bool)
    for _ in range(2):
        side = max(1, round(rng.uniform(*sides) * min(height, width)))
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        mask[:, top : top + side, left : left + side] = True
    return mask


def _copied(model: nn.Module) -> nn.Module:
    try:
        student = deepcopy(model)
    except Exception as error:  # modules may hold anything
        raise ModelError(f"{type(model).__name__} cannot be copied: {error}") from None
    weights = [p for p in student.parameters() if p.is_floating_point()]
    if not weights or any(p.dtype != torch.float32 for p in weights):
        raise ModelError("a model is trained in single precision; use model.float()")
    for p in weights:
        p.requires_grad_(True)
    return student


def _norms(model: nn.Module) -> Iterator[nn.modules.batchnorm._BatchNorm]:
    return (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))


def _prepare(student: nn.Module, statistics: bool) -> None:
    """Layers as they are used, but batch normalisation by the batch where that is borne."""
    student.eval()
    for norm in _norms(student):
        norm.train(statistics)


def _statistics_hold(
    student: nn.Module, images: Tensor, truth: Tensor | None, options: Distillation
) -> bool:
    """Whether the labels of batches survive their own statistics in place of the kept ones."""
    if not any(True for _ in _norms(student)):
        return False
    trial = deepcopy(student)
    _prepare(trial, True)
    before = after = crops = step = 0
    with torch.no_grad():
        while crops < TRIALS:
            seen = views(images, options, step)
            own = logits_in(student(seen.crops), len(seen.crops)).argmax(dim=1)
            wanted = own if truth is None else truth[seen.chosen]
            by_batch = logits_in(trial(seen.crops), len(seen.crops)).argmax(dim=1)
            before += int((own == wanted).sum())
            after += int((by_batch == wanted).sum())
            crops, step = crops + len(seen.crops), step + 1
    return before - after <= ALIKE * crops


def _key(images: Tensor, labels: Tensor | None, options: Distillation) -> str:
    digest = sha256(repr(sorted(asdict(options).items())).encode())
    digest.update(f"{tuple(images.shape)}".encode())
    digest.update(images.detach().float().cpu().contiguous().numpy().tobytes())
    digest.update(b"" if labels is None else labels.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _keep(
    path: Path,
    model: nn.Module,
    student: nn.Module,
    optimiser: torch.optim.Optimizer,
    key: str,
    step: int,
    seconds: float,
) -> None:
    tensors = {f"model.{name}": value for name, value in student.state_dict().items()}
    velocities = optimiser.state_dict()["state"]
    for number, state in velocities.items():
        if state.get("momentum_buffer") is not None:
            tensors[f"velocity.{number}"] = state["momentum_buffer"]
    header = {
        "kind": "hardening",
        "version": VERSION,
        "model": model_id(model),
        "key": key,
        "step": step,
        "seconds": seconds,
    }
    store(path, {name: value.clone() for name, value in tensors.items()}, header)


def _taken_up(
    path: Path | None,
    model: nn.Module,
    student: nn.Module,
    optimiser: torch.optim.Optimizer,
    key: str,
) -> tuple[int, float]:
    """Steps and seconds of an earlier run, whose weights the student now has; 0 of another."""
    if path is None or not path.is_file():
        return 0, 0.0
    try:
        tensors, header = restore(path, "hardening", VERSION, model)
        if header["key"] != key:
            return 0, 0.0
        student.load_state_dict(
            {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        )
        step, seconds = int(header["step"]), float(header["seconds"])
    except (InterlockError, KeyError, ValueError, RuntimeError):
        return 0, 0.0
    state: dict[str, Any] = optimiser.state_dict()
    state["state"] = {
        int(k.removeprefix("velocity.")): {"momentum_buffer": v}
        for k, v in tensors.items()
        if k.startswith("velocity.")
    }
    optimiser.load_state_dict(state)
    return step, seconds
