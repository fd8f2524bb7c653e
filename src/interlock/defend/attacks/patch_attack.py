"""Adversarial patches by gradient ascent: what a shield has to withstand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend.attacks.ascent import Canvas, Objective, ascend
from interlock.defend.attacks.attack import ImageAttack, Patched
from interlock.defend.attacks.regions import Place, cover, fixed_place, footprint, random_places
from interlock.errors import OptionError
from interlock.models.pixel_range import check_batch, value_range
from interlock.models.steady import ask, check_classes
from interlock.names import Norm, Shape

Location = Literal["random", "search"] | tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PatchAttack(ImageAttack):
    """Optimise the pixels of a patch against a model by projected gradient ascent.

    Signed gradient steps with momentum (Dong et al., arXiv 1710.06081) raise the margin
    ``max_{j != y} z_j - z_y``, or for a targeted attack ``z_t - max_{j != t} z_j``. The best
    iterate is kept, the untouched image among them, so that the result never has a lower margin
    than the image that came in.

    Args:
        area: share of the image that the attacker owns, over all patches together.
        steps: gradient steps in each restart.
        shape: ``"square"``, ``"rectangle"`` (twice as wide as high) or ``"disc"``.
        patches: how many in each image; they share the area.
        location: ``"random"``; ``"search"``, the best of ``candidates`` places after a tenth of the
            steps each; or (top, left) in pixels for a single patch.
        candidates: places that ``"search"`` tries for each image.
        targeted: the labels given are those that the attacker wants.
        norm: ``"free"``: any pixel within ``bounds``; ``"l2"``: within ``epsilon`` of the photo
            in the model's input space, as in arXiv 2510.04245.
        epsilon: radius of the L2 ball.
        bounds: black and white as the model takes them (``Classifier.bounds``). None: [0, 1] or
            [-1, 1] where all images lie in it, else each channel's extremes over the images.
        step_size: of one step, as a share of the range from black to white; for ``"l2"`` of
            ``epsilon``. It decays linearly to a tenth.
        restarts: independent starts; the best result of each image is kept.
        batch_size: images that are optimised at a time.
        seed: of places, starts and restarts.
    """

    steps: int = 100
    shape: Shape = "square"
    patches: int = 1
    location: Location = "random"
    candidates: int = 4
    targeted: bool = False
    norm: Norm = "free"
    epsilon: float = 10.0
    step_size: float = 0.1
    restarts: int = 1
    batch_size: int = 32
    _least: ClassVar = dict.fromkeys(
        ("steps", "patches", "candidates", "restarts", "batch_size"), 1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.epsilon > 0:
            raise OptionError(f"epsilon={self.epsilon}; use a radius above 0")
        if self.norm not in get_args(Norm):
            raise OptionError(f"norm {self.norm!r} is unknown; use 'free' or 'l2'")
        if isinstance(self.location, str) and self.location not in ("random", "search"):
            raise OptionError(
                f"location {self.location!r} is unknown; use 'random', 'search' or (top, left)"
            )
        if isinstance(self.location, tuple) and self.patches > 1:
            raise OptionError("a fixed location holds one patch; use patches=1")

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor) -> Patched:
        """Patch each image.

        Args:
            model: (N, C, H, W) -> (N, classes) logits, differentiable; a shield too.
            images: (N, C, H, W).
            labels: (N,) true classes, or wanted ones if ``targeted``.

        Raises:
            OptionError: the patch does not fit into the images.
            ModelError: logits or gradients are not finite.
        """
        check_batch(images, labels)
        height, width = images.shape[-2:]
        outline = footprint(self.shape, self.area / self.patches, height, width)
        places = self._places(outline, len(images), height, width)
        low, high = value_range(images, self.bounds)
        finished: list[Tensor] = []
        for start in range(0, len(images), self.batch_size):
            part = slice(start, start + self.batch_size)
            x, y = images[part], labels[part].to(images.device)
            rng = np.random.default_rng((self.seed, 1, start))
            objective = margin_objective(model, y, self.targeted)
            canvas = Canvas.under(outline, places[part], x, (low, high))
            if self.location == "search":
                places[part] = self._searched(objective, outline, canvas, (self.seed, 2, start))
                canvas = Canvas.under(outline, places[part], x, (low, high))
            finished.append(self._best(objective, canvas, rng))
        masks = cover(outline, places, height, width).to(images.device)
        return Patched(torch.cat(finished), masks, places)

    def _places(self, outline: Tensor, count: int, height: int, width: int) -> list[list[Place]]:
        if isinstance(self.location, tuple):
            place = fixed_place(outline, height, width, self.location)
            return [[place] for _ in range(count)]
        return [
            random_places(
                outline, height, width, self.patches, np.random.default_rng((self.seed, 0, k))
            )
            for k in range(count)
        ]

    def _searched(
        self,
        objective: Objective,
        outline: Tensor,
        canvas: Canvas,
        seed: tuple[int, ...],
    ) -> list[list[Place]]:
        """For each image the most promising of several random places."""
        x, ends = canvas.x, (canvas.low, canvas.high)
        height, width = x.shape[-2:]
        best: list[list[Place]] = [[] for _ in x]
        reached = [-np.inf] * len(x)
        for candidate in range(self.candidates):
            rng = np.random.default_rng((*seed, candidate))
            places = [random_places(outline, height, width, self.patches, rng) for _ in x]
            tried = Canvas.under(outline, places, x, ends)
            steps = max(1, self.steps // 10)
            _, values = self._ascend(objective, tried, steps, rng)
            for k, value in enumerate(values.tolist()):
                if value > reached[k]:
                    best[k], reached[k] = places[k], value
        return best

    def _best(self, objective: Objective, canvas: Canvas, rng: np.random.Generator) -> Tensor:
        """(N, C, H, W): the best of all restarts."""
        best, values = self._ascend(objective, canvas, self.steps, rng)
        for _ in range(self.restarts - 1):
            again, reached = self._ascend(objective, canvas, self.steps, rng)
            better = reached > values
            best = torch.where(better.view(-1, 1, 1, 1), again, best)
            values = torch.where(better, reached, values)
        return best

    def _ascend(
        self, objective: Objective, canvas: Canvas, steps: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        if self.norm == "free":
            return ascend(
                objective,
                canvas,
                canvas.noise(rng),
                move=lambda g: canvas.step(self.step_size, g),
                steps=steps,
            )

        def project(z: Tensor) -> Tensor:
            return canvas.project(canvas.x + _shortened(z - canvas.x, self.epsilon))

        def move(g: Tensor) -> Tensor:
            return self.step_size * self.epsilon * g / _norms(g)

        start = project(canvas.x + (canvas.uniform(rng) - 0.5) * canvas.masks)
        return ascend(objective, canvas, start, move=move, steps=steps, project=project)


def _norms(delta: Tensor) -> Tensor:
    norms: Tensor = delta.flatten(1).norm(dim=1)
    return norms.clamp_min(1e-12).view(-1, 1, 1, 1)


def _shortened(delta: Tensor, longest: float) -> Tensor:
    return delta * (longest / _norms(delta)).clamp(max=1)


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """(N, classes), (N,) -> (N,): how far the best other class lies above the labelled one.

    Raises:
        ModelError: a lone logit.
        OptionError: a label that is no class.
    """
    check_classes(logits)
    if int(labels.max()) >= logits.shape[1]:
        raise OptionError(f"label {int(labels.max())}; the model has {logits.shape[1]} classes")
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.masked_fill(F.one_hot(labels, logits.shape[1]).bool(), -torch.inf)
    return others.amax(dim=1) - own


def margin_objective(model: nn.Module, labels: Tensor, targeted: bool) -> Objective:
    """What a patch raises: the margin against the labels, or towards them."""

    def objective(z: Tensor) -> Tensor:
        value = margin(ask(model, z), labels)
        return -value if targeted else value

    return objective
