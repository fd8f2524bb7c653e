"""Which class a targeted attack wants of each image."""

from __future__ import annotations

import torch
from torch import Tensor


def far_classes(labels: Tensor, classes: int, turn: int = 0) -> Tensor:
    """A class for each image that is neither its own nor, by number, a neighbour of it.

    Neighbouring classes are often kin, and then little would be gained. Goals go round the others,
    image by image. With three classes or two any other one must do.

    Args:
        labels: (N,) true classes.
        classes: of the model, at least 2.
        turn: images that had a goal before these.

    Returns:
        (N,) long.
    """
    order = turn + torch.arange(len(labels), device=labels.device)
    if classes < 4:
        return (labels + 1 + order % (classes - 1)) % classes
    return (labels + 2 + (order + classes // 2) % (classes - 3)) % classes
