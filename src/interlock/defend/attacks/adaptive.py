"""An attacker who knows the shield."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.defend.attacks.ascent import Canvas, ascend
from interlock.defend.attacks.attack import AttackOnDefence, Patched
from interlock.defend.attacks.patch_attack import margin
from interlock.defend.attacks.regions import Place, cover, footprint, random_places
from interlock.defend.shield.shield import ConceptShield
from interlock.defend.shield.trials import GROWTH, View, mean_of_views
from interlock.models.pixel_range import check_batch, value_range

QUIET = (0.6, 0.75, 0.9)
"""Foreignness in triggers above which it is penalised, one for each restart, then again from the
first."""
WEIGHT = 40.0
"""Of the penalty, against logits."""
JUDGED_EVERY = 10
"""Steps from one look at the shield's answer to the next."""


@dataclass(frozen=True, kw_only=True)
class AdaptiveAttack(AttackOnDefence):
    """Differentiate through the shield, and stay below its threshold.

    What is raised is the mean margin of the bare model, of the mean of both views under the
    shield's own masks (they are taken as constant: BPDA, arXiv 1802.00420), and under a
    window of random place that may hide a part of the patch (expectation over transformations),
    less a penalty on foreignness inside and around the patch, which keeps it quiet. Every restart
    has its own place and level below the shield's trigger, and the odd ones start from a patch that
    beats the undefended model. The patch that fools the shield by the largest margin is kept.

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

    decoys: int = 0
    steps: int = 200
    restarts: int = 3
    step_size: float = 0.05
    batch_size: int = 32
    _least: ClassVar = {"decoys": 0, "steps": 1, "restarts": 1, "batch_size": 1}

    def __call__(self, shield: ConceptShield, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image: (N, C, H, W) images, (N,) true labels."""
        check_batch(images, labels)
        height, width = images.shape[-2:]
        count = 1 + self.decoys
        outline = footprint("square", self.area / count, height, width)
        ends = value_range(images, self.bounds)
        best = images.clone()
        reached = torch.full((len(images),), -torch.inf, device=images.device)
        places: list[list[Place]] = [[] for _ in images]
        for restart in range(self.restarts):
            tried = [
                random_places(outline, height, width, count, self._rng(0, k, restart))
                for k in range(len(images))
            ]
            for start in range(0, len(images), self.batch_size):
                part = slice(start, start + self.batch_size)
                canvas = Canvas.under(outline, tried[part], images[part], ends)
                rng = self._rng(1, start, restart)
                climbed, values = self._climb(
                    shield, canvas, labels[part].to(images.device), restart, rng
                )
                for k, value in enumerate(values, start):
                    if value > reached[k]:
                        best[k], reached[k], places[k] = climbed[k - start], value, tried[k]
        masks = cover(outline, places, height, width).to(images.device)
        return Patched(best, masks, places)

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *stream))

    def _climb(
        self,
        shield: ConceptShield,
        canvas: Canvas,
        y: Tensor,
        restart: int,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        """One restart: images, and by what margin they fool the shield."""

        def move(direction: Tensor) -> Tensor:
            return canvas.step(self.step_size, direction)

        start = canvas.noise(rng)
        if restart % 2:
            loud = self._objective(shield, y, canvas.masks, None, rng)
            start, _ = ascend(loud, canvas, start, move=move, steps=self.steps // 4)
        quiet = QUIET[restart % len(QUIET)]
        return ascend(
            self._objective(shield, y, canvas.masks, quiet, rng),
            canvas,
            start,
            move=move,
            steps=self.steps,
            judged=lambda z: margin(shield(z), y),
            every=JUDGED_EVERY,
        )

    def _objective(
        self,
        shield: ConceptShield,
        y: Tensor,
        masks: Tensor,
        quiet: float | None,
        rng: np.random.Generator,
    ) -> Callable[[Tensor], Tensor]:
        """What a patch raises; None for ``quiet`` is the margin of the bare model alone."""
        near = F.max_pool2d(masks.float(), 5, stride=1, padding=2) > 0
        trigger = shield.settings.trigger
        view = View(shield.settings.mirror, GROWTH)

        def objective(z: Tensor) -> Tensor:
            logits, foreign = shield.look(z)
            value = margin(logits, y)
            if quiet is None:
                return value
            hidden = shield.hidden(foreign.detach())
            # Now and then a part of the patch is hidden at random instead.
            if rng.random() < 0.25:
                hidden = masks & (_uniform(masks.shape, rng, z) < 0.5)
            under = margin(mean_of_views(shield.model, z, hidden, view).log(), y)
            excess = ((foreign - quiet * trigger).clamp_min(0) * near).flatten(1).sum(dim=1)
            share = excess / near.flatten(1).sum(dim=1)
            return value + under - WEIGHT * share

        return objective


def _uniform(shape: torch.Size, rng: np.random.Generator, like: Tensor) -> Tensor:
    return torch.from_numpy(rng.random(tuple(shape), dtype=np.float32)).to(like)
