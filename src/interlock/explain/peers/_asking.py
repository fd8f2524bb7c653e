"""What all peers share: one image, one class, one model, and checks of the options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.errors import OptionError
from interlock.explain._baseline import check_baseline
from interlock.explain._derivatives import Differentiable, check_image, check_target
from interlock.explain.peers._regions import check_partition

Evidence = Literal["signed", "for", "absolute"]
"""Which values a map keeps: all with their sign, those for the class, or magnitudes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Asking(ABC):
    """A peer over one model; subclasses say how the map comes about."""

    model: nn.Module = field(kw_only=False)
    """(N, C, H, W) float -> (N, classes) logits, in eval mode. It is left as it is."""
    batch: int = 10
    """Images in one pass, >= 1."""
    seed: int = 0
    """Of whatever the method draws; the same seed gives the same bytes."""
    _least: ClassVar[Mapping[str, float]] = {}
    """The method's own counts and measures, with the least value of each."""
    _choices: ClassVar[Mapping[str, Any]] = {}
    """Its own options of a ``Literal``."""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            OptionError: one lies outside its range.
        """
        check_seed(self.seed)
        options = vars(self)
        for name, least in {"batch": 1, **self._least}.items():
            # None where it is the default: the method chooses.
            if options[name] is not None or getattr(type(self), name) is not None:
                at_least(name, options[name], least)
        # Options that several peers share are checked under the name they all use.
        for name, choices in {"evidence": Evidence, **self._choices}.items():
            if name in options:
                one_of(name, options[name], choices)
        if "baseline" in options:
            check_baseline(options["baseline"])
        if "regions" in options:
            check_partition(options["regions"])

    def saliency(self, x: Tensor, target: int) -> Tensor:
        """Explain one image.

        Args:
            x: (C, H, W), normalised as the model takes it, finite.
            target: the class to explain.

        Returns:
            (H, W) float32 on the CPU; larger means more relevant for the class.

        Raises:
            ImageError: x has another shape or holds values that are not finite.
            ModelError: the model returns no finite (N, classes) logits, or cannot be explained.
            OptionError: the target is no class of the model.
        """
        model, x, target = self._asked(x, target)
        return self._map(model, x, target).detach().float().cpu().contiguous()

    def _asked(self, x: Tensor, target: int) -> tuple[Differentiable, Tensor, int]:
        check_image(x)
        x = x.detach().float()
        model = Differentiable(self.model, self.batch)
        return model, x, check_target(model.logits(x[None]), target)

    @abstractmethod
    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        """(C, H, W) -> (H, W)."""


def reduced(attribution: Tensor, evidence: Evidence) -> Tensor:
    """(C, H, W) -> (H, W): channels are summed, magnitudes before the sum, signs after it."""
    return (
        attribution.abs().sum(dim=0)
        if evidence == "absolute"
        else kept(attribution.sum(dim=0), evidence)
    )


def kept(values: Tensor, evidence: Evidence) -> Tensor:
    """The part of signed values that counts as evidence."""
    if evidence == "absolute":
        return values.abs()
    return values.clamp(min=0) if evidence == "for" else values


def at_least(name: str, value: Any, least: float) -> None:
    """Refuse a count or a measure below its least value, and what is no number.

    Raises:
        OptionError: the value is out of range, or of another type than ``least``.
    """
    kinds = (int,) if isinstance(least, int) else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not value >= least:
        what = "a whole number" if isinstance(least, int) else "a number"
        raise OptionError(f"{name}={value!r}: must be {what} of at least {least:g}")


def one_of(name: str, value: Any, choices: Any) -> None:
    """Refuse a value that is none of a ``Literal``'s.

    Raises:
        OptionError: with the known choices.
    """
    known = get_args(choices)
    if value not in known:
        raise OptionError(f"{name}={value!r} is unknown; use one of {', '.join(map(repr, known))}")


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Give a library that draws from torch's global generator a seed, and the caller his back."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
