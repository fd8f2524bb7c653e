"""What a model's answers must be."""

from __future__ import annotations

import torch
from torch import Tensor

from interlock.errors import ModelError


def check_finite(logits: Tensor) -> None:
    """Refuse logits, or margins between them, that are not finite."""
    if not torch.isfinite(logits.detach()).all():
        raise ModelError("logits are not finite; check the model and its input range")
