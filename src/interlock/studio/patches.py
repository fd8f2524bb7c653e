"""The patch tab: a square that somebody else drew over the photo."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interlock.defend import PatchAttack
from interlock.defend.attacks.attack import frozen
from interlock.errors import OptionError
from interlock.models.pixel_range import value_range
from interlock.studio.board import Part
from interlock.studio.jobs import Job
from interlock.studio.scene import Photo, Scene

Content = Literal["checkers", "noise", "photo", "made"]
"""What a patch shows: squares, noise, another photo, or what an attack made."""
CONTENTS: tuple[Content, ...] = get_args(Content)
LEAST, MOST = 2, 0.25
"""Pixels of a side, and share of the photo that a patch may cover."""
SHARE = 0.03
"""Of the photo, of the first patch."""
CELLS = 4
"""Of the checkers on a side."""


@dataclass(frozen=True)
class Square:
    """A place in pixels of the model's input."""

    top: int
    left: int
    side: int

    @classmethod
    def first(cls, scene: Scene) -> Square:
        """In the middle, of the usual share."""
        height, width = scene.x.shape[1:]
        side = max(LEAST, round(math.sqrt(SHARE * height * width)))
        return cls((height - side) // 2, (width - side) // 2, side)

    def checked(self, scene: Scene) -> Square:
        """The same.

        Raises:
            OptionError: it leaves the photo, or is too small or too large.
        """
        height, width = scene.x.shape[1:]
        fits = 0 <= self.top <= height - self.side and 0 <= self.left <= width - self.side
        if not (fits and self.side >= LEAST and self.share(scene) <= MOST):
            raise OptionError(
                f"a square of {self.side} pixels at {self.left}, {self.top} of {width} x {height}; "
                f"keep it inside, from {LEAST} pixels to {MOST:.0%} of the photo"
            )
        return self

    def share(self, scene: Scene) -> float:
        """Of the photo."""
        height, width = scene.x.shape[1:]
        return self.side**2 / (height * width)


@dataclass(frozen=True, eq=False)
class Patch:
    """A square with something in it."""

    square: Square
    content: Content
    on: bool = True
    """Whether it is pasted."""
    sticker: Tensor | None = None
    """(C, h, w): what an attack made; it stays when the square moves."""
    made: Part | None = None
    """What the page is told of the attack."""

    def on_photo(self, scene: Scene, other: Photo) -> Tensor:
        """(C, H, W): the photo with the patch, where it is pasted.

        Args:
            scene: the photo before the model.
            other: the photo that ``"photo"`` shows.
        """
        if not self.on:
            return scene.x
        s = self.square
        shown = self._shown(scene, other).to(scene.x)
        x = scene.x.clone()
        x[:, s.top : s.top + s.side, s.left : s.left + s.side] = shown
        return x

    def _shown(self, scene: Scene, other: Photo) -> Tensor:
        """(C, side, side), in the model's input space."""
        side = self.square.side
        low, high = (end[0].cpu() for end in value_range(scene.x[None], scene.classifier.bounds))
        size = (len(scene.x), side, side)
        if self.content == "made":
            if self.sticker is None:
                raise OptionError("content='made': no attack has made a patch yet")
            return _resized(self.sticker, side)
        if self.content == "photo":
            return _resized(Scene.of(other, scene.classifier).x.cpu(), side)
        if self.content == "noise":
            drawn = torch.from_numpy(np.random.default_rng(0).random(size, dtype=np.float32))
            return low + (high - low) * drawn
        cells = torch.arange(side) * CELLS // side
        dark = (cells[:, None] + cells) % 2 == 0
        return torch.where(dark, low.expand(size), high.expand(size))

    def part(self, scene: Scene, other: Photo) -> Part:
        """For the page."""
        x = self.on_photo(scene, other)
        now = scene.shares(x)
        return {
            "top": self.square.top,
            "left": self.square.left,
            "side": self.square.side,
            "on": self.on,
            "content": self.content,
            "area": self.square.share(scene),
            "picture": scene.picture(x),
            "answers": scene.beside(now),
            "label": scene.classifier.label(int(now.argmax())),
            "was": scene.own,
            "made": self.made,
        }


def attack(scene: Scene, square: Square, steps: int, seed: int, job: Job) -> Patch:
    """Make a patch that misleads the model most, by gradients of the bare model.

    Args:
        scene: the photo before the model.
        square: where the patch is.
        steps: of the ascent.
        seed: the same gives the same.
        job: told how far it is; stops it between two steps.
    """
    label = int(scene.before.argmax())
    height, width = scene.x.shape[1:]
    made = PatchAttack(
        area=square.side**2 / (height * width),
        steps=steps,
        location=(square.top, square.left),
        bounds=scene.classifier.bounds,
        seed=seed,
    )
    model = scene.classifier.model

    def told(count: int) -> None:  # the model sees the photo first, and what was made at the end
        job.tell(count / (steps + 2), f"step {min(count - 1, steps)} of {steps}")

    with job.watching(model, told), frozen(model):
        patched = made(model, scene.x[None], torch.tensor([label], device=scene.x.device))
    s = square
    sticker = patched.images[0, :, s.top : s.top + s.side, s.left : s.left + s.side].cpu()
    now = scene.shares(patched.images[0])
    said = {
        "steps": steps,
        "was": scene.classifier.label(label),
        "label": scene.classifier.label(int(now.argmax())),
        "probability": float(now.max()),
        "fooled": int(now.argmax()) != label,
    }
    return Patch(square, "made", sticker=sticker, made=said)


def moved(patch: Patch, given: dict[str, Any], scene: Scene) -> Patch:
    """The patch with what was asked of it.

    Raises:
        OptionError: it leaves the photo, or what it is to show is not there.
    """
    of_square = {name: given[name] for name in ("top", "left", "side") if name in given}
    square = replace(patch.square, **of_square).checked(scene)
    more = {name: given[name] for name in ("content", "on") if name in given}
    if more.get("content") == "made" and patch.sticker is None:
        raise OptionError("content='made': no attack has made a patch yet; make one first")
    return replace(patch, square=square, **more)


def _resized(sticker: Tensor, side: int) -> Tensor:
    if sticker.shape[1:] == (side, side):
        return sticker
    return F.interpolate(
        sticker[None], (side, side), mode="bilinear", align_corners=False, antialias=True
    )[0]
