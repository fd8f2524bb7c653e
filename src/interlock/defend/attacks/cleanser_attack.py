"""An attacker who knows double masking: PatchCleanser's, or a certified shield's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from interlock.defend.attacks.ascent import Canvas, ascend
from interlock.defend.attacks.attack import AttackOnDefence, Patched
from interlock.defend.attacks.patch_attack import PatchAttack, margin
from interlock.defend.attacks.regions import Place, footprint
from interlock.models.pixel_range import Ends, check_batch, value_range

STEP = 0.1
"""Of one step, as a share of the range from black to white."""
TRIED = 4
"""Masks that are drawn for each step."""
MARGIN = 5.0
"""Logits by which the wanted class leads under a mask, beyond which nothing is gained there."""
TOGETHER = 128
"""Masked images that are classified at a time where no gradients are needed."""


class DoubleMasking(Protocol):
    """A defence that asks a model under pairs of masks."""

    def mask_set(self, height: int, width: int) -> Tensor:
        """(M, 1, H, W) bool."""

    def under(self, images: Tensor, hidden: Tensor) -> Tensor:
        """(N, C, H, W), and (N, 1, H, W) bool -> (N, classes) logits; differentiable."""

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels, by all that the defence does."""


@dataclass(frozen=True, kw_only=True)
class CleanserAttack(AttackOnDefence):
    """Differentiate through what double masking asks: the model under its masks.

    Double masking is a vote, and has no gradient. Two ways round it:

    * **in expectation**: the margin is raised under one mask at a time, drawn anew for each image
      and step (expectation over transformations, arXiv 1707.07397), at a searched place.
    * **guided**: a patch is hidden by one mask only, so the label has to hold there under each
      further mask. The patch goes under the mask whose row of labels is weakest, and drives all
      masks that leave it visible to the class that the row's weakest entry gives or nearly gives.
      Each restart takes the next weakest row. Needs all pairs of masks once, without gradients.

    Each result is shown to the defence itself, fallback and evidence included; the first that it
    answers wrong is kept, else the one in expectation.

    Args:
        area: share of the image that the patch covers.
        steps: gradient steps in each restart.
        restarts: of each image, in either way.
        guided: go the second way, too.
        bounds: black and white as the model takes them; see ``PatchAttack``.
        seed: of masks, places and starts.
    """

    steps: int = 200
    restarts: int = 3
    guided: bool = True
    _least: ClassVar = {"steps": 1, "restarts": 1}

    def __call__(self, cleanser: DoubleMasking, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image: (N, C, H, W) images, (N,) true labels."""
        attack = PatchAttack(
            area=self.area, steps=self.steps, restarts=self.restarts, bounds=self.bounds,
            seed=self.seed, location="search",
        )  # fmt: skip
        masks = cleanser.mask_set(*images.shape[-2:]).to(images.device)
        patched = attack(_MaskedAtRandom(cleanser, masks, self.seed), images, labels)
        if not self.guided:
            return patched
        ends = value_range(images, self.bounds)
        right = (cleanser.predict(patched.images) == labels.to(images.device)).nonzero()[:, 0]
        for n in right.tolist():
            for one in self._guided(cleanser, masks, images[n : n + 1], int(labels[n]), ends, n):
                if int(cleanser.predict(one.images)) != int(labels[n]):
                    patched = _put(patched, n, one)
                    break
        return patched

    def _guided(
        self,
        cleanser: DoubleMasking,
        masks: Tensor,
        image: Tensor,
        label: int,
        ends: Ends,
        number: int,
    ) -> Iterator[Patched]:
        """One image, patched under each of the weakest rows in turn."""
        check_batch(image, torch.tensor([label]))
        outline = footprint("square", self.area, *image.shape[-2:])
        leads, goals = weakest_entries(cleanser, masks, image, label)
        rows = leads.argsort(descending=True, stable=True)[: self.restarts].tolist()
        for restart, row in enumerate(rows):
            rng = np.random.default_rng((self.seed, 4, number, restart))
            place = _under(masks[row, 0], *outline.shape)
            canvas = Canvas.under(outline, [[place]], image, ends)
            seen = (canvas.masks & ~masks).flatten(1).any(dim=1)  # they show some of it
            goal = torch.full((TRIED,), int(goals[row]), device=image.device)
            climbed = self._climbed(cleanser, canvas, masks[seen], goal, rng)
            yield Patched(climbed, canvas.masks, [[place]])

    def _climbed(
        self,
        cleanser: DoubleMasking,
        canvas: Canvas,
        shown: Tensor,
        goal: Tensor,
        rng: np.random.Generator,
    ) -> Tensor:
        """(1, C, H, W): the canvas's image, driven to a goal under masks that show the patch."""

        def towards(z: Tensor) -> Tensor:
            drawn = torch.from_numpy(rng.integers(len(shown), size=TRIED)).to(z.device)
            logits = cleanser.under(z.expand(TRIED, -1, -1, -1), shown[drawn])
            return (-margin(logits, goal)).clamp(max=MARGIN).mean()[None]

        climbed, _ = ascend(
            towards,
            canvas,
            canvas.noise(rng),
            move=lambda gradient: canvas.step(STEP, gradient),
            steps=self.steps,
        )
        return climbed


def weakest_entries(
    cleanser: DoubleMasking, masks: Tensor, image: Tensor, label: int
) -> tuple[Tensor, Tensor]:
    """Each mask's weakest entry, of all masks that are joined with it.

    Args:
        cleanser: whose model is asked.
        masks: (M, 1, H, W) bool.
        image: (1, C, H, W).
        label: its true class.

    Returns:
        (M,): by how much another class leads there, and (M,): which.
    """
    count = len(masks)
    leads = torch.full((count,), -torch.inf)
    goals = torch.zeros(count, dtype=torch.long)
    pairs = [(a, b) for a in range(count) for b in range(a, count)]
    for start in range(0, len(pairs), TOGETHER):
        part = pairs[start : start + TOGETHER]
        hidden = torch.stack([masks[a] | masks[b] for a, b in part])
        with torch.no_grad():
            logits = cleanser.under(image.expand(len(part), -1, -1, -1), hidden)
        lead = margin(logits, torch.full((len(part),), label, device=logits.device)).cpu()
        logits[:, label] = -torch.inf
        others = logits.argmax(dim=1).cpu()
        for (a, b), value, other in zip(part, lead, others, strict=True):
            for m in (a, b):
                if value > leads[m]:
                    leads[m], goals[m] = value, other
    return leads, goals


def _under(mask: Tensor, height: int, width: int) -> Place:
    """A place of a patch in the middle of what a mask (H, W) hides."""
    rows, columns = (mask.any(dim=dim).nonzero()[:, 0] for dim in (1, 0))
    top = int(rows[0]) + max(0, (len(rows) - height) // 2)
    left = int(columns[0]) + max(0, (len(columns) - width) // 2)
    inside = (mask.shape[0] - height, mask.shape[1] - width)
    return Place(min(top, inside[0]), min(left, inside[1]), height, width)


def _put(patched: Patched, number: int, one: Patched) -> Patched:
    """With one of the images replaced."""
    images, masks, places = patched.images.clone(), patched.masks.clone(), list(patched.places)
    images[number], masks[number], places[number] = one.images[0], one.masks[0], one.places[0]
    return replace(patched, images=images, masks=masks, places=places)


class _MaskedAtRandom(nn.Module):
    """The model under one of the masks for each image, another one at each call."""

    def __init__(self, cleanser: DoubleMasking, masks: Tensor, seed: int) -> None:
        super().__init__()
        self._cleanser, self._masks = cleanser, masks
        self._rng = np.random.default_rng((seed, 3))

    def forward(self, x: Tensor) -> Tensor:
        drawn = torch.from_numpy(self._rng.integers(len(self._masks), size=len(x)))
        return self._cleanser.under(x, self._masks[drawn.to(x.device)])
