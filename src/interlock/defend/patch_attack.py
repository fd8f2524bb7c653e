"""Adversarial patches by gradient ascent: what a shield has to withstand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.regions import Place, Shape, cover, footprint, random_places
from interlock.errors import ModelError, OptionError

Bounds = tuple[Tensor | float, Tensor | float]
"""Values of black and of white as the model takes them: numbers, or one per channel (C,)."""
Location = Literal["random", "search"] | tuple[int, int]
Objective = Callable[[Tensor], Tensor]
"""(N, C, H, W) images -> (N,) values that the attacker wants large."""


@dataclass(frozen=True, eq=False)
class Patched:
    """Images with an adversarial patch each."""

    images: Tensor
    """(N, C, H, W), equal to the originals outside ``masks``."""
    masks: Tensor
    """(N, 1, H, W) bool: the pixels that the attacker owns."""
    places: list[list[Place]] = field(default_factory=list)
    """For each image its patches."""


@dataclass(frozen=True, kw_only=True)
class PatchAttack:
    """Optimise the pixels of a patch against a model by projected gradient ascent.

    Signed gradient steps with momentum (Dong et al., arXiv 1710.06081) raise the margin
    ``max_{j != y} z_j - z_y``, or for a targeted attack ``z_t - max_{j != t} z_j``. The best
    iterate is kept, the untouched image among them, so that the result never has a lower margin
    than the image that came in.

    Args:
        area: share of the image that the attacker owns, over all patches together.
        steps: gradient steps in each restart.
        shape: ``"square"``, ``"rectangle"`` (twice as wide as high) or ``"disc"``.
        patches: how many in each image; they share the area.
        location: ``"random"``; ``"search"``, the best of ``candidates`` places after a tenth of the
            steps each; or (top, left) in pixels for a single patch.
        candidates: places that ``"search"`` tries for each image.
        targeted: the labels given are those that the attacker wants.
        norm: ``"free"``: any pixel within ``bounds``; ``"l2"``: within ``epsilon`` of the photo
            in the model's input space, as in arXiv 2510.04245.
        epsilon: radius of the L2 ball.
        bounds: black and white as the model takes them (``Classifier.bounds``). None: [0, 1] or
            [-1, 1] where all images lie in it, else each channel's extremes over the images.
        step_size: of one step, as a share of the range from black to white; for ``"l2"`` of
            ``epsilon``. It decays linearly to a tenth.
        restarts: independent starts; the best result of each image is kept.
        batch_size: images that are optimised at a time.
        seed: of places, starts and restarts.
    """

    area: float = 0.02
    steps: int = 100
    shape: Shape = "square"
    patches: int = 1
    location: Location = "random"
    candidates: int = 4
    targeted: bool = False
    norm: Literal["free", "l2"] = "free"
    epsilon: float = 10.0
    bounds: Bounds | None = None
    step_size: float = 0.1
    restarts: int = 1
    batch_size: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "patches", "candidates", "restarts", "batch_size"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name}={getattr(self, name)}; use at least 1")
        if self.norm not in ("free", "l2"):
            raise OptionError(f"norm {self.norm!r} is unknown; use 'free' or 'l2'")
        if isinstance(self.location, str) and self.location not in ("random", "search"):
            raise OptionError(
                f"location {self.location!r} is unknown; use 'random', 'search' or (top, left)"
            )
        if isinstance(self.location, tuple) and self.patches > 1:
            raise OptionError("a fixed location holds one patch; use patches=1")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image.

        Args:
            model: (N, C, H, W) -> (N, classes) logits, differentiable; a shield too.
            images: (N, C, H, W).
            labels: (N,) true classes, or wanted ones if ``targeted``.

        Raises:
            OptionError: the patch does not fit into the images.
            ModelError: logits or gradients are not finite.
        """
        check_batch(images, labels)
        height, width = images.shape[-2:]
        outline = footprint(self.shape, self.area / self.patches, height, width)
        places = self._places(outline, len(images), height, width)
        low, high = value_range(images, self.bounds)
        finished: list[Tensor] = []
        for start in range(0, len(images), self.batch_size):
            part = slice(start, start + self.batch_size)
            x, y = images[part], labels[part].to(images.device)
            rng = np.random.default_rng((self.seed, 1, start))
            objective = margin_objective(model, y, self.targeted)
            if self.location == "search":
                found = self._searched(objective, x, outline, low, high, (self.seed, 2, start))
                places[part] = found
            masks = cover(outline, places[part], height, width).to(x.device)
            finished.append(self._best(objective, x, masks, low, high, self.steps, rng)[0])
        masks = cover(outline, places, height, width).to(images.device)
        return Patched(torch.cat(finished), masks, places)

    def _places(self, outline: Tensor, count: int, height: int, width: int) -> list[list[Place]]:
        h, w = outline.shape
        if isinstance(self.location, tuple):
            top, left = self.location
            if not (0 <= top <= height - h and 0 <= left <= width - w):
                raise OptionError(
                    f"a {h}x{w} patch at {self.location} leaves the {height}x{width} image"
                )
            return [[Place(top, left, h, w)] for _ in range(count)]
        return [
            random_places(
                outline, height, width, self.patches, np.random.default_rng((self.seed, 0, k))
            )
            for k in range(count)
        ]

    def _searched(
        self,
        objective: Objective,
        x: Tensor,
        outline: Tensor,
        low: Tensor,
        high: Tensor,
        seed: tuple[int, ...],
    ) -> list[list[Place]]:
        """For each image the most promising of several random places."""
        height, width = x.shape[-2:]
        best: list[list[Place]] = [[] for _ in x]
        reached = torch.full((len(x),), -torch.inf, device=x.device)
        for candidate in range(self.candidates):
            rng = np.random.default_rng((*seed, candidate))
            places = [random_places(outline, height, width, self.patches, rng) for _ in x]
            masks = cover(outline, places, height, width).to(x.device)
            steps = max(1, self.steps // 10)
            _, values = self._ascend(objective, x, masks, low, high, steps, rng)
            for k in (values > reached).nonzero()[:, 0].tolist():
                best[k], reached[k] = places[k], values[k]
        return best

    def _best(
        self,
        objective: Objective,
        x: Tensor,
        masks: Tensor,
        low: Tensor,
        high: Tensor,
        steps: int,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        """The best of all restarts: images (N, C, H, W) and their objective (N,)."""
        found, values = self._ascend(objective, x, masks, low, high, steps, rng)
        for _ in range(self.restarts - 1):
            again, reached = self._ascend(objective, x, masks, low, high, steps, rng)
            better = reached > values
            found = torch.where(better.view(-1, 1, 1, 1), again, found)
            values = torch.where(better, reached, values)
        return found, values

    def _ascend(
        self,
        objective: Objective,
        x: Tensor,
        masks: Tensor,
        low: Tensor,
        high: Tensor,
        steps: int,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        noise = torch.from_numpy(rng.random(x.shape, dtype=np.float32)).to(x)
        patch = low + (high - low) * noise
        if self.norm == "l2":
            patch = x + self._into_ball((noise - 0.5) * masks)
        return ascend(
            objective,
            x,
            self._project(patch, x, masks, low, high),
            masks,
            project=lambda z: self._project(z, x, masks, low, high),
            move=lambda g: self._move(g, low, high),
            steps=steps,
        )

    def _move(self, direction: Tensor, low: Tensor, high: Tensor) -> Tensor:
        if self.norm == "l2":
            norm = direction.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
            return self.step_size * self.epsilon * direction / norm  # type: ignore[no-any-return]
        return self.step_size * (high - low) * direction.sign()

    def _project(self, z: Tensor, x: Tensor, masks: Tensor, low: Tensor, high: Tensor) -> Tensor:
        if self.norm == "l2":
            z = x + self._into_ball(z - x)
        return torch.where(masks, z.clamp(low, high), x)

    def _into_ball(self, delta: Tensor) -> Tensor:
        norm = delta.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        return delta * (self.epsilon / norm).clamp(max=1)  # type: ignore[no-any-return]


def ascend(
    objective: Objective,
    x: Tensor,
    start: Tensor,
    masks: Tensor,
    *,
    project: Callable[[Tensor], Tensor],
    move: Callable[[Tensor], Tensor],
    steps: int,
) -> tuple[Tensor, Tensor]:
    """Projected gradient ascent inside a region, from ``start``; keeps the best iterate.

    Returns:
        Images (N, C, H, W), equal to ``x`` outside ``masks``, and their objective (N,), which is
        never below that of ``x``.
    """
    with torch.no_grad():
        best, reached = x.clone(), objective(x)
    z, velocity = start, torch.zeros_like(x)
    for step in range(steps + 1):
        z = z.detach().requires_grad_(step < steps)
        with torch.set_grad_enabled(step < steps):
            values = objective(z)
        if not values.isfinite().all():
            raise ModelError("logits are not finite; check the model and its input range")
        better = values.detach() > reached
        best[better], reached[better] = z.detach()[better], values.detach()[better]
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(values.sum(), z)
        velocity = accumulated(velocity, gradient * masks)
        decay = 1 - 0.9 * step / steps
        z = project(z.detach() + decay * move(velocity))
    return best, reached


def accumulated(velocity: Tensor, gradient: Tensor, momentum: float = 0.9) -> Tensor:
    """The next velocity; each gradient enters at unit mean magnitude (arXiv 1710.06081)."""
    scale = gradient.abs().flatten(1).mean(dim=1).clamp_min(1e-20).view(-1, 1, 1, 1)
    return momentum * velocity + gradient / scale


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """(N, classes), (N,) -> (N,): how far the best other class lies above the labelled one."""
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.masked_fill(F.one_hot(labels, logits.shape[1]).bool(), -torch.inf)
    return others.amax(dim=1) - own


def margin_objective(model: nn.Module, labels: Tensor, targeted: bool) -> Objective:
    """What a patch raises: the margin against the labels, or towards them."""

    def objective(z: Tensor) -> Tensor:
        value = margin(model(z), labels)
        return -value if targeted else value

    return objective


def value_range(images: Tensor, bounds: Bounds | None) -> tuple[Tensor, Tensor]:
    """Black and white, each (1, C or 1, 1, 1), as ``PatchAttack`` documents."""
    if bounds is not None:
        low, high = (torch.as_tensor(b, dtype=images.dtype).view(1, -1, 1, 1) for b in bounds)
        if not bool((low < high).all()):
            raise OptionError("bounds: black is not below white")
        return low.to(images.device), high.to(images.device)
    least, most = images.amin(dim=(0, 2, 3)), images.amax(dim=(0, 2, 3))
    if most.max() <= 1 and least.min() >= -1:
        floor = 0.0 if least.min() >= 0 else -1.0
        least, most = torch.full_like(least, floor), torch.ones_like(most)
    return least.view(1, -1, 1, 1), most.view(1, -1, 1, 1)


def check_batch(images: Tensor, labels: Tensor) -> None:
    """Refuse what is not a batch of images with one label each."""
    if images.ndim != 4 or not images.is_floating_point():
        raise OptionError(
            f"images of shape {tuple(images.shape)} and type {images.dtype}; "
            "expected (N, C, H, W) floats"
        )
    if labels.shape != (len(images),):
        raise OptionError(f"{len(images)} images but labels of shape {tuple(labels.shape)}")


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Parameters without gradients inside the block: attacks only need those of the input."""
    wanted = [p for p in model.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)
