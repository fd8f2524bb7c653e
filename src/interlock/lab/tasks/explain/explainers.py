"""The methods and metrics of ``explain`` studies by name: the package's, and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from interlock.errors import OptionError
from interlock.lab.code import digest_of
from interlock.lab.items import name_of
from interlock.lab.study import unknown
from interlock.lab.tasks.options import imported, taken_by

Saliency = Callable[[Tensor, int], Tensor]
"""(C, H, W) and a class -> (H, W)."""
Explain = Callable[[nn.Module, Tensor, int], Tensor]
"""The same method on any model."""


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
    seeding = {"seed": seed} if taken is None or "seed" in taken else {}
    return lambda model: own(model, **options, **seeding)


def explainer_code(name: str) -> str:
    """Digest of the code of a method, and of its defaults."""
    from interlock.explain.peers import PEERS

    if name not in PEERS:
        return digest_of(imported(name))
    factory = PEERS[name]
    defaults = {option: repr(value) for option, value in factory.options.items()}
    return name_of(code=digest_of(factory.make, beside=[factory]), defaults=defaults)[:12]


def metric_options(name: str) -> list[str] | None:
    """The options of a metric; None where it takes any.

    Raises:
        OptionError: there is no such metric.
    """
    from interlock.explain.measures.metrics import METRICS

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
    from interlock.explain.measures.metrics import METRICS

    metric: Callable[..., float] = METRICS[name] if name in METRICS else imported(name)
    return float(metric(model, x, target, saliency, explain=explain, seed=seed, **options))


def metric_code(name: str) -> str:
    """Digest of the code of a metric."""
    from interlock.explain.measures.metrics import METRICS

    if name in METRICS:
        return digest_of(METRICS[name].run, beside=[METRICS[name]])
    return digest_of(imported(name))
