"""A teacher for the embedded photo classifier: EfficientNet-Lite0 with a head for its classes.

2,716 photos are soon learned by heart, under masks too; what lacks is other photos. The teacher has
seen those of ImageNet, and says of any view, also of a mixture of two photos, how much of each
class is in it (Beyer et al. 2022, arXiv 2106.05237, "function matching").
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _lite  # noqa: E402
from interlock.defend.certified.distill import two_squares  # noqa: E402
from interlock.defend.fill import pull_push  # noqa: E402

SIDE = _lite.SIDES[0]
ROUNDS = 3
"""Views of each photo that the head is fitted to: a clean one, the others under two squares."""
SQUARES = (0.20, 0.36)
INVERSE_PENALTY = 0.05
"""C of the logistic regression."""


class Teacher:
    """(N, 3, side, side) in -1..1, as the student takes it -> (N, classes) logits."""

    def __init__(self, head: dict[str, Tensor] | None = None) -> None:
        self.network: nn.Module = _lite.lite0_folded().model.to(memory_format=torch.channels_last)
        last = self.network.get_submodule("_fc")
        assert isinstance(last, nn.Linear)
        last.weight = nn.Parameter(torch.eye(last.in_features) if head is None else head["weight"])
        last.bias = None if head is None else nn.Parameter(head["bias"])

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        enlarged = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (_lite.MEAN, _lite.STD))
        seen = (((enlarged + 1) / 2 - mean) / std).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.network(seen).float()


def teacher(
    whole: Callable[[Tensor], Tensor],
    views: Callable[[Tensor], Tensor],
    labels: Tensor,
    seed: int,
    file: Path,
) -> Teacher:
    """The head is fitted by logistic regression, or read where an earlier run has fitted it.

    Args:
        whole: (B,) places in ``labels`` -> (B, 3, side, side), the photos as they are.
        views: likewise, randomly augmented.
        labels: (N,) true classes.
        seed: of views and squares.
        file: that the head is kept in.
    """
    if file.exists():
        return Teacher(load_file(file))
    bare, rng = Teacher(), np.random.default_rng(seed)
    torch.manual_seed(seed)
    seen = []
    for turn in range(ROUNDS):
        for places in track(torch.arange(len(labels)).split(32), description="teacher"):
            x = views(places) if turn else whole(places)
            if turn:
                hidden = [two_squares(x.shape[-2:], SQUARES, rng) for _ in places]
                x = pull_push(x, torch.stack(hidden))
            seen.append(bare(x))
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=300).fit(
        torch.cat(seen).numpy(), labels.repeat(ROUNDS).numpy()
    )
    head = {"weight": fitted.coef_, "bias": fitted.intercept_}
    tensors = {name: torch.from_numpy(value).float().contiguous() for name, value in head.items()}
    save_file(tensors, f"{file}.part")
    os.replace(f"{file}.part", file)
    return Teacher(tensors)
