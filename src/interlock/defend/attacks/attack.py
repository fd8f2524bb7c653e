"""What every attack is: called on a model, it patches images; crafting chooses the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from interlock._seeds import check_seed
from interlock.defend.attacks.regions import Place
from interlock.errors import OptionError
from interlock.models.pixel_range import Bounds


@dataclass(frozen=True, eq=False)
class Patched:
    """Images with an adversarial patch each."""

    images: Tensor
    """(N, C, H, W), equal to the originals outside ``masks``."""
    masks: Tensor
    """(N, 1, H, W) bool: the pixels that the attacker owns."""
    places: list[list[Place]] = field(default_factory=list)
    """For each image its patches."""


@dataclass(frozen=True, kw_only=True)
class ImageAttack(ABC):
    """Patches images so that a model gets them wrong.

    The same seed gives the same bytes. Outside their masks images stay as they are, inside they
    stay between black and white.
    """

    area: float = 0.02
    """Share of the image that the attacker owns."""
    bounds: Bounds | None = None
    """Black and white as the model takes them; see ``PatchAttack``."""
    seed: int = 0
    """Of all that is drawn."""
    _least: ClassVar[dict[str, int]] = {}
    """The attack's own counts, with the least value of each."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name, least in self._least.items():
            if getattr(self, name) < least:
                raise OptionError(f"{name}={getattr(self, name)}; use at least {least}")

    @abstractmethod
    def __call__(self, model: Any, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image: (N, C, H, W) images, (N,) labels."""

    def craft(
        self, model: nn.Module, defended: nn.Module | None, images: Tensor, labels: Tensor
    ) -> Patched:
        """Patch each image against the model that this attack knows.

        Args:
            model: bare.
            defended: the defence over it; None where there is none.
            images: (N, C, H, W).
            labels: (N,) true classes, or wanted ones of a targeted attack.

        Raises:
            OptionError: the patch does not fit, or there is no defence for an attack on one.
            ModelError: logits or gradients are not finite.
        """
        known = self._known(model, defended)
        with frozen(known):
            return self(known, images, labels)

    def _known(self, model: nn.Module, defended: nn.Module | None) -> nn.Module:
        return model


@dataclass(frozen=True, kw_only=True)
class AttackOnDefence(ImageAttack):
    """An attack that knows the defence."""

    def _known(self, model: nn.Module, defended: nn.Module | None) -> nn.Module:
        if defended is None:
            raise OptionError(f"{type(self).__name__} is made against a defence; give one")
        return defended


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Parameters without gradients inside the block: attacks only need those of the input."""
    wanted = [p for p in model.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)
