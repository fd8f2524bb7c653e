"""The methods and metrics of ``explain`` studies by name: the package's, and the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.lab.code import code_digest, modules_digest
from interlock.lab.items import name_of
from interlock.lab.study import unknown
from interlock.lab.tasks.options import imported, taken_by

Saliency = Callable[[Tensor, int], Tensor]
"""(C, H, W) and a class -> (H, W)."""
Explain = Callable[[nn.Module, Tensor, int], Tensor]
"""The same method on any model."""

_METRIC_CODE = {
    "gini": "faithfulness",
    "road": "faithfulness",
    "road-least": "faithfulness",
    "grey": "faithfulness",
    "nonzero": "faithfulness",
    "insertion": "curves",
    "deletion": "curves",
    "randomised-weights": "sanity",
    "stability": "stability",
}


def explainer_options(name: str) -> list[str] | None:
    """The options of a method, but for its seed, which is the study's; None where it takes any.

    Raises:
        OptionError: there is no such method, or what it needs is not installed.
    """
    from interlock.explain.peers import PEERS

    if name in PEERS:
        missing = PEERS[name].missing
        if missing:
            raise OptionError(missing)
        return [option for option in PEERS[name].options if option != "seed"]
    if ":" in name:
        return taken_by(imported(name), but=("model", "seed"))
    raise OptionError(unknown("method", name, list(PEERS)))


def make_explainer(name: str, options: Mapping[str, Any], seed: int) -> Explain:
    """A method as a function of model, image and class.

    Args:
        name: of ``interlock.explain.peers.PEERS``, or ``package.module:factory``, called with a
            model and the options, and ``seed=`` if it takes one; it gives a function of an image
            and a class.
        options: of the method.
        seed: of the study.

    Raises:
        OptionError: an unknown method, or an option outside its range.
    """
    make = _maker(name, options, seed)
    return lambda model, x, target: make(model)(x, target)


def on_model(name: str, model: nn.Module, options: Mapping[str, Any], seed: int) -> Saliency:
    """The same, for one model and many images: what a method prepares is prepared once."""
    return _maker(name, options, seed)(model)


def _maker(name: str, options: Mapping[str, Any], seed: int) -> Callable[[nn.Module], Saliency]:
    from interlock.explain.peers import PEERS

    if name in PEERS:
        factory, known = PEERS[name], list(PEERS[name].options)
        more = {"seed": seed} if "seed" in known else {}
        return lambda model: factory(model, **options, **more).saliency
    own = imported(name)
    taken = taken_by(own)
    mine = {"seed": seed} if taken is None or "seed" in taken else {}
    return lambda model: own(model, **options, **mine)


def explainer_code(name: str) -> str:
    """Digest of the code of a method, and of its defaults."""
    from interlock.explain.peers import PEERS

    if name not in PEERS:
        return _code_of(name)
    factory = PEERS[name]
    maker = getattr(factory.make, "func", factory.make)  # of a partial
    defaults = {option: repr(value) for option, value in factory.options.items()}
    return name_of(code=modules_digest(maker.__module__), defaults=defaults)[:12]


def metric_options(name: str) -> list[str] | None:
    """The options of a metric; None where it takes any.

    Raises:
        OptionError: there is no such metric.
    """
    from interlock.explain.metrics import METRICS

    if name in METRICS:
        return list(METRICS[name].options)
    if ":" in name:
        return taken_by(imported(name), but=("model", "x", "target", "saliency", "explain", "seed"))
    raise OptionError(unknown("metric", name, list(METRICS)))


def measure(
    name: str,
    options: Mapping[str, Any],
    model: nn.Module,
    x: Tensor,
    target: int,
    saliency: Tensor,
    *,
    explain: Explain,
    seed: int,
) -> float:
    """The value of a metric on one saliency map."""
    from interlock.explain.metrics import METRICS

    metric: Callable[..., float] = METRICS[name] if name in METRICS else imported(name)
    return float(metric(model, x, target, saliency, explain=explain, seed=seed, **options))


def metric_code(name: str) -> str:
    """Digest of the code of a metric."""
    from interlock.explain.metrics import METRICS

    if name in METRICS:
        return modules_digest(f"interlock.explain.{_METRIC_CODE.get(name, 'metrics')}")
    return _code_of(name)


def _code_of(name: str) -> str:
    """Of a function of the user's: of the file that holds it."""
    function = imported(name)
    try:
        return code_digest(Path(inspect.getsourcefile(function) or ""))
    except (TypeError, OSError, SyntaxError):
        return name
