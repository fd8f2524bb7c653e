"""H-Sets behind the interface of its peers."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from interlock.explain.hsets import HSets


@dataclass(frozen=True, eq=False)
class HSetsMap:
    """The saliency of an :class:`interlock.HSets`."""

    sets: HSets

    @classmethod
    def default(cls, model: nn.Module, **options: Any) -> HSetsMap:
        """The defaults chosen by measurement."""
        return cls(HSets(model, **options))

    @classmethod
    def paper(cls, model: nn.Module, **options: Any) -> HSetsMap:
        """The published settings, with SLIC in the place of SAM."""
        return cls(HSets.paper(model, **options))

    def saliency(self, x: Tensor, target: int) -> Tensor:
        """(C, H, W) -> (H, W) float32 on the CPU, zero outside the sets."""
        saliency: Tensor = self.sets.explain(x, target).saliency
        return saliency.float().cpu().contiguous()


def options_of(published: bool) -> dict[str, Any]:
    """The options by name with their defaults."""
    made = HSets.paper(nn.Identity()) if published else HSets(nn.Identity())
    names = [
        p.name for p in inspect.signature(HSets).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    return {name: "slic" if name == "prior" else getattr(made, name) for name in names}
