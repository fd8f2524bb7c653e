"""What a model is asked, and what its answers must be: finite, and the same again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interlock.errors import ModelError


def ask(model: nn.Module, images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, classes) logits.

    Raises:
        ModelError: the model is in another precision than the images, and does not take them.
    """
    try:
        logits: Tensor = model(images)
    except RuntimeError:
        own = {p.dtype for p in model.parameters() if p.is_floating_point()}
        if not own or images.dtype in own:
            raise
        wanted = next(iter(own))
        raise ModelError(
            f"images in {images.dtype} for a model in {wanted}; give images.to({wanted})"
        ) from None
    return logits


def check_steady(model: nn.Module) -> None:
    """Refuse layers whose answer changes from call to call, or with the rest of a batch.

    Raises:
        ModelError: batch normalisation or dropout is in training mode.
    """
    unsteady = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
    for name, layer in model.named_modules():
        if layer.training and isinstance(layer, unsteady):
            raise ModelError(
                f"layer {name!r} ({type(layer).__name__}) is in training mode; call model.eval()"
            )


def check_finite(logits: Tensor) -> None:
    """Refuse logits, or margins between them, that are not finite."""
    if not torch.isfinite(logits.detach()).all():
        raise ModelError("logits are not finite; check the model and its input range")
