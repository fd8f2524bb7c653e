"""Projected gradient ascent inside the part of an image that an attacker owns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interlock.defend.attacks.regions import Place, cover
from interlock.models.pixel_range import Ends
from interlock.models.steady import check_finite, gradient_of

Objective = Callable[[Tensor], Tensor]
"""(N, C, H, W) images -> (N,) values that the attacker wants large."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """Images of which an attacker owns a part."""

    x: Tensor
    """(N, C, H, W): the images as they came."""
    masks: Tensor
    """(N, 1, H, W) bool: the attacker's pixels."""
    low: Tensor
    """(1, C or 1, 1, 1): black, as the model takes it."""
    high: Tensor
    """Likewise white."""

    @classmethod
    def under(
        cls, outline: Tensor, places: Sequence[Sequence[Place]], x: Tensor, ends: Ends
    ) -> Canvas:
        """The images with the attacker's pixels under patches of one outline (h, w)."""
        return cls(x, cover(outline, places, *x.shape[-2:]).to(x.device), *ends)

    def project(self, z: Tensor) -> Tensor:
        """(N, C, H, W): into the range inside the region, back to the image outside."""
        return torch.where(self.masks, z.clamp(self.low, self.high), self.x)

    def step(self, share: float, direction: Tensor) -> Tensor:
        """A signed step of a share of the range from black to white."""
        return share * (self.high - self.low) * direction.sign()

    def uniform(self, rng: np.random.Generator) -> Tensor:
        """(N, C, H, W) in [0, 1)."""
        return torch.from_numpy(rng.random(self.x.shape, dtype=np.float32)).to(self.x)

    def noise(self, rng: np.random.Generator) -> Tensor:
        """The images with uniform noise in the region."""
        return self.project(self.low + (self.high - self.low) * self.uniform(rng))


def ascend(
    objective: Objective,
    canvas: Canvas,
    start: Tensor,
    *,
    move: Objective,
    steps: int,
    project: Objective | None = None,
    judged: Objective | None = None,
    every: int = 1,
) -> tuple[Tensor, Tensor]:
    """Projected gradient ascent from ``start``; keeps the best iterate.

    Args:
        objective: what is raised; differentiable.
        canvas: the images and the region.
        start: (N, C, H, W), inside the region's limits.
        move: accumulated gradient -> step, before its linear decay to a tenth.
        steps: gradient steps.
        project: back into the limits; None is the canvas's own.
        judged: by what iterates are compared, without gradients; None is ``objective``.
        every: steps from one look of ``judged`` to the next; the last iterate is always seen.

    Returns:
        Images (N, C, H, W), equal to the canvas outside its region, and what judges them (N,),
        which is never below that of the images as they came.

    Raises:
        ModelError: the objective is not finite.
    """
    project = project or canvas.project
    with torch.no_grad():
        best, reached = canvas.x.clone(), (judged or objective)(canvas.x)
    z, velocity = start, torch.zeros_like(start)
    for step in range(steps + 1):
        last = step == steps
        z = z.detach().requires_grad_(not last)
        if not last or judged is None:
            with torch.set_grad_enabled(not last):
                values = objective(z)
            check_finite(values)
        if last or step % every == 0:
            with torch.no_grad():
                seen = judged(z) if judged else values.detach()
            better = seen > reached
            best[better], reached[better] = z.detach()[better], seen[better]
        if last:
            break
        gradient = gradient_of(values, z)
        velocity = accumulated(velocity, gradient * canvas.masks)
        decay = 1 - 0.9 * step / steps
        z = project(z.detach() + decay * move(velocity))
    return best, reached


def accumulated(velocity: Tensor, gradient: Tensor, momentum: float = 0.9) -> Tensor:
    """The next velocity; each gradient enters at unit mean magnitude (arXiv 1710.06081)."""
    scale = gradient.abs().flatten(1).mean(dim=1).clamp_min(1e-20).view(-1, 1, 1, 1)
    return momentum * velocity + gradient / scale
