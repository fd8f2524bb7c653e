"""An attacker who knows PatchCleanser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from interlock.defend.attacks.attack import AttackOnDefence, Patched
from interlock.defend.attacks.patch_attack import PatchAttack
from interlock.defend.peers.patch_cleanser import PatchCleanser


@dataclass(frozen=True, kw_only=True)
class CleanserAttack(AttackOnDefence):
    """Differentiate through what PatchCleanser asks: the model under its masks.

    Double masking is a vote, and has no gradient. What is raised is the margin under one mask at a
    time, drawn anew for each image and step (expectation over transformations, arXiv 1707.07397).
    A patch that wins under the masks that leave it visible outvotes the one that hides it; the
    place is searched, so that hiding the patch hides what the label needs.

    Args:
        area: share of the image that the patch covers.
        steps: gradient steps in each restart.
        restarts: of each image.
        bounds: black and white as the model takes them; see ``PatchAttack``.
        seed: of masks, places and starts.
    """

    steps: int = 200
    restarts: int = 3

    def __call__(self, cleanser: PatchCleanser, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image: (N, C, H, W) images, (N,) true labels."""
        attack = PatchAttack(**vars(self), location="search")
        masks = cleanser.mask_set(*images.shape[-2:]).to(images.device)
        return attack(_MaskedAtRandom(cleanser, masks, self.seed), images, labels)


class _MaskedAtRandom(nn.Module):
    """The model under one of PatchCleanser's masks for each image, another one at each call."""

    def __init__(self, cleanser: PatchCleanser, masks: Tensor, seed: int) -> None:
        super().__init__()
        self._cleanser, self._masks = cleanser, masks
        self._rng = np.random.default_rng((seed, 3))

    def forward(self, x: Tensor) -> Tensor:
        drawn = torch.from_numpy(self._rng.integers(len(self._masks), size=len(x)))
        hidden = self._masks[drawn.to(x.device)]
        return self._cleanser.under(x, hidden)
