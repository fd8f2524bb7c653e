"""The methods and metrics of ``explain`` studies by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.lab.code import code_digest, modules_digest
from interlock.lab.study import unknown
from interlock.lab.tasks.options import imported, taken_by

Saliency = Callable[[Tensor, int], Tensor]
"""(C, H, W) and a class -> (H, W)."""
Metric = Callable[..., float]
"""(model, x, target, saliency, *, explain, seed) -> value."""

OURS = ("hsets", "hsets-paper")
METRICS = ("gini", "road")


def explainer_options(name: str) -> list[str] | None:
    """The options of a method; None where it takes any.

    Raises:
        OptionError: there is no such method.
    """
    if name in OURS:
        from interlock.explain import HSets

        return taken_by(HSets, but=("model", "seed"))
    if ":" in name:
        return taken_by(imported(name), but=("model", "seed"))
    raise OptionError(unknown("method", name, OURS))


def make_explainer(name: str, model: nn.Module, options: Mapping[str, Any], seed: int) -> Saliency:
    """A method, ready for one image after another.

    Args:
        name: one of ours, a peer, or ``package.module:factory``, called with the model, the
            options and ``seed=``, if it takes one; it gives a function of an image and a class.
        model: to explain.
        options: of the method.
        seed: of the study.

    Raises:
        OptionError: an unknown method, or an option outside its range.
    """
    if name in OURS:
        from interlock.explain import HSets

        made = HSets.paper if name == "hsets-paper" else HSets
        method = made(model, **options, seed=seed)

        def explained(x: Tensor, target: int) -> Tensor:
            saliency: Tensor = method.explain(x, target).saliency
            return saliency

        return explained
    factory = imported(name)
    known = taken_by(factory)
    more = {"seed": seed} if known is None or "seed" in known else {}
    found: Saliency = factory(model, **options, **more)
    return found


def explainer_code(name: str) -> str:
    """Digest of the code of a method."""
    return modules_digest("interlock.explain.hsets") if name in OURS else _code_of(name)


def metric_options(name: str) -> list[str] | None:
    """The options of a metric; None where it takes any.

    Raises:
        OptionError: there is no such metric.
    """
    if name == "gini":
        return []
    if name == "road":
        return ["percentages", "noise"]
    if ":" in name:
        return taken_by(imported(name), but=("model", "x", "target", "saliency", "explain", "seed"))
    raise OptionError(unknown("metric", name, METRICS))


def measure(
    name: str,
    options: Mapping[str, Any],
    model: nn.Module,
    x: Tensor,
    target: int,
    saliency: Tensor,
    *,
    explain: Saliency,
    seed: int,
) -> float:
    """The value of a metric on one saliency map."""
    from interlock.explain import gini, road

    if name == "gini":
        return gini(saliency)
    if name == "road":
        return road(model, x, saliency, target, seed=seed, **options).aopc
    found = imported(name)(model, x, target, saliency, explain=explain, seed=seed, **options)
    return float(found)


def metric_code(name: str) -> str:
    """Digest of the code of a metric."""
    return modules_digest("interlock.explain.faithfulness") if name in METRICS else _code_of(name)


def _code_of(name: str) -> str:
    """Of a function of the user's: of the file that holds it."""
    function = imported(name)
    try:
        return code_digest(Path(inspect.getsourcefile(function) or ""))
    except (TypeError, OSError, SyntaxError):
        return name


def known_methods() -> Sequence[str]:
    """Names for lists and documentation."""
    return OURS
