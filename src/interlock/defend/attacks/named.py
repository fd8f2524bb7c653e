"""The attacks of an evaluation by name, on the bare model and on a defence."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from interlock.defend.attacks.adaptive import AdaptiveAttack
from interlock.defend.attacks.attack import ImageAttack, Patched, frozen
from interlock.defend.attacks.black_box import BlackBoxPatchAttack
from interlock.defend.attacks.cleanser_attack import CleanserAttack
from interlock.defend.attacks.goals import far_classes
from interlock.defend.attacks.patch_attack import Location, PatchAttack
from interlock.defend.attacks.universal import UniversalPatch, UniversalPatchAttack
from interlock.defend.certified.certified_shield import CertifiedShield
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.errors import OptionError
from interlock.models.pixel_range import Bounds, value_range
from interlock.models.steady import ask
from interlock.names import ATTACKS, AttackName, Shape

DESCRIPTIONS: dict[AttackName, str] = {
    "patch": "free pixels in one place, by gradients of the bare model",
    "searched": "the same in the best of a few places",
    "targeted": "towards a class that is neither the true one nor its neighbour by number",
    "l2": "pixels within an L2 ball around the photo's",
    "two-patches": "two patches that share the area",
    "universal": "one patch for all photos, trained on the first of them, at random places",
    "adaptive": "by gradients through the shield, which the attacker knows",
    "black-box": "by random search over pixels and place, on the shield's logits alone",
}

Against = Literal["shield", "patchcleanser"]
"""Defences that ``adaptive`` is written for."""


@dataclass(frozen=True, kw_only=True)
class NamedAttacks:
    """What all attacks of an evaluation share.

    ``DESCRIPTIONS`` says what each of them is.

    Args:
        steps: of the gradient attacks; None takes each attack's own.
        restarts: of the gradient attacks on single images; None takes each attack's own.
        shape: of the patch; ``adaptive`` has squares.
        location: of ``patch``, ``targeted`` and ``l2``.
        epsilon: radius of the L2 ball.
        queries: of ``black-box``.
        decoys: of ``adaptive`` on a shield.
        bounds: black and white as the model takes them; see ``PatchAttack``.
        seed: of all of them.
    """

    steps: int | None = None
    restarts: int | None = None
    shape: Shape = "square"
    location: Location = "random"
    epsilon: float = 10.0
    queries: int = 150
    decoys: int = 0
    bounds: Bounds | None = None
    seed: int = 0
    patches: Mapping[float, UniversalPatch] = field(default_factory=dict)
    """For each area the patch that ``universal`` pastes; from ``train``."""

    def __post_init__(self) -> None:
        if isinstance(self.location, list):  # as TOML and JSON give it
            object.__setattr__(self, "location", tuple(self.location))

    def made(
        self, name: str, area: float, turn: int = 0, against: Against = "shield"
    ) -> ImageAttack:
        """The attack of that name.

        Args:
            name: of ``ATTACKS``.
            area: share of the image that is patched.
            turn: images that were attacked before these: other places and starts for each batch.
            against: the defence that ``adaptive`` is made against.

        Raises:
            OptionError: an unknown name, or an option that the attack refuses.
        """
        if name not in ATTACKS:
            raise OptionError(f"attack {name!r} is unknown; use of {', '.join(ATTACKS)}")
        if name == "adaptive" and against == "patchcleanser":
            name = "adaptive on patchcleanser"
        kind, own = self._kinds[name]
        shared: dict[str, Any] = {
            "area": area, "bounds": self.bounds, "seed": self.seed + turn, "steps": self.steps,
            "restarts": self.restarts, "shape": self.shape,
        }  # fmt: skip
        known = inspect.signature(kind).parameters
        taken = {key: value for key, value in shared.items() if key in known and value is not None}
        return kind(**taken, **own)

    @property
    def _kinds(self) -> dict[str, tuple[type[ImageAttack], dict[str, Any]]]:
        """The class of each attack, and what it has beside what all share."""
        location = {"location": self.location}
        return {
            "patch": (PatchAttack, location),
            "searched": (PatchAttack, {"location": "search"}),
            "targeted": (PatchAttack, location | {"targeted": True}),
            "l2": (PatchAttack, location | {"norm": "l2", "epsilon": self.epsilon}),
            "two-patches": (PatchAttack, {"patches": 2}),
            "universal": (UniversalPatchAttack, {}),
            "adaptive": (AdaptiveAttack, {"decoys": self.decoys}),
            "adaptive on patchcleanser": (CleanserAttack, {}),
            "black-box": (BlackBoxPatchAttack, {"queries": self.queries}),
        }

    def _universal(self, area: float, turn: int = 0) -> UniversalPatchAttack:
        attack = self.made("universal", area, turn)
        assert isinstance(attack, UniversalPatchAttack)
        return attack

    def parts(self, name: str, against: Against = "shield") -> tuple[Any, ...]:
        """What decides the pictures of an attack, beside what this module does."""
        attack = self.made(name, 0.01, against=against)
        return (attack, far_classes) if name == "targeted" else (attack,)

    def options(
        self, name: str, area: float, turn: int = 0, against: Against = "shield"
    ) -> dict[str, Any]:
        """All that decides the attack but the pixel range: plain values."""
        attack = self.made(name, area, turn, against)
        return {name: value for name, value in vars(attack).items() if name != "bounds"}

    def train(
        self, model: nn.Module, area: float, images: Tensor, labels: Tensor
    ) -> UniversalPatch:
        """The patch that ``universal`` pastes, made against the bare model."""
        with frozen(model):
            return self._universal(area).train(model, images, labels)

    def craft(
        self,
        name: str,
        area: float,
        model: nn.Module,
        defended: nn.Module | None,
        images: Tensor,
        labels: Tensor,
        turn: int = 0,
    ) -> Patched:
        """Patch each image, rounded to 8 bits as in a file.

        Args:
            name: of ``ATTACKS``.
            area: share of the image that is patched.
            model: bare; attacks that are not in ``ON_SHIELD`` know it alone.
            defended: what the attacks of ``ON_SHIELD`` are made against: a shield, certified or
                not, or a PatchCleanser, or for ``black-box`` anything that gives logits. None where
                there is none.
            images: (N, C, H, W).
            labels: (N,) true classes.
            turn: images that were attacked before these.

        Raises:
            OptionError: the patch does not fit, a universal one has not been trained, or there is
                no defence to attack.
            ModelError: logits or gradients are not finite.
        """
        cleanser = isinstance(defended, PatchCleanser | CertifiedShield)
        attack = self.made(name, area, turn, "patchcleanser" if cleanser else "shield")
        if name == "targeted":
            with torch.no_grad():
                labels = far_classes(labels, ask(model, images[:1]).shape[1], turn)
        if name == "universal":
            if area not in self.patches:
                raise OptionError("the universal patch of this area is missing; train it first")
            patched = self._universal(area, turn).apply(self.patches[area], images)
        else:
            patched = attack.craft(model, defended, images, labels)
        low, high = value_range(images, self.bounds)
        levels = ((patched.images - low) / (high - low) * 255).round() / 255
        rounded = torch.where(patched.masks, low + (high - low) * levels, patched.images)
        return Patched(rounded, patched.masks, patched.places)
