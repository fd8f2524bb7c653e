"""One patch for all images, made to work wherever and however it is pasted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interlock._seeds import check_seed
from interlock.defend.attacks.attack import ImageAttack, Patched
from interlock.defend.attacks.patch_attack import margin
from interlock.defend.attacks.regions import Place, footprint
from interlock.errors import OptionError
from interlock.models.pixel_range import check_batch, value_range
from interlock.models.steady import ask, check_finite, gradient_of
from interlock.names import Shape

MOMENTUM = 0.9


@dataclass(frozen=True, eq=False)
class UniversalPatch:
    """A trained patch, free of any image."""

    pixels: Tensor
    """(C, h, w), in the model's input space."""
    outline: Tensor
    """(h, w) bool: which of them belong to it."""
    low: Tensor
    """(1, C or 1, 1, 1): black, as the model takes it."""
    high: Tensor
    """Likewise white."""


@dataclass(frozen=True, kw_only=True)
class UniversalPatchAttack(ImageAttack):
    """Train one patch by gradient ascent on its expected margin (EOT, arXiv 1707.07397).

    In each step every image of a batch gets the patch at another random place, size, angle and
    brightness; the mean margin ``max_{j != y} z_j - z_y`` (targeted: towards the label) is raised
    by signed gradient steps with momentum. ``train`` makes a patch, ``apply`` pastes it on any
    images, calling the attack does both on the same ones.

    Args:
        area: share of the image that the patch covers at scale 1.
        steps: gradient steps.
        shape: ``"square"``, ``"rectangle"`` (twice as wide as high) or ``"disc"``.
        scale: least and most factor on the patch's sides.
        rotation: most degrees to either side.
        brightness: most that is added to or taken from all its pixels, as a share of the
            range from black to white; what leaves the range is clamped.
        targeted: the labels given are those that the attacker wants.
        bounds: black and white as the model takes them; None as for ``PatchAttack``, from the
            images trained on.
        step_size: of one step, as a share of the range; it decays linearly to a tenth.
        batch_size: images in each step, drawn anew.
        seed: of the start, the batches and what is done to the patch.
    """

    steps: int = 200
    shape: Shape = "square"
    scale: tuple[float, float] = (0.9, 1.1)
    rotation: float = 20.0
    brightness: float = 0.1
    targeted: bool = False
    step_size: float = 0.05
    batch_size: int = 32
    _least: ClassVar = {"steps": 1, "batch_size": 1}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.scale[0] <= self.scale[1]:
            raise OptionError(f"scale={self.scale}; use two positive factors, the smaller first")
        if not 0 <= self.rotation <= 180:
            raise OptionError(f"rotation={self.rotation}; use degrees in [0, 180]")
        if not 0 <= self.brightness <= 1:
            raise OptionError(f"brightness={self.brightness}; use a share in [0, 1]")

    def __call__(
        self, model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor
    ) -> Patched:
        """Train on these images and paste on them; arguments and errors as for ``train``."""
        return self.apply(self.train(model, images, labels), images)

    def train(
        self, model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor
    ) -> UniversalPatch:
        """Make the patch.

        Args:
            model: (N, C, H, W) -> (N, classes) logits, differentiable.
            images: (N, C, H, W).
            labels: (N,) true classes, or wanted ones if ``targeted``.

        Raises:
            OptionError: no images, or the patch does not fit into them at its largest.
            ModelError: logits are not finite.
        """
        check_batch(images, labels)
        if not len(images):
            raise OptionError("no images to train a patch on")
        outline = footprint(self.shape, self.area, *images.shape[-2:]).to(images.device)
        low, high = value_range(images, self.bounds)
        labels = labels.to(images.device)
        rng = np.random.default_rng((self.seed, 0))
        noise = rng.random((images.shape[1], *outline.shape), dtype=np.float32)
        pixels = low[0] + (high - low)[0] * torch.from_numpy(noise).to(images)
        velocity = torch.zeros_like(pixels)
        for step in range(self.steps):
            drawn = rng.permutation(len(images))[: self.batch_size]
            x, y = images[drawn], labels[drawn]
            pixels = pixels.detach().requires_grad_()
            patch = UniversalPatch(pixels, outline, low, high)
            with torch.enable_grad():
                values = margin(ask(model, self._paste(patch, x, rng).images), y)
            check_finite(values)
            gradient = gradient_of(values / len(values), pixels)
            gradient = -gradient if self.targeted else gradient
            velocity = MOMENTUM * velocity + gradient / gradient.abs().mean().clamp_min(1e-20)
            move = self.step_size * (1 - 0.9 * step / self.steps) * (high - low)[0]
            pixels = (pixels.detach() + move * velocity.sign()).clamp(low[0], high[0])
        return UniversalPatch(pixels, outline, low, high)

    def apply(self, patch: UniversalPatch, images: Tensor, seed: int | None = None) -> Patched:
        """Paste a patch once on each image, at random as in training.

        Args:
            patch: from ``train``.
            images: (N, C, H, W), of any size that holds the patch.
            seed: of places, sizes, angles and brightness; None takes the attack's.

        Returns:
            Images, masks, and as places the boxes around the turned patches.

        Raises:
            OptionError: the patch does not fit into the images.
        """
        seed = self.seed if seed is None else seed
        check_seed(seed)
        rng = np.random.default_rng((seed, 1))
        return self._paste(patch, images, rng)

    def _paste(self, patch: UniversalPatch, images: Tensor, rng: np.random.Generator) -> Patched:
        count, (height, width) = len(images), images.shape[-2:]
        h, w = patch.outline.shape
        sizes = rng.uniform(*self.scale, count)
        angles = np.radians(rng.uniform(-self.rotation, self.rotation, count))
        lifts = rng.uniform(-self.brightness, self.brightness, count)

        cosines, sines = np.cos(angles), np.sin(angles)
        # Less a hair, so that an upright patch of whole pixels gets a box of just its size.
        rows = np.ceil(sizes * (h * np.abs(cosines) + w * np.abs(sines)) - 1e-6).astype(int)
        columns = np.ceil(sizes * (w * np.abs(cosines) + h * np.abs(sines)) - 1e-6).astype(int)
        if count and (rows.max() > height or columns.max() > width):
            raise OptionError(
                f"the patch needs {rows.max()}x{columns.max()} pixels when it is turned and "
                f"enlarged, more than the {height}x{width} image; use a smaller area"
            )
        tops, lefts = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)

        # Pixel centres of the image, in half sides of the patch from its centre.
        a, b = cosines / sizes, sines / sizes
        centre_y, centre_x = 2 * tops + rows - height, 2 * lefts + columns - width
        matrix = np.stack(
            [
                np.stack([a * width, b * height, -a * centre_x - b * centre_y], axis=1) / w,
                np.stack([-b * width, a * height, b * centre_x - a * centre_y], axis=1) / h,
            ],
            axis=1,
        )  # (N, 2, 3)
        theta = torch.from_numpy(matrix).to(images)
        positions = F.affine_grid(theta, [count, 1, height, width], align_corners=False)
        shape = patch.outline.to(images).expand(count, 1, h, w)
        masks = F.grid_sample(shape, positions, mode="nearest", align_corners=False) > 0.5
        seen = F.grid_sample(
            patch.pixels.to(images).expand(count, -1, h, w),
            positions,
            padding_mode="border",
            align_corners=False,
        )
        low, high = patch.low.to(images), patch.high.to(images)
        seen = seen + torch.from_numpy(lifts).to(images).view(-1, 1, 1, 1) * (high - low)
        places = [[Place(*map(int, box))] for box in zip(tops, lefts, rows, columns, strict=True)]
        return Patched(torch.where(masks, seen.clamp(low, high), images), masks, places)
