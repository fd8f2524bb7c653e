"""First and second derivatives of one class logit with respect to one image."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from operator import index
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from interlock.errors import ImageError, ModelError, OptionError
from interlock.explain._kinks import SmoothKinks, Step, smooth_step
from interlock.models.steady import (
    REFUSALS,
    alike,
    check_alone,
    check_repeatable,
    check_steady,
    gradient_of,
    logits_in,
    out_of_memory,
    refusal,
    underivable,
)


class Differentiable:
    """A classifier to be differentiated: in the image's precision, in batches that fit the memory.

    The caller's model is not changed. Weights of another precision are cast call by call, the
    caller's autocast is off meanwhile, what ``torch.compile`` made runs uncompiled, for a compiled
    pass has no second derivative, and a model that writes into its input gets a copy.

    Args:
        batch: images in one gradient pass; halved for good when memory runs out.
    """

    def __init__(self, model: nn.Module, batch: int) -> None:
        self._model = model
        self._batch = batch
        self._layout = torch.contiguous_format
        state = [*model.named_parameters(), *model.named_buffers()]
        self._dtypes = {t.dtype for _, t in state if t.is_floating_point()}

    def logits(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes), without a graph.

        Raises:
            ModelError: the model does not take images of this shape, or trains on them.
        """
        check_steady(self._model)
        try:
            with torch.no_grad():
                return self.forward(x)
        except REFUSALS as error:
            if out_of_memory(error):
                raise
            raise refusal(x, error) from error

    def settled(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes), asked twice; what is asked later is laid out as is fastest.

        The second time about the first image by itself, for the answer must not depend on others.
        On a CPU that is channels last, a fifth faster through convolutions. A model that reads
        the order of its input's memory goes on being asked as it was.

        Raises:
            ModelError: the logits differ by more than rounding, from call to call or in another
                batch, or as :meth:`logits`.
        """
        first = self.logits(x)
        if x.device.type == "cpu" and x.ndim == 4:
            try:
                second = self.logits(x[:1].contiguous(memory_format=torch.channels_last))
            except ModelError:
                second = None
            if second is not None and alike(first[:1], second):
                self._layout = torch.channels_last
                return first
        check_repeatable(first, self.logits(x))
        check_alone(first[:1], self.logits(x[:1]))
        return first

    def answers(self, cases: Tensor, image: Callable[[Tensor], Tensor]) -> Tensor:
        """(n, ...) cases -> (n, classes) logits of the image of each, without a graph.

        Args:
            cases: what the images are made of, as many at a time as fit the memory.
            image: (k, ...) cases -> (k, C, H, W).

        Raises:
            ModelError: the logits are not finite, or as :meth:`logits`.
        """
        answers: list[Tensor] = []
        done = 0
        while done < len(cases):
            part = cases[done : done + self._batch]
            try:
                images = image(part)
                answers.append(self.logits(images.contiguous(memory_format=self._layout)))
            except RuntimeError as error:
                if not out_of_memory(error) or self._batch == 1:
                    raise
                self._batch = max(1, self._batch // 2)
                continue
            done += len(part)
        logits = torch.cat(answers)
        if not bool(logits.isfinite().all()):
            raise ModelError("the model returned logits that are not finite (NaN or infinite)")
        return logits

    def along_path(self, x: Tensor, baseline: Tensor, target: int, steps: int) -> Tensor:
        """Gradients of the class logit at the midpoints of ``steps`` equal parts of the path.

        Args:
            x, baseline: (C, H, W); the path runs from the baseline to x.

        Returns:
            (steps, C, H, W); the mean over steps, times x - baseline, is Integrated Gradients.
        """
        alphas = (torch.arange(steps, device=x.device, dtype=x.dtype) + 0.5) / steps
        return self.gradients(baseline + alphas.view(-1, 1, 1, 1) * (x - baseline), target)

    def gradients(self, points: Tensor, target: int) -> Tensor:
        """Gradients of the class logit at each of several images, (N, C, H, W) -> the same."""
        gradients = torch.empty_like(points)
        start = 0
        while start < len(points):
            part = points[start : start + self._batch].detach().clone(memory_format=self._layout)
            part.requires_grad_()
            try:
                with torch.enable_grad():
                    logits = self.forward(part)[:, target]
                    gradients[start : start + len(part)] = gradient_of(logits, part)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise underivable(error) from None
                if self._batch == 1:
                    raise
                self._batch = max(1, self._batch // 2)
                continue
            start += len(part)
        if not bool(gradients.isfinite().all()):
            raise ModelError("the model's gradients are not finite (NaN or infinite)")
        return gradients

    def pullback(self, x: Tensor, directions: Tensor) -> Tensor:
        """Gradients at one image of the sums of its logits weighted by each direction.

        (r, classes) -> (r, C, H, W): the rows of the Jacobian for unit vectors.
        """
        gradients = []
        for part in torch.split(directions, self._batch):
            images = x.expand(len(part), *x.shape).clone().requires_grad_()
            with torch.enable_grad():
                logits = self.forward(images)
                gradients.append(gradient_of((logits * part.to(logits)).sum(dim=1), images))
        return torch.cat(gradients)

    def hessian(
        self, x: Tensor, target: int, copies: int, tau: float, step: Step = smooth_step
    ) -> Callable[..., Tensor]:
        """The function (k, C, H, W) directions -> (k, C, H, W) products with the Hessian at x.

        One graph over ``copies`` of the image serves all calls; ``copies`` directions are one
        backward pass. When memory runs out the graph is built again for half the copies.
        Directions and products are on the CPU.
        """
        graph: _HessianGraph | None = None
        kinks = SmoothKinks(tau, step)

        def products(directions: Tensor) -> Tensor:
            nonlocal graph, copies
            check_kinks_seen(self._model)
            batches: list[Tensor] = []
            done = 0
            while done < len(directions):
                try:
                    if graph is None:
                        graph = _HessianGraph(self.forward, x, target, copies, kinks)
                    batches.append(graph.product(directions[done : done + copies].to(x)).cpu())
                except RuntimeError as error:
                    if not out_of_memory(error):
                        raise underivable(error) from None
                    if copies == 1:
                        raise
                    graph, copies = None, copies // 2
                    continue
                done += len(batches[-1])
            return torch.cat(batches)

        return products

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes), with a graph where gradients are on."""
        with torch.autocast(x.device.type, enabled=False), _uncompiled():
            return self._forward(x.clone())

    def _forward(self, x: Tensor) -> Tensor:
        if self._dtypes <= {x.dtype}:
            return logits_in(self._model(x), len(x)).to(x.dtype)
        state = [*self._model.named_parameters(), *self._model.named_buffers()]
        cast = {name: t.to(x.dtype) if t.is_floating_point() else t for name, t in state}
        return logits_in(functional_call(self._model, cast, (x,)), len(x)).to(x.dtype)


class _HessianGraph:
    """The gradient of the class logit at several copies of one image, ready to be derived."""

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        x: Tensor,
        target: int,
        copies: int,
        kinks: SmoothKinks,
    ) -> None:
        self._x = x.expand(copies, *x.shape).clone().requires_grad_()
        with torch.enable_grad(), kinks, sdpa_kernel(SDPBackend.MATH):
            self._gradient = gradient_of(forward(self._x)[:, target], self._x, create_graph=True)

    def product(self, directions: Tensor) -> Tensor:
        if not self._gradient.requires_grad:  # an affine model: the Hessian is zero
            return torch.zeros_like(directions)
        padded = torch.zeros_like(self._x)
        padded[: len(directions)] = directions
        (product,) = torch.autograd.grad(
            self._gradient, self._x, padded, retain_graph=True, allow_unused=True
        )
        return torch.zeros_like(directions) if product is None else product[: len(directions)]


def check_kinks_seen(model: nn.Module) -> None:
    """Refuse programs whose operations run below those that are smoothed.

    Raises:
        ModelError: the model, or a part of it, was exported or scripted.
    """
    for part in model.modules():
        exported = isinstance(part, torch.fx.GraphModule) and any(
            isinstance(node.target, torch._ops.OpOverload) for node in part.graph.nodes
        )
        if exported or isinstance(part, torch.jit.ScriptModule):
            kind = "an exported" if exported else "a scripted"
            raise ModelError(
                f"the model is {kind} program, whose second derivative would be 0 at every ReLU; "
                "pass the module that it was made from, or leave growth and size as they are"
            )


def _uncompiled() -> AbstractContextManager[Any]:
    """Compiled passes run as they were written; loads no compiler where there is none at work."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    eager: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return eager


def check_gradients(gradients: Tensor, ends: Tensor) -> None:
    """Refuse a model whose logit changes on the way without a gradient anywhere.

    Args:
        gradients: along the path.
        ends: (2,) the logit at both ends.

    Raises:
        ModelError: it does.
    """
    if not bool(gradients.any()) and not alike(ends[0], ends[1]):
        raise ModelError(
            f"the logit goes from {float(ends[1]):.3g} to {float(ends[0]):.3g} with a gradient of "
            "0; does the model round, quantise or detach? Use the module that it was made from"
        )


def check_target(logits: Tensor, target: int | None) -> int:
    """The class that is meant, None being the predicted one of the first row of logits.

    Raises:
        ModelError: the logits are not finite.
        OptionError: the target is no class of the model.
    """
    if not bool(logits.isfinite().all()):
        raise ModelError("the model returned logits that are not finite (NaN or infinite)")
    classes = logits.shape[1]
    if target is None:
        return int(logits[0].argmax())
    target = class_number(target)
    if not 0 <= target < classes:
        raise OptionError(f"target={target}: the model has classes 0 to {classes - 1}")
    return target


def class_number(target: Any) -> int:
    """A whole number of any type.

    Raises:
        OptionError: it is none.
    """
    try:
        return index(target)
    except TypeError:
        raise OptionError(f"target={target!r}: give the number of a class") from None


def check_tensor(x: Any) -> None:
    """Refuse pictures and arrays.

    Raises:
        ImageError: it is no tensor.
    """
    if not isinstance(x, Tensor):
        raise ImageError(
            f"input is a {type(x).__name__}; give a tensor, as the preprocess of a loaded "
            "classifier returns"
        )


def check_image(x: Tensor) -> None:
    """Refuse what is not one finite (C, H, W) image.

    Raises:
        ImageError: another type or shape, no pixel, or values that are not finite floats.
    """
    check_tensor(x)
    if not x.numel():
        raise ImageError(f"input of shape {tuple(x.shape)} holds no pixel")
    if x.ndim != 3:
        raise ImageError(f"input of shape {tuple(x.shape)}; expected (C, H, W)")
    if not x.is_floating_point() or not bool(x.isfinite().all()):
        raise ImageError("the input holds values that are not finite floats; check preprocess")
