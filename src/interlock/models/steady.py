"""What a model is asked, and what its answers must be: finite, and the same again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from interlock.errors import ModelError


def ask(model: Callable[[Tensor], Any], images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, classes) logits; a model that writes into its input gets a copy.

    Many models cannot take a batch of none: they are asked about a black image, for the classes.

    Raises:
        ModelError: the model does not take these images, trains on them, or returns something
            else.
    """
    if isinstance(model, nn.Module):
        check_steady(model)
    if not len(images):
        return ask(model, images.new_zeros(1, *images.shape[1:]))[:0]
    try:
        output = model(images.clone())
    except REFUSALS as error:
        if out_of_memory(error):
            raise
        parameters = model.parameters() if isinstance(model, nn.Module) else ()
        own = {p.dtype for p in parameters if p.is_floating_point()}
        if own and images.dtype not in own:
            wanted = next(iter(own))
            raise ModelError(
                f"images in {images.dtype} for a model in {wanted}; give images.to({wanted})"
            ) from error
        raise refusal(images, error) from error
    return logits_in(output, len(images))


def logits_in(output: Any, count: int) -> Tensor:
    """The (count, classes) logits in what a model returned.

    Objects with a ``logits`` tensor, as ``transformers`` returns, are unwrapped.

    Raises:
        ModelError: they are something else.
    """
    logits = getattr(output, "logits", output)
    if not isinstance(logits, Tensor):
        raise ModelError(
            f"the model returned a {type(output).__name__}; wrap it so that it returns a "
            "(N, classes) tensor of logits"
        )
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] == 0:
        raise ModelError(
            f"the model returned logits of shape {tuple(logits.shape)} for {count} images; "
            f"expected ({count}, classes)"
        )
    if not logits.is_floating_point():
        raise ModelError(
            f"the model returned {logits.dtype} values; return floating-point logits, not labels"
        )
    return logits


def prepared(made: Any) -> Tensor:
    """What a classifier's ``preprocess`` makes of a photo, (C, H, W) floats.

    Raises:
        ModelError: it is something else.
    """
    if isinstance(made, Tensor) and made.ndim == 3 and made.is_floating_point():
        return made
    kind = type(made).__name__
    if isinstance(made, Tensor):
        kind = f"{made.dtype} tensor of shape {tuple(made.shape)}"
    raise ModelError(f"the model's preprocess makes a {kind}; return a (C, H, W) float tensor")


REFUSALS = (RuntimeError, ValueError, TypeError, AssertionError, LookupError)
"""What models raise on images of a size, type or number that they are not made for."""


def refusal(images: Tensor, error: Exception) -> ModelError:
    """One line on images that a model does not take."""
    return ModelError(
        f"the model does not take images of shape {tuple(images.shape[1:])}: {first_line(error)}"
    )


def first_line(error: Exception) -> str:
    """What an error of another library says, as a part of one line."""
    lines = (repr(error) if isinstance(error, LookupError) else str(error)).strip().splitlines()
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


LONGEST = 300
"""Characters of another library's error that are repeated; some name all models that there are."""


def gradient_of(values: Tensor, x: Tensor, *, create_graph: bool = False) -> Tensor:
    """The gradient of the sum of values with respect to the images that they were made from.

    Raises:
        ModelError: they carry none, or an operation on the way has none.
    """
    if not values.requires_grad:
        raise ModelError(
            "the model's logits carry no gradient; remove torch.no_grad, detach or argmax from "
            "its forward pass"
        )
    try:
        with torch.enable_grad():  # the caller may have turned it off
            total = values.sum()
        (gradient,) = torch.autograd.grad(total, x, create_graph=create_graph, allow_unused=True)
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise underivable(error) from error
    return torch.zeros_like(x) if gradient is None else gradient


def underivable(error: Exception) -> ModelError:
    """One line of what PyTorch says where a model has no such derivative."""
    return ModelError(f"the model cannot be derived: {first_line(error)}")


def out_of_memory(error: Exception) -> bool:
    """Whether it was the memory, and less at a time may do."""
    # PyTorch's CPU allocator has no exception class of its own.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def check_answers(model: Callable[[Tensor], Any], images: Tensor) -> None:
    """Refuse a model whose answer to an image is not its own, by a few images (N, C, H, W).

    Raises:
        ModelError: it has one class alone, or answers otherwise when it is asked again, or about
            an image by itself.
    """
    with torch.no_grad():
        together = ask(model, images)
        check_classes(together)
        check_repeatable(together, ask(model, images))
        check_alone(together[:1], ask(model, images[:1]))


def check_repeatable(first: Tensor, second: Tensor) -> None:
    """Refuse a model that answers the same image otherwise when it is asked again.

    Raises:
        ModelError: the logits differ by more than rounding.
    """
    if not alike(first, second):
        raise ModelError(
            "the model answers the same image differently from call to call; is there a dropout "
            "without training=self.training, or a part in training mode?"
        )


def check_alone(together: Tensor, alone: Tensor, share: float | None = None) -> None:
    """Refuse a model that answers an image otherwise beside other images.

    Args:
        together: logits of an image, as they were given beside others.
        alone: of the same by itself.
        share: of the largest logit, what rounding may change; ``BESIDE`` by default.

    Raises:
        ModelError: the logits differ by more than rounding, in reduced precision too.
    """
    gap = (together.float() - alone.float()).abs().max()
    if gap > (BESIDE if share is None else share) * alone.float().abs().max():
        raise ModelError(
            "the model's answer to an image depends on what else is in the batch; use a model "
            "that looks at each image by itself"
        )


BESIDE = 0.02
"""Of the largest logit: what rounding may change in another batch, on hardware that rounds most."""


def alike(first: Tensor, second: Tensor) -> bool:
    """Whether logits are the same, up to rounding."""
    return torch.allclose(first, second, rtol=1e-3, atol=1e-4, equal_nan=True)


def check_steady(model: nn.Module) -> None:
    """Refuse layers whose answer changes from call to call, or with the rest of a batch.

    Raises:
        ModelError: batch normalisation or dropout is in training mode.
    """
    unsteady = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
    for name, layer in model.named_modules():
        if isinstance(layer, unsteady) and layer.training:
            raise ModelError(
                f"layer {name!r} ({type(layer).__name__}) is in training mode; call model.eval()"
            )


def check_classes(logits: Tensor) -> None:
    """Refuse a lone logit, beside which there is no other class to be answered.

    Raises:
        ModelError: it is one.
    """
    if logits.shape[1] < 2:
        raise ModelError(
            f"logits of shape {tuple(logits.shape)}; give one for each of two classes or more "
            "(of a sigmoid z: -z and z)"
        )


def check_finite(logits: Tensor) -> None:
    """Refuse logits, or margins between them, that are not finite."""
    if not torch.isfinite(logits.detach()).all():
        raise ModelError("logits are not finite; check the model and its input range")
