"""Does an explanation change when the model's weights are drawn anew? (Adebayo et al. 2018)

arXiv 1810.03292. A map that stays the same, as that of an edge detector does, says nothing about
what the model has learnt, however well it looks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.errors import ModelError, OptionError

Scheme = Literal["cascading", "independent"]
Similarity = Literal["spearman", "ssim"]
Map = Tensor | NDArray[np.floating]


@dataclass(frozen=True)
class WeightSensitivity:
    """How alike the maps of a model and of the same model with new weights are."""

    higher_is_better: ClassVar[bool] = False
    """Of two methods, whether the one with the larger score is the better."""
    similarities: tuple[float, ...]
    """Stage by stage, from the output down: 1 is the same map; 0 an unrelated one, by rank
    correlation. SSIM stays above 0 for unrelated maps, as flat parts are alike."""
    layers: tuple[tuple[str, ...], ...]
    """The modules whose weights are drawn anew at each stage; in a cascade the earlier ones
    stay new."""

    @property
    def score(self) -> float:
        """The mean of |similarity|: a map turned upside down is still the same map."""
        return float(np.mean(np.abs(self.similarities)))

    def passes(self, limit: float = 0.5) -> bool:
        """Whether the score is below a limit; the default is meant for rank correlation."""
        return self.score < limit


def randomised_weights(
    model: nn.Module,
    x: Tensor,
    target: int,
    explain: Callable[[nn.Module, Tensor, int], Tensor],
    *,
    saliency: Map | None = None,
    scheme: Scheme = "cascading",
    stages: int = 4,
    similarity: Similarity = "spearman",
    seed: int = 0,
) -> WeightSensitivity:
    """Explain copies of the model whose weights are drawn anew, layer by layer.

    Every weight tensor is drawn from a normal distribution with the tensor's own mean and standard
    deviation, so that the network keeps its scale; running statistics stay. Layers come in the
    order in which the model registers them, the last one first, in ``stages`` groups of equal
    number. The caller's model is not changed.

    Args:
        x: (C, H, W).
        explain: (model, x, target) -> (H, W); ``interlock.explain.peers.explainer`` makes one.
        saliency: (H, W) that ``explain`` gave for the model; None to ask it.
        scheme: ``"cascading"`` adds each group to the earlier ones, ``"independent"`` draws one
            group alone.
        stages: groups, >= 1, at most one for each layer.
        similarity: Spearman's rank correlation of the signed maps, or SSIM of the maps stretched
            to [0, 1].
        seed: of the new weights.

    Raises:
        ModelError: the model has no weights, or cannot be explained with the new ones.
        OptionError: an option out of range.
    """
    if stages < 1:
        raise OptionError(f"stages={stages}: must be at least 1")
    for name, value, known in (("scheme", scheme, Scheme), ("similarity", similarity, Similarity)):
        if value not in get_args(known):
            raise OptionError(f"{name}={value!r} is unknown; use {' or '.join(get_args(known))}")
    layers = [n for n, m in model.named_modules() if any(True for _ in m.parameters(recurse=False))]
    if not layers:
        raise ModelError("the model has no weights that could be drawn anew")
    before = explain(model, x, target) if saliency is None else saliency
    compare = {"spearman": spearman, "ssim": ssim}[similarity]
    parts = np.array_split(np.array(layers[::-1], dtype=object), min(stages, len(layers)))
    groups = tuple(tuple(part.tolist()) for part in parts)
    check_seed(seed)
    drawn = torch.Generator().manual_seed(seed)
    other = copy.deepcopy(model)
    similarities = []
    for group in groups:
        if scheme == "independent":
            other = copy.deepcopy(model)
        for name in group:
            _draw_anew(other.get_submodule(name), drawn)
        similarities.append(compare(before, explain(other, x, target)))
    return WeightSensitivity(tuple(similarities), groups)


def _draw_anew(layer: nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for weight in layer.parameters(recurse=False):
            if weight.is_floating_point():
                values = weight.float()
                spread = values.std(correction=0)
                noise = torch.randn(weight.shape, generator=generator).to(values)
                weight.copy_(values.mean() + spread * noise)


def spearman(first: Map, second: Map) -> float:
    """Rank correlation of two maps, in [-1, 1]; 0 where one of two different maps is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(np.asarray(m, dtype=np.float64).ravel()) for m in (first, second))
    if np.array_equal(a, b):
        return 1.0
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def ssim(first: Map, second: Map) -> float:
    """Structural similarity (Wang et al. 2004) of two maps, each stretched to [0, 1]."""
    from skimage.metrics import structural_similarity

    planes = []
    for plane in (first, second):
        values = np.asarray(plane, dtype=np.float64)
        low, high = values.min(), values.max()
        planes.append((values - low) / (high - low if high > low else 1.0))
    # The window must be odd and fit; the usual one has 7 pixels.
    side = min(7, *planes[0].shape)
    window = side if side % 2 else side - 1
    if window < 3:
        raise OptionError(
            f"similarity='ssim': a map of {planes[0].shape[0]}x{planes[0].shape[1]} pixels is too "
            "small; use 'spearman'"
        )
    return float(structural_similarity(*planes, win_size=window, data_range=1.0))
