"""Guided Backpropagation (Springenberg et al. 2015, arXiv 1412.6806)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from interlock.explain._affine import apply
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking, Evidence, reduced


@dataclass(frozen=True, eq=False, kw_only=True)
class GuidedBackprop(Asking):
    """The gradient, with negative parts cut at each ReLU on the way back.

    ReLU and ReLU6 are intercepted while they run, as modules, functions and in place. Captum's
    version hooks ``nn.ReLU`` modules alone: on a network of ReLU6 or of functions it gives the
    plain gradient without a word.
    """

    evidence: Evidence = "absolute"

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        with _Guide():
            (gradient,) = model.gradients(x[None], target)
        return reduced(gradient, self.evidence)


class _Guide(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        rule = _RULES.get(func)
        ceiling, in_place = rule(*args, **kwargs) if rule else (None, False)
        if ceiling is None or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        z = args[0] if args else kwargs["input"]
        guided = apply(_GuidedRelu, z.clone() if in_place else z, ceiling)
        return z.copy_(guided) if in_place else guided


class _GuidedRelu(torch.autograd.Function):
    """min(max(z, 0), ceiling); only positive gradients pass, and only where z lies between."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, ceiling: float) -> Tensor:
        ctx.save_for_backward((z > 0) & (z < ceiling))
        return z.clamp(0, ceiling)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (passed,) = ctx.saved_tensors
        return grads[0].clamp(min=0) * passed, None


# One rule per operation: (*the call's own arguments) -> (ceiling, in place?). A ceiling of None
# leaves the call alone.
_Rule = Callable[..., tuple[float | None, bool]]


def _relu(input: Tensor, inplace: bool = False) -> tuple[float | None, bool]:
    return float("inf"), inplace


def _relu6(input: Tensor, inplace: bool = False) -> tuple[float | None, bool]:
    return 6.0, inplace


def _hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> tuple[float | None, bool]:
    return (max_val if min_val == 0 else None), inplace  # nn.ReLU6 comes this way


_RULES: dict[Callable[..., Any], _Rule] = {
    torch.relu: _relu,
    F.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: lambda z: _relu(z, inplace=True),
    Tensor.relu_: lambda z: _relu(z, inplace=True),
    F.relu6: _relu6,
    F.hardtanh: _hardtanh,
}
