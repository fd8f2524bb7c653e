"""Measures of an explanation: is it sparse, and does the model need what it points at?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.errors import OptionError
from interlock.explain._derivatives import Differentiable, check_target
from interlock.explain.measures._ranking import ranking
from interlock.models.probability import has_independent_labels, probabilities

Planes = NDArray[np.float64]
"""(C, H, W)."""

PERCENTAGES = (1, 2, 3, 5, 7, 10, 15, 20)
"""Of the pixels: how many are taken away at each step, unless others are given."""

# Weights of the eight neighbours in ROAD's linear imputation (arXiv 2202.00449, appendix).
_NEIGHBOURS = (
    [((dy, dx), 1 / 6) for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))]
    + [((dy, dx), 1 / 12) for dy, dx in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
)  # fmt: skip


def gini(saliency: Tensor | NDArray[np.floating]) -> float:
    """Gini index of |saliency|: 0 where all entries are equal, towards 1 where one has it all.

    Hurley and Rickard 2009. An all-zero map has index 0.
    """
    values = np.sort(np.abs(np.asarray(saliency, dtype=np.float64)).ravel())
    total = values.sum()
    if total == 0:
        return 0.0
    n = len(values)
    ranks = np.arange(1, n + 1)
    return float(1 - 2 * (values / total * (n - ranks + 0.5) / n).sum())


@dataclass(frozen=True)
class Road:
    """Drop of the class probability as the most relevant pixels are removed."""

    higher_is_better: ClassVar[bool] = True
    """Of two methods, whether the one with the larger score is the better."""
    drop: dict[float, float]
    """Percentage of pixels removed -> p0 - p, in probability."""
    aopc: float
    """Mean drop over the percentages."""

    @property
    def score(self) -> float:
        """The mean drop."""
        return self.aopc


@dataclass(frozen=True)
class RoadLeast(Road):
    """The same as the least relevant pixels are removed, which should change little."""

    higher_is_better: ClassVar[bool] = False
    """Of two methods, whether the one with the larger score is the better."""


def road(
    model: nn.Module,
    x: Tensor,
    saliency: Tensor | NDArray[np.floating],
    target: int,
    percentages: Sequence[float] = PERCENTAGES,
    seed: int = 0,
    noise: float = 0.01,
    *,
    order: Literal["most", "least"] = "most",
) -> Road:
    """ROAD (Rong et al. 2022, arXiv 2202.00449).

    The first p % of the pixels are removed and imputed by noisy linear interpolation: each becomes
    the weighted mean of its eight neighbours, all solved together, plus Gaussian noise. Pixels of
    equal saliency are ordered by a seeded permutation, never by position.

    Args:
        x: (C, H, W), as the model takes it.
        saliency: (H, W); larger is more relevant, the sign counts.
        percentages: of the pixels, each in (0, 100).
        noise: standard deviation of the added noise, in units of x.
        order: which pixels go first, the most relevant or the least.

    Returns:
        A :class:`Road`, or a :class:`RoadLeast` with ``order="least"``.
    """
    if order not in ("most", "least"):
        raise OptionError(f"order={order!r} is unknown; use 'most' or 'least'")
    check_seed(seed)
    generator = np.random.default_rng(seed)

    def fill(image: Planes, removed: NDArray[np.bool_]) -> Planes:
        return impute(image, removed, noise, generator)

    pixels = ranking(x, saliency, seed, least_first=order == "least")
    kind = Road if order == "most" else RoadLeast
    return kind(*_drops(model, x, pixels, fill, target, percentages))


@dataclass(frozen=True)
class Grey(Road):
    """The same as the most relevant pixels become 0, which owes nothing to their neighbours."""


def grey(
    model: nn.Module,
    x: Tensor,
    saliency: Tensor | NDArray[np.floating],
    target: int,
    percentages: Sequence[float] = PERCENTAGES,
    seed: int = 0,
) -> Grey:
    """ROAD's percentages and order, and the plainest filling: 0, a normalised image's mean colour.

    ROAD's imputation is a local blur, and favours maps that were made against a blurred image;
    this one favours those made against grey (pixel flipping: Samek et al. 2017, arXiv 1509.06321).

    Args:
        x: (C, H, W), as the model takes it.
        saliency: (H, W); larger is more relevant, the sign counts.
        percentages: of the pixels, each in (0, 100).
        seed: of the order of equal pixels.
    """
    pixels = ranking(x, saliency, seed)
    return Grey(
        *_drops(model, x, pixels, lambda image, removed: image * ~removed, target, percentages)
    )


def nonzero(saliency: Tensor | NDArray[np.floating]) -> float:
    """Share of the entries that are not 0: what a map marks at all."""
    values = np.asarray(saliency)
    return float(np.count_nonzero(values) / values.size)


def _drops(
    model: nn.Module,
    x: Tensor,
    pixels: NDArray[np.intp],
    fill: Callable[[Planes, NDArray[np.bool_]], Planes],
    target: int,
    percentages: Sequence[float],
) -> tuple[dict[float, float], float]:
    """Drop of the class probability as the first pixels are filled, and the mean drop."""
    if any(not 0 < p < 100 for p in percentages):
        raise OptionError("percentages must lie strictly between 0 and 100")
    shown = [x.detach().cpu().double().numpy()]
    for p in percentages:
        removed = np.zeros(len(pixels), dtype=bool)
        removed[pixels[: round(len(pixels) * p / 100)]] = True
        shown.append(fill(shown[0], removed.reshape(x.shape[-2:])))
    logits = Differentiable(model, len(shown)).logits(torch.from_numpy(np.stack(shown)).to(x))
    check_target(logits, target)
    shares = probabilities(logits.float(), has_independent_labels(model))
    first, *others = shares[:, target].tolist()
    drop = {float(p): first - other for p, other in zip(percentages, others, strict=True)}
    return drop, float(np.mean(list(drop.values())))


def impute(
    image: Planes, removed: NDArray[np.bool_], noise: float, generator: np.random.Generator
) -> Planes:
    """Noisy linear imputation of the removed pixels of a (C, H, W) image.

    At the border the weights of the neighbours that exist are scaled to sum to one.
    """
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    if not removed.any():
        return image.copy()
    height, width = removed.shape
    index = np.full(removed.shape, -1)
    ys, xs = np.nonzero(removed)
    unknowns = len(ys)
    index[ys, xs] = np.arange(unknowns)
    rows, columns, values = [], [], []
    right = np.zeros((unknowns, len(image)))
    total = np.zeros(unknowns)
    for (dy, dx), weight in _NEIGHBOURS:
        y, x = ys + dy, xs + dx
        inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        y, x = y[inside], x[inside]
        total[inside] += weight
        column = index[y, x]
        unknown = column >= 0
        rows.append(inside[unknown])
        columns.append(column[unknown])
        values.append(np.full(unknown.sum(), -weight))
        known = inside[~unknown]
        right[known] += weight * image[:, y[~unknown], x[~unknown]].T
    rows.append(np.arange(unknowns))
    columns.append(np.arange(unknowns))
    values.append(np.maximum(total, 1e-12))
    system = sparse.csc_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(unknowns, unknowns),
    )
    solved = np.atleast_2d(spsolve(system, right).T).reshape(len(image), unknowns)
    filled = image.copy()
    filled[:, ys, xs] = solved + noise * generator.standard_normal(solved.shape)
    return filled
