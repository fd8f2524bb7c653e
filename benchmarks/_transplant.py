"""A third way to measure maps: what they mark is put into another photo.

Removal asks what an answer loses; that favours maps which were found by removing something, and
the filler (blur, grey, noise) is foreign to the model. Here the most relevant pixels of a photo
replace those of other photos, at the same places, and the class has to come up: no filler, and no
map of the tables was found this way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from interlock.explain.measures._ranking import ranking

SHARES = (0.02, 0.05, 0.10, 0.20)
"""Of the pixels that are put over, the most relevant first."""
DONORS = ("astronaut", "coffee", "rocket", "chelsea")
"""Photos of scikit-image, which no data set here holds."""


def transplant(
    model: nn.Module, x: Tensor, target: int, saliency: Tensor, *, seed: int = 0, **_: Any
) -> float:
    """The probability that the class gains in other photos, on average; higher is better.

    Args:
        model: takes images in [-1, 1].
        x: (C, H, W).
        target: the class that the map explains.
        saliency: (H, W); larger is more relevant.
        seed: of ties.
    """
    order = torch.from_numpy(ranking(x, saliency, seed))
    others = donors(*x.shape[-2:]).to(x)
    images = [others]
    for share in SHARES:
        over = torch.zeros(saliency.numel(), dtype=torch.bool)
        over[order[: round(share * saliency.numel())]] = True
        images.append(torch.where(over.view(1, 1, *saliency.shape), x, others))
    with torch.no_grad():
        answers = model(torch.cat(images)).softmax(dim=1)[:, target].view(len(images), -1)
    return float((answers[1:] - answers[0]).mean())


@cache
def donors(height: int, width: int) -> Tensor:
    """(4, 3, H, W) in [-1, 1]."""
    from skimage import data
    from skimage.transform import resize

    photos = [resize(getattr(data, name)(), (height, width), anti_aliasing=True) for name in DONORS]
    return torch.stack([torch.from_numpy(p * 2 - 1).float().permute(2, 0, 1) for p in photos])
