"""What a model's answers must be: finite, and the same again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interlock.errors import ModelError


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
