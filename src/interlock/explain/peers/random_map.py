"""No explanation at all: the control."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import torch
from torch import Tensor

from interlock.explain._derivatives import Differentiable
from interlock.explain.peers._asking import Asking


@dataclass(frozen=True, eq=False, kw_only=True)
class Random(Asking):
    """Uniform noise in [0, 1), drawn from the seed and the image: no two images share a map."""

    def _map(self, model: Differentiable, x: Tensor, target: int) -> Tensor:
        drawn = crc32(x.cpu().numpy().tobytes(), self.seed & 0xFFFFFFFF)
        return torch.rand(x.shape[1:], generator=torch.Generator().manual_seed(drawn))
