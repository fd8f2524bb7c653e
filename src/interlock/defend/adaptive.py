"""An attacker who knows the shield."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.defend._trials import GROWTH, View, mean_of_views
from interlock.defend.ascent import Bounds, Canvas, ascend, value_range
from interlock.defend.patch_attack import Patched, check_batch, margin
from interlock.defend.regions import cover, footprint, random_places
from interlock.defend.shield import ConceptShield

WEIGHTS = (0.0, 1.0, 4.0)
"""Weights of the penalty on foreignness, one for each restart, then again from the first."""
JUDGED_EVERY = 10
"""Steps from one look at the shield's answer to the next."""


@dataclass(frozen=True, kw_only=True)
class AdaptiveAttack:
    """Differentiate through the shield, and stay below its threshold.

    What is raised is the mean margin of the bare model, of the mean of both views under the
    shield's own masks (they are taken as constant: BPDA, arXiv 1802.00420), and under a
    window of random place that may hide a part of the patch (expectation over transformations),
    less a penalty on foreignness above the shield's trigger inside and around the patch. Every
    restart has its own penalty weight, so that loud and quiet patches are both tried, and the
    odd ones start from a patch that beats the undefended model. The patch that fools the
    shield by the largest margin is kept.

    Args:
        area: share of the image that the attacker owns, decoys included.
        decoys: further small patches, that draw the mask away; they share the area.
        steps: gradient steps in each restart.
        restarts: of each image.
        bounds: black and white as the model takes them; see ``PatchAttack``.
        step_size: of one step, as a share of the range from black to white.
        batch_size: images that are optimised at a time.
        seed: of places and starts.
    """

    area: float = 0.02
    decoys: int = 0
    steps: int = 200
    restarts: int = 3
    bounds: Bounds | None = None
    step_size: float = 0.05
    batch_size: int = 32
    seed: int = 0

    def __call__(self, shield: ConceptShield, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image: (N, C, H, W) images, (N,) true labels."""
        check_batch(images, labels)
        height, width = images.shape[-2:]
        count = 1 + self.decoys
        outline = footprint("square", self.area / count, height, width)
        places = [
            random_places(outline, height, width, count, np.random.default_rng((self.seed, 0, k)))
            for k in range(len(images))
        ]
        ends = value_range(images, self.bounds)
        parts = []
        for part, start in enumerate(range(0, len(images), self.batch_size)):
            k = slice(start, start + self.batch_size)
            canvas = Canvas.under(outline, places[k], images[k], ends)
            rng = np.random.default_rng((self.seed, 1, part))
            parts.append(self._part(shield, canvas, labels[k].to(images.device), rng))
        masks = cover(outline, places, height, width).to(images.device)
        return Patched(torch.cat(parts), masks, places)

    def _part(
        self, shield: ConceptShield, canvas: Canvas, y: Tensor, rng: np.random.Generator
    ) -> Tensor:
        def move(direction: Tensor) -> Tensor:
            return canvas.step(self.step_size, direction)

        def shield_margin(z: Tensor) -> Tensor:
            return margin(shield(z), y)

        best = canvas.x
        reached = torch.full((len(y),), -torch.inf, device=y.device)
        for restart in range(self.restarts):
            start = canvas.noise(rng)
            if restart % 2:
                loud = self._objective(shield, y, canvas.masks, 0.0, rng, bare=True)
                start, _ = ascend(loud, canvas, start, move=move, steps=self.steps // 4)
            weight = WEIGHTS[restart % len(WEIGHTS)]
            found, values = ascend(
                self._objective(shield, y, canvas.masks, weight, rng),
                canvas,
                start,
                move=move,
                steps=self.steps,
                judged=shield_margin,
                every=JUDGED_EVERY,
            )
            better = (values > reached).view(-1, 1, 1, 1)
            best, reached = torch.where(better, found, best), torch.maximum(values, reached)
        return best

    def _objective(
        self,
        shield: ConceptShield,
        y: Tensor,
        masks: Tensor,
        weight: float,
        rng: np.random.Generator,
        *,
        bare: bool = False,
    ) -> Callable[[Tensor], Tensor]:
        near = F.max_pool2d(masks.float(), 5, stride=1, padding=2) > 0
        trigger = shield.settings.trigger
        view = View(shield.settings.mirror, GROWTH)

        def objective(z: Tensor) -> Tensor:
            logits, foreign = shield.look(z)
            value = margin(logits, y)
            if bare:
                return value
            hidden = shield.hidden(foreign.detach())
            # Now and then a part of the patch is hidden at random instead.
            if rng.random() < 0.25:
                hidden = masks & (_uniform(masks.shape, rng, z) < 0.5)
            under = margin(mean_of_views(shield.model, z, hidden, view).log(), y)
            excess = ((foreign - 0.9 * trigger).clamp_min(0) * near).flatten(1).sum(dim=1)
            share = excess / near.flatten(1).sum(dim=1)
            return value + under - weight * 10 * share

        return objective


def _uniform(shape: torch.Size, rng: np.random.Generator, like: Tensor) -> Tensor:
    return torch.from_numpy(rng.random(tuple(shape), dtype=np.float32)).to(like)
