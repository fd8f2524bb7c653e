"""How one saliency map scores: sparse, faithful by ROAD, faithful by plain deletion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interlock.explain import PERCENTAGES, gini, road

GREY = 0.0


@dataclass(frozen=True)
class Scores:
    """One map on one photo."""

    nonzero: float
    """Share of the pixels with any saliency, in [0, 1]."""
    gini: float
    road: float
    """AOPC with ROAD's imputation (arXiv 2202.00449)."""
    grey: float
    """AOPC when the same pixels become mid-grey instead."""


def scores(model: nn.Module, x: Tensor, saliency: Tensor, target: int, seed: int = 0) -> Scores:
    """All measures of one (H, W) map for one (C, H, W) image."""
    return Scores(
        nonzero=float((saliency != 0).double().mean()),
        gini=gini(saliency),
        road=road(model, x, saliency, target, seed=seed).aopc,
        grey=grey_aopc(model, x, saliency, target, seed=seed),
    )


def grey_aopc(model: nn.Module, x: Tensor, saliency: Tensor, target: int, seed: int = 0) -> float:
    """Mean drop of the class probability as the top pixels turn grey.

    The percentages and the order of ties are ROAD's, so that only the filling differs: grey owes
    nothing to the neighbours of a pixel.
    """
    pixels = saliency.numel()
    ranking = ranked(saliency, seed)
    images = [x]
    for p in PERCENTAGES:
        image = x.clone()
        image.view(len(x), -1)[:, ranking[: round(pixels * p / 100)]] = GREY
        images.append(image)
    with torch.no_grad():
        probabilities = model(torch.stack(images)).softmax(dim=1)[:, target]
    return float(probabilities[0] - probabilities[1:].mean())


def cut(saliency: Tensor, pixels: int, seed: int = 0) -> Tensor:
    """The map with all but its ``pixels`` largest entries set to zero, ties broken by the seed.

    Zeros stay zeros, so a map with fewer non-zero pixels comes back unchanged.
    """
    kept = torch.zeros_like(saliency)
    best = ranked(saliency, seed)[:pixels]
    kept.view(-1)[best] = saliency.flatten()[best]
    return kept


def ranked(saliency: Tensor, seed: int) -> Tensor:
    """Pixel indices, most relevant first; ties in the seeded order that ROAD gives them."""
    values: NDArray[np.floating] = saliency.numpy().ravel()
    ties = np.random.default_rng(seed).permutation(len(values))
    return torch.from_numpy(ties[np.argsort(-values[ties], kind="stable")])
