"""Every metric of an explanation by name, all called alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.explain.measures._ranking import cut
from interlock.explain.measures.curves import Deletion, Insertion, deletion, insertion
from interlock.explain.measures.faithfulness import Grey, Road, RoadLeast, gini, grey, nonzero, road
from interlock.explain.measures.sanity import WeightSensitivity, randomised_weights
from interlock.explain.measures.stability import Stability, stability

Explain = Callable[[nn.Module, Tensor, int], Tensor]
"""(model, (C, H, W), class) -> (H, W)."""


@dataclass(frozen=True)
class Metric:
    """One number about one map."""

    name: str
    """As tables and studies call it."""
    higher_is_better: bool
    """Of two methods, whether the one with the larger score is the better."""
    source: str
    """Paper, and what the number is."""
    explains: bool
    """Whether it must explain other models or images, and so needs ``explain``."""
    run: Callable[..., float]
    """Scores a map; called by calling the metric."""

    @property
    def options(self) -> tuple[str, ...]:
        """What it takes by keyword, beside ``explain`` and ``seed``."""
        return () if self.explains else ("keep",)

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        target: int,
        saliency: Tensor,
        *,
        explain: Explain | None = None,
        seed: int = 0,
        keep: float | None = None,
    ) -> float:
        """Score a map.

        Args:
            x: (C, H, W), as the model takes it.
            saliency: (H, W); larger is more relevant.
            explain: how the map came about, as ``interlock.explain.peers.explainer`` gives it.
            seed: of ties, noise and new weights.
            keep: score only the strongest so many pixels of the map, as a share of all, and take
                the others as zero; None for the whole map.

        Raises:
            OptionError: ``explain`` is missing where it is needed, or ``keep`` is no share, or is
                given to a metric that explains again.
        """
        if keep is not None:
            if self.explains:
                raise OptionError(f"metric {self.name!r} explains again: it takes no keep=")
            saliency = cut(x, saliency, keep, seed)
        if not self.explains:
            return self.run(model, x, target, saliency, seed=seed)
        if explain is None:
            raise OptionError(f"metric {self.name!r} explains again: give it explain=")
        return self.run(model, x, target, saliency, explain=explain, seed=seed)


def _of_map(measure: Callable[[Tensor], float]) -> Callable[..., float]:
    """A measure of the map alone, with the arguments that all metrics share."""

    @wraps(measure)
    def run(model: nn.Module, x: Tensor, target: int, saliency: Tensor, *, seed: int) -> float:
        return measure(saliency)

    return run


def _by_order(measure: Callable[..., Any], **options: Any) -> Callable[..., float]:
    """A measure that ranks pixels, likewise."""

    @wraps(measure)
    def run(model: nn.Module, x: Tensor, target: int, saliency: Tensor, *, seed: int) -> float:
        return float(measure(model, x, saliency, target, seed=seed, **options).score)

    return run


def _by_explaining(measure: Callable[..., Any]) -> Callable[..., float]:
    """A measure that explains again, likewise."""

    @wraps(measure)
    def run(
        model: nn.Module, x: Tensor, target: int, saliency: Tensor, *, explain: Explain, seed: int
    ) -> float:
        return float(measure(model, x, target, explain, saliency=saliency, seed=seed).score)

    return run


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "gini", True, "Hurley and Rickard 2009: Gini index of |saliency|", False, _of_map(gini)
        ),
        Metric(
            "road",
            Road.higher_is_better,
            "Rong et al. 2022, arXiv 2202.00449: mean drop, most relevant first",
            False,
            _by_order(road),
        ),
        Metric(
            "road-least",
            RoadLeast.higher_is_better,
            "Rong et al. 2022, arXiv 2202.00449: mean drop, least relevant first",
            False,
            _by_order(road, order="least"),
        ),
        Metric(
            "grey",
            Grey.higher_is_better,
            "Samek et al. 2017, arXiv 1509.06321: mean drop as in ROAD, filled with 0",
            False,
            _by_order(grey),
        ),
        Metric("nonzero", False, "share of the pixels with any saliency", False, _of_map(nonzero)),
        Metric(
            "insertion",
            Insertion.higher_is_better,
            "Petsiuk et al. 2018, arXiv 1806.07421: area under the curve, onto the blurred image",
            False,
            _by_order(insertion),
        ),
        Metric(
            "deletion",
            Deletion.higher_is_better,
            "Petsiuk et al. 2018, arXiv 1806.07421: area under the curve, filled with 0",
            False,
            _by_order(deletion),
        ),
        Metric(
            "randomised-weights",
            WeightSensitivity.higher_is_better,
            "Adebayo et al. 2018, arXiv 1810.03292: mean rank correlation, cascading",
            True,
            _by_explaining(randomised_weights),
        ),
        Metric(
            "stability",
            Stability.higher_is_better,
            "Yeh et al. 2019, arXiv 1901.09392: largest relative change under small noise",
            True,
            _by_explaining(stability),
        ),
    )
}
"""Metrics by name, as studies take them."""
