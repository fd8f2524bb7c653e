"""Cheap second derivatives: exact forward values with hand-written backward passes.

PyTorch's double backward of a convolution always derives its weights too, and that of a batch
normalisation treats its statistics as variables. Here both are what they are for a fixed network:
affine maps of their input, whose second derivative is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_input


def apply(function: type[torch.autograd.Function], *args: Any) -> Tensor:
    """``function.apply`` with a type."""
    result: Tensor = function.apply(*args)  # type: ignore[no-untyped-call]
    return result


class ExactValue(torch.autograd.Function):
    """Gives ``value()`` as it is; its gradient for z is grad * slope.

    ``bend`` is the derivative of the slope by z; None where the map is affine. The value comes
    through a function because a tensor that were an argument would count as a view, which the
    model may not change in place.
    """

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, value: Callable[[], Tensor], slope: Tensor, bend: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(z, slope, bend)
        return value()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        z, slope, bend = ctx.saved_tensors
        if bend is None or not torch.is_grad_enabled():
            return grads[0] * slope, None, None, None
        return apply(_BentProduct, grads[0], z, slope, bend), None, None, None


class _BentProduct(torch.autograd.Function):
    """grad * slope(z), differentiable once more: with respect to grad, and to z by ``bend``."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, z: Tensor, slope: Tensor, bend: Tensor) -> Tensor:
        ctx.save_for_backward(slope, grad * bend)
        return grad * slope

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        slope, curvature = ctx.saved_tensors
        return grads[0] * slope, grads[0] * curvature, None, None


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, settings: dict[str, Any]
    ) -> Tensor:
        ctx.shape, ctx.settings = x.shape, settings
        ctx.save_for_backward(weight)
        return torch.conv2d(x, weight, bias, **settings)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        grad = apply(_ConvolutionTransposed, grads[0], weight, ctx.shape, ctx.settings)
        return grad, None, None, None


class _ConvolutionTransposed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, grad: Tensor, weight: Tensor, shape: torch.Size, settings: dict[str, Any]
    ) -> Tensor:
        ctx.settings = settings
        ctx.save_for_backward(weight)
        return conv2d_input(shape, weight, grad, **settings)  # type: ignore[no-untyped-call, no-any-return]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = ctx.saved_tensors
        return torch.conv2d(grads[0], weight, None, **ctx.settings), None, None, None


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if isinstance(padding, str) or input.ndim != 4 or weight.requires_grad:
        return F.conv2d(input, weight, bias, **settings)
    return apply(_Convolution, input, weight, bias, settings)


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if training or running_var is None:
        return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    with torch.no_grad():
        value = F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        slope = torch.rsqrt(running_var + eps)
        slope = (slope if weight is None else slope * weight).to(value.dtype)
    return apply(ExactValue, input, lambda: value, per_channel(slope, input), None)


def per_channel(values: Tensor, like: Tensor) -> Tensor:
    """(C,) -> (1, C, 1, ...), to broadcast against ``like`` of shape (N, C, ...)."""
    return values.view(1, -1, *[1] * (like.ndim - 2))


AFFINE_RULES: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.batch_norm: _batch_norm,
    F.conv2d: _conv2d,
}
