"""A smooth slope for piecewise-linear activations, while their values stay exact.

ReLU and its relatives have no second derivative, so the Hessian of a network made of them is zero
almost everywhere. Inside :class:`SmoothKinks` every such operation keeps its exact forward value,
and its backward pass uses a smooth slope (H-Sets, arXiv 2604.22045):

    h'(z) = 1 + z / sqrt(z^2 + tau)   for z < 0
    h'(z) =     z / sqrt(z^2 + tau)   for z >= 0

Operations are intercepted while they run, so modules, functions and in-place variants are all
caught and the caller's model is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from interlock.explain._affine import AFFINE_RULES, ExactValue, apply, per_channel

TAU = 1e-3

# z -> (slope, its derivative), both of z's shape or broadcastable to it.
Bend = Callable[[Tensor], tuple[Tensor, Tensor]]
# The same of (z, tau).
Step = Callable[..., tuple[Tensor, Tensor]]


def smooth_step(z: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """The slope h'(z) of a smoothed ReLU and its derivative tau / (z^2 + tau)^(3/2)."""
    inverse = torch.rsqrt(z * z + tau)
    ratio = z * inverse
    return torch.where(z < 0, 1 + ratio, ratio), tau * inverse**3


def monotone_step(z: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """The slope (1 + z / sqrt(z^2 + tau)) / 2, and its derivative, whose integral is 1.

    That of :func:`smooth_step` is 2, with the drop at z = 0 left out: enough to compare the
    entries of a Hessian, too much where they are summed and must come to f(x) - f(x').
    """
    inverse = torch.rsqrt(z * z + tau)
    return (1 + z * inverse) / 2, tau * inverse**3 / 2


class SmoothKinks(TorchFunctionMode):
    """Context in which piecewise-linear activations have a second derivative.

    Args:
        tau: width of the smoothing, > 0; the paper uses 1e-3.
        step: (z, tau) -> the slope in the place of ReLU's, and its derivative.
    """

    def __init__(self, tau: float = TAU, step: Step = smooth_step) -> None:
        super().__init__()
        self._step = partial(step, tau=tau)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        # Weights are constants here: without this, every product would also derive them.
        args = tuple(a.detach() if isinstance(a, nn.Parameter) else a for a in args)
        kwargs = {
            k: a.detach() if isinstance(a, nn.Parameter) else a for k, a in (kwargs or {}).items()
        }
        z = args[0] if args else kwargs.get("input")
        if not isinstance(z, Tensor) or not z.requires_grad or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        if func in AFFINE_RULES:
            return AFFINE_RULES[func](*args, **kwargs)
        rule = _RULES.get(func)
        bend, in_place = rule(self._step, *args, **kwargs) if rule else (None, False)
        if bend is None:
            return func(*args, **kwargs)
        in_place = in_place or func in _ALWAYS_IN_PLACE
        with torch.no_grad():
            before = z.detach().clone() if in_place else z.detach()
            slope, curvature = bend(before)
            value = func(before, *args[1:], **{k: v for k, v in kwargs.items() if k != "input"})
        if not in_place:
            return apply(ExactValue, z, lambda: value, slope, curvature)
        return z.copy_(apply(ExactValue, z.clone(), lambda: value, slope, curvature))


# One rule per operation: (step, *the call's own arguments) -> (bend, in place?). A bend of None
# leaves the call alone.
_Rule = Callable[..., tuple[Bend | None, bool]]


def _clip(z: Tensor, low: Any, high: Any, step: Bend) -> tuple[Tensor, Tensor]:
    slope, curvature = torch.ones_like(z), torch.zeros_like(z)
    if low is not None:
        slope, curvature = step(z - low)
    if high is not None:
        above, above_curvature = step(z - high)
        slope, curvature = slope - above, curvature - above_curvature
    return slope, curvature


def _relu(step: Bend, input: Tensor, inplace: bool = False) -> tuple[Bend, bool]:
    return step, inplace


def _hardtanh(
    step: Bend,
    input: Tensor,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> tuple[Bend, bool]:
    return lambda z: _clip(z, min_val, max_val, step), inplace


def _relu6(step: Bend, input: Tensor, inplace: bool = False) -> tuple[Bend, bool]:
    return _hardtanh(step, input, 0.0, 6.0, inplace)


def _clamp(
    step: Bend, input: Tensor, min: Any = None, max: Any = None, **_: Any
) -> tuple[Bend | None, bool]:
    bounds = [b for b in (min, max) if b is not None]
    if not bounds or any(isinstance(b, Tensor) and b.requires_grad for b in bounds):
        return None, False
    return lambda z: _clip(z, min, max, step), False


def _clamp_min(step: Bend, input: Tensor, min: Any) -> tuple[Bend | None, bool]:
    return _clamp(step, input, min=min)


def _clamp_max(step: Bend, input: Tensor, max: Any) -> tuple[Bend | None, bool]:
    return _clamp(step, input, max=max)


def _leaky(z: Tensor, negative_slope: Any, step: Bend) -> tuple[Tensor, Tensor]:
    slope, curvature = step(z)
    return negative_slope + (1 - negative_slope) * slope, (1 - negative_slope) * curvature


def _leaky_relu(
    step: Bend, input: Tensor, negative_slope: float = 0.01, inplace: bool = False
) -> tuple[Bend, bool]:
    return lambda z: _leaky(z, negative_slope, step), inplace


def _prelu(step: Bend, input: Tensor, weight: Tensor) -> tuple[Bend, bool]:
    negative_slope = weight if weight.numel() == 1 else per_channel(weight, input)
    return lambda z: _leaky(z, negative_slope, step), False


def _threshold(
    step: Bend, input: Tensor, threshold: float, value: float, inplace: bool = False
) -> tuple[Bend, bool]:
    return lambda z: step(z - threshold), inplace


def _hardsigmoid(step: Bend, input: Tensor, inplace: bool = False) -> tuple[Bend, bool]:
    def bend(z: Tensor) -> tuple[Tensor, Tensor]:
        slope, curvature = _clip(z, -3.0, 3.0, step)
        return slope / 6, curvature / 6

    return bend, inplace


def _hardswish(step: Bend, input: Tensor, inplace: bool = False) -> tuple[Bend, bool]:
    """z * gate(z): the slope is gate + z gate', its derivative 2 gate' + z gate''."""

    def bend(z: Tensor) -> tuple[Tensor, Tensor]:
        slope, curvature = _clip(z, -3.0, 3.0, step)
        return F.hardsigmoid(z) + z * slope / 6, (2 * slope + z * curvature) / 6

    return bend, inplace


def _table(*rows: tuple[_Rule, tuple[Callable[..., Any], ...]]) -> dict[Callable[..., Any], _Rule]:
    return {function: rule for rule, functions in rows for function in functions}


_ALWAYS_IN_PLACE = _table(
    (_relu, (torch.relu_, Tensor.relu_)),
    (_hardtanh, (F.hardtanh_,)),
    (_leaky_relu, (F.leaky_relu_,)),
    (_threshold, (torch.threshold_,)),
    (_clamp, (torch.clamp_, Tensor.clamp_, Tensor.clip_)),
    (_clamp_min, (torch.clamp_min_, Tensor.clamp_min_)),
    (_clamp_max, (torch.clamp_max_, Tensor.clamp_max_)),
)
_RULES = _ALWAYS_IN_PLACE | _table(
    (_relu, (torch.relu, F.relu, Tensor.relu)),
    (_relu6, (F.relu6,)),
    (_hardtanh, (F.hardtanh,)),
    (_hardsigmoid, (F.hardsigmoid,)),
    (_hardswish, (F.hardswish,)),
    (_leaky_relu, (F.leaky_relu,)),
    (_threshold, (F.threshold, torch.threshold)),
    (_prelu, (F.prelu,)),
    (_clamp, (torch.clamp, torch.clip, Tensor.clamp, Tensor.clip)),
    (_clamp_min, (torch.clamp_min, Tensor.clamp_min)),
    (_clamp_max, (torch.clamp_max, Tensor.clamp_max)),
)
