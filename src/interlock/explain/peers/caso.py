"""CAFO and CASO: the change of the image that most raises the loss (Singla et al. 2019).

arXiv 1902.00407. With l the log-loss of the class, g its gradient and H its
Hessian at x, find the Delta that maximises

    g . Delta + Delta . H Delta / 2 - lambda_1 |Delta|_1 - lambda_2 |Delta|^2 / 2

CAFO leaves H out and has a closed form. A network of ReLUs is piecewise linear, so H is
W A W^T: W the Jacobian of the logits, A = diag(p) - p p^T. It has low rank: p is nearly all in
a few classes. With lambda_1 = 0 CASO has a closed form too; otherwise proximal gradient steps
with momentum (FISTA) find it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from interlock.errors import OptionError
from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking

STEPS = 200


@dataclass(frozen=True, eq=False, kw_only=True)
class Cafo(Asking):
    """First order: the gradient of the log-loss, shrunk. A pixel shows its share of |Delta|^2."""

    sparsity: float = 0.0
    """Share of the features whose first-order Delta is 0, in [0, 1): it sets lambda_1, at that
    quantile of |g|."""
    lambda2: float = 4.0
    """Weight of the square, > 0; a scale and no more in CAFO."""
    samples: int = 1
    """Noisy copies over which g and H are averaged, >= 1; 1 means no noise."""
    noise: float = 0.15
    """Standard deviation of that noise as a share of the range of x."""
    _least: ClassVar[Mapping[str, float]] = {
        "sparsity": 0.0, "lambda2": 1e-12, "samples": 1, "noise": 0.0
    }  # fmt: skip

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if self.sparsity >= 1:
            raise OptionError(f"sparsity={self.sparsity}: must lie in [0, 1)")

    def delta(self, x: Tensor, target: int) -> Tensor:
        """The solution, (C, H, W) float64; the arguments and errors of :meth:`saliency`."""
        model, x, target = self._asked(x, target)
        return self._delta(model, self._copies(x), target).view(x.shape)

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        # The square of a tiny Delta underflows in float32, where the model is very sure.
        delta = self._delta(model, self._copies(x), target).view(x.shape)
        squares = (delta / delta.abs().max().clamp_min(torch.finfo(delta.dtype).tiny)).square()
        return squares.sum(dim=0) / squares.sum().clamp_min(torch.finfo(delta.dtype).tiny)

    def _copies(self, x: Tensor) -> Tensor:
        if self.samples == 1:
            return x[None]
        drawn = torch.Generator().manual_seed(self.seed)
        noise = torch.randn((self.samples, *x.shape), generator=drawn).to(x)
        return x + noise * self.noise * (x.max() - x.min())

    def _delta(self, model: Differentiable, copies: Tensor, target: int) -> Tensor:
        gradient = _loss_gradient(model, copies, target)
        return softshrink(gradient, self._lambda1(gradient)) / self.lambda2

    def _lambda1(self, gradient: Tensor) -> float:
        if self.sparsity == 0:
            return 0.0
        last = round(self.sparsity * len(gradient))
        return float(gradient.abs().sort().values[max(0, last - 1)])


@dataclass(frozen=True, eq=False, kw_only=True)
class Caso(Cafo):
    """Second order: with the Hessian of the log-loss, of low rank.

    As in the authors' code the largest eigenvalue is added to lambda_2, which makes the objective
    concave. For networks that are not piecewise linear, W A W^T is the Gauss-Newton part of H.
    """

    classes: int = 10
    """Most probable classes that enter H, >= 1; with all of them it is exact."""
    _least: ClassVar = {**Cafo._least, "classes": 1}

    def _delta(self, model: Differentiable, copies: Tensor, target: int) -> Tensor:
        gradient = _loss_gradient(model, copies, target)
        values, vectors = _hessian(model, copies, self.classes)
        ridge = self.lambda2 + float(values.max())
        lambda1 = self._lambda1(gradient)
        if lambda1 == 0:  # (ridge I - H)^-1 g, H = vectors diag(values) vectors^T
            inside = values / (ridge - values) * (vectors.T @ gradient)
            return (gradient + vectors @ inside) / ridge

        def step(delta: Tensor) -> Tensor:
            curved = vectors @ (values * (vectors.T @ delta))
            return softshrink(delta + (gradient + curved - ridge * delta) / ridge, lambda1 / ridge)

        delta = previous = torch.zeros_like(gradient)
        for k in range(STEPS):
            ahead = delta + k / (k + 3) * (delta - previous)
            previous, delta = delta, step(ahead)
            if float((delta - previous).abs().max()) <= 1e-12 * float(delta.abs().max()):
                break
        return delta


def _loss_gradient(model: Differentiable, copies: Tensor, target: int) -> Tensor:
    """(features,) float64: the mean gradient of -log p_target over the copies."""
    total = torch.zeros(copies[0].numel(), dtype=torch.float64)
    for copy in copies:
        direction = model.logits(copy[None])[0].double().softmax(dim=0)
        direction[target] = 0
        direction[target] = -direction.sum()  # p - 1 without cancellation
        # A sure model leaves p - e of 1e-9, where float32 loses what the gradient is made of.
        size = direction.norm().clamp_min(torch.finfo(torch.float64).tiny)
        gradient = model.pullback(copy, (direction / size)[None])[0]
        total += size.cpu() * gradient.cpu().flatten().double()
    return total / len(copies)


def _hessian(model: Differentiable, copies: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,) >= 0 and orthonormal eigenvectors (features, r) of the mean of W A W^T."""
    roots = []
    for copy in copies:
        p = model.logits(copy[None])[0].double().cpu().softmax(dim=0)
        likely = p.argsort(descending=True, stable=True)[:classes]
        unit = torch.zeros(len(likely), len(p)).index_put_(
            (torch.arange(len(likely)), likely), torch.ones(())
        )
        jacobian = model.pullback(copy, unit.to(copy)).cpu().flatten(1).double()  # (r, features)
        share = torch.diag(p[likely]) - torch.outer(p[likely], p[likely])
        values, vectors = torch.linalg.eigh(share)
        roots.append((vectors * values.clamp(min=0).sqrt()).T @ jacobian)
    root = torch.cat(roots) / len(copies) ** 0.5  # (r, features); H = root^T root
    values, vectors = torch.linalg.eigh(root @ root.T)
    used = values > 1e-12 * values.max().clamp_min(torch.finfo(torch.float64).tiny)
    if not bool(used.any()):
        return torch.zeros(1, dtype=torch.float64), root.new_zeros(root.shape[1], 1)
    values, vectors = values[used], vectors[:, used]
    return values, root.T @ (vectors / values.sqrt())
