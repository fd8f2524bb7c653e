"""Patches found by random search from logits alone: no gradient can be hidden from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from interlock.defend.attacks.attack import AttackOnDefence, Patched
from interlock.defend.attacks.patch_attack import margin
from interlock.defend.attacks.regions import Place, cover, fixed_place, footprint, random_places
from interlock.models.pixel_range import check_batch, value_range
from interlock.models.steady import ask, check_finite
from interlock.names import Shape

FIRST_SQUARES = 30
"""Random squares that the first patch is painted with."""
FIRST_SHARE = 0.4
"""Share of the patch that the first changes repaint."""
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries out of 10,000 after which that share is halved (Sparse-RS, for patches)."""
FIRST_REACH = 0.75
"""Share of the image's sides by which the patch moves at most, at first."""


@dataclass(frozen=True, eq=False)
class Searched(Patched):
    """Images with a patch each, and what finding it cost."""

    queries: Tensor = field(kw_only=True)
    """(N,) long: times that each image was shown to the model."""


@dataclass(frozen=True, kw_only=True)
class BlackBoxPatchAttack(AttackOnDefence):
    """Random search over the pixels and the place of one patch (Sparse-RS, arXiv 2006.12834).

    Queries change the patch in turn: a square of it, which shrinks in the course of the search,
    takes a random corner of the colour range; or the patch moves, ever less far. A candidate is
    kept if the margin does not fall. An image is done once the model is fooled. The
    untouched image is the first query, and is returned where no patch has a higher margin.

    Args:
        area: share of the image that the patch covers.
        queries: most times that each image is shown to the model.
        shape: ``"square"``, ``"rectangle"`` (twice as wide as high) or ``"disc"``.
        location: (top, left) in pixels; None searches for it.
        move_every: of so many queries one moves the patch, where its place is free.
        targeted: the labels given are those that the attacker wants.
        bounds: black and white as the model takes them; None as for ``PatchAttack``.
        batch_size: images that are searched at a time.
        seed: of the search. What is found for an image depends on its index, not on its batch.
    """

    queries: int = 150
    shape: Shape = "square"
    location: tuple[int, int] | None = None
    move_every: int = 4
    targeted: bool = False
    batch_size: int = 64
    _least: ClassVar = {"queries": 2, "move_every": 2, "batch_size": 1}

    def __call__(
        self, model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor
    ) -> Searched:
        """Patch each image.

        Args:
            model: (N, C, H, W) -> (N, classes) logits; any callable, a shield too.
            images: (N, C, H, W).
            labels: (N,) true classes, or wanted ones if ``targeted``.

        Raises:
            OptionError: the patch does not fit into the images.
            ModelError: logits are not finite.
        """
        check_batch(images, labels)
        height, width = images.shape[-2:]
        outline = footprint(self.shape, self.area, height, width)
        low, high = (end.cpu() for end in value_range(images, self.bounds))
        patched, queries = images.clone(), torch.zeros(len(images), dtype=torch.long)
        places: list[list[Place]] = []
        for start in range(0, len(images), self.batch_size):
            part = slice(start, start + self.batch_size)
            searches = [
                _Search(self, outline, x, (low, high), np.random.default_rng((self.seed, k)))
                for k, x in enumerate(images[part].cpu(), start)
            ]
            self._run(model, searches, labels[part].to(images.device))
            for k, search in enumerate(searches, start):
                patched[k], queries[k] = search.best, search.queries
                places.append([search.best_place])
        masks = cover(outline, places, height, width).to(images.device)
        return Searched(patched, masks, places, queries=queries)

    def _run(
        self, model: Callable[[Tensor], Tensor], searches: list[_Search], labels: Tensor
    ) -> None:
        """All searches of a batch, query by query, as long as any goes on."""
        for query in range(self.queries):
            active = [k for k, search in enumerate(searches) if search.reached <= 0]
            if not active:
                return
            shown = torch.stack([searches[k].candidate(query) for k in active]).to(labels.device)
            with torch.no_grad():
                values = margin(ask(model, shown), labels[active])
            check_finite(values)
            for k, value in zip(active, values.tolist(), strict=True):
                searches[k].learn(query, -value if self.targeted else value)


class _Search:
    """One image's search: what is tried next, and the best so far.

    On the CPU, where many small changes cost least.
    """

    def __init__(
        self,
        options: BlackBoxPatchAttack,
        outline: Tensor,
        image: Tensor,
        ends: tuple[Tensor, Tensor],
        rng: np.random.Generator,
    ) -> None:
        self._options, self._rng, self._image, self._ends = options, rng, image, ends
        self._outline = outline
        height, width = image.shape[-2:]
        h, w = outline.shape
        if options.location is None:
            (self._place,) = random_places(outline, height, width, 1, rng)
        else:
            self._place = fixed_place(outline, height, width, options.location)
        # Squares, not noise: networks hardly react to single pixels.
        self._patch = self._colour().expand(-1, h, w).clone()
        for _ in range(FIRST_SQUARES):
            self._paint(self._patch, int(rng.integers(1, min(h, w) + 1)))
        self._tried = self._patch, self._place
        self._current = -math.inf
        self._shown = image
        self.best, self.best_place, self.reached = image, self._place, -math.inf
        self.queries = 0

    def candidate(self, query: int) -> Tensor:
        """(C, H, W): what the model is shown next."""
        if query == 0:
            return self._image
        patch, place = self._patch, self._place
        if query > 1:
            if self._options.location is None and query % self._options.move_every == 0:
                place = self._moved(query)
            else:
                patch = patch.clone()
                share = repainted(query, self._options.queries)
                self._paint(patch, max(1, int(math.sqrt(share * patch[0].numel()))))
        self._tried = patch, place
        rows = slice(place.top, place.top + place.height)
        columns = slice(place.left, place.left + place.width)
        self._shown = self._image.clone()
        self._shown[:, rows, columns] = torch.where(
            self._outline, patch, self._image[:, rows, columns]
        )
        return self._shown

    def learn(self, query: int, value: float) -> None:
        """Take in the margin of the last candidate."""
        self.queries += 1
        # The untouched image is no state of the search: a first patch rarely does better.
        if query > 0 and value >= self._current:
            (self._patch, self._place), self._current = self._tried, value
        if value > self.reached:
            self.best, self.best_place, self.reached = self._shown, self._tried[1], value

    def _moved(self, query: int) -> Place:
        left = 1 - query / self._options.queries
        corner = []
        for start, side, length in (
            (self._place.top, self._place.height, self._image.shape[-2]),
            (self._place.left, self._place.width, self._image.shape[-1]),
        ):
            reach = max(1, round(FIRST_REACH * left * length))
            least, most = max(0, start - reach), min(length - side, start + reach)
            corner.append(int(self._rng.integers(least, most + 1)))
        return Place(corner[0], corner[1], self._place.height, self._place.width)

    def _paint(self, patch: Tensor, side: int) -> None:
        h, w = patch.shape[-2:]
        rows, columns = min(side, h), min(side, w)
        top = int(self._rng.integers(h - rows + 1))
        left = int(self._rng.integers(w - columns + 1))
        patch[:, top : top + rows, left : left + columns] = self._colour()

    def _colour(self) -> Tensor:
        """(C, 1, 1): each channel at either end of its range."""
        low, high = self._ends
        white = torch.from_numpy(self._rng.random(len(self._image)) < 0.5)
        return torch.where(white.view(-1, 1, 1), high[0], low[0])


def repainted(query: int, queries: int) -> float:
    """Share of the patch that a query repaints: Sparse-RS's schedule, fitted into the budget."""
    done = 10_000 * query / queries
    return FIRST_SHARE * 0.5 ** sum(done > step for step in HALVINGS)
