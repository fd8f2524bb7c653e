"""What a picture of an explanation needs to know of it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Drawable(Protocol):
    """The part of an :class:`~interlock.explain.Explanation` that is drawn."""

    @property
    def masks(self) -> Tensor:
        """(S, C, H, W) bool."""
        ...

    @property
    def scores(self) -> Tensor:
        """(S,) by which the sets are ranked."""
        ...

    @property
    def saliency(self) -> Tensor:
        """(H, W)."""
        ...

    @property
    def segments(self) -> Tensor:
        """(H, W) labels."""
        ...

    @property
    def image(self) -> Tensor:
        """(H, W, 3) uint8."""
        ...

    @property
    def target(self) -> int:
        """The class."""
        ...

    @property
    def probability(self) -> float:
        """Of the class."""
        ...

    @property
    def logit(self) -> float:
        """Of the class."""
        ...

    def __len__(self) -> int:
        """Sets."""
        ...
