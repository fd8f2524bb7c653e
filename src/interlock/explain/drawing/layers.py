"""An explanation as picture layers at display size, to be laid over each other."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

# Okabe and Ito's palette, told apart with every common colour blindness; first those that stand
# out most from a dimmed photo, and neighbours in rank far apart.
COLOURS = ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#009E73", "#D55E00", "#0072B2", "#FFFFFF")

# Longest side of a displayed panel in pixels. Larger images are pooled, smaller ones enlarged by
# a whole number, so that a single pixel never disappears.
SIDE = 512

Picture = NDArray[np.uint8]


class Drawable(Protocol):
    """The part of an :class:`~interlock.explain.Explanation` that is drawn."""

    @property
    def masks(self) -> Tensor:
        """(S, C, H, W) bool."""

    @property
    def scores(self) -> Tensor:
        """(S,) by which the sets are ranked."""

    @property
    def saliency(self) -> Tensor:
        """(H, W)."""

    @property
    def segments(self) -> Tensor:
        """(H, W) labels."""

    @property
    def image(self) -> Tensor:
        """(H, W, 3) uint8."""

    @property
    def regions(self) -> Tensor:
        """(S, H, W) bool: where each set lives."""

    @property
    def drops(self) -> Tensor:
        """(S,) logits lost without each; NaN where not measured."""

    @property
    def interactions(self) -> Tensor:
        """(S, S), in logits."""

    @property
    def without(self) -> Tensor:
        """(S,) probability of the class without each."""

    @property
    def scattered(self) -> float:
        """Share of the evidence in no set."""

    @property
    def label(self) -> str:
        """Of the class; may be empty."""

    @property
    def target(self) -> int:
        """The class."""

    @property
    def is_answer(self) -> bool:
        """Whether the class is the model's own answer."""

    @property
    def probability(self) -> float:
        """Of the class."""

    @property
    def logit(self) -> float:
        """Of the class."""

    def __len__(self) -> int:
        """Sets."""


def colour(rank: int) -> str:
    """The colour of the set with this rank, counted from 0; it repeats after eight."""
    return COLOURS[rank % len(COLOURS)]


class Layers:
    """An explanation drawn at display size: every layer is (h, w, channels) uint8.

    Args:
        explanation: what to draw.
        side: longest side in pixels, roughly; never below the one that shows each pixel.
    """

    def __init__(self, explanation: Drawable, side: int = SIDE) -> None:
        self._explanation = explanation
        longest = max(explanation.saliency.shape)
        self._pool = -(-longest // side) if longest > side else 1
        self._enlarge = max(1, side // longest)
        masks = explanation.masks.any(dim=1).numpy()  # (S, H, W)
        self._members = np.array([self._resized(mask) for mask in masks]).reshape(
            len(masks), *self._resized(explanation.saliency.numpy()).shape
        )
        self._regions = np.array([self._resized(r) for r in explanation.regions.numpy()])
        self._regions = self._regions.reshape(self._members.shape)
        # A lone pixel becomes a dot of about 1 % of the side; it is drawn larger, never moved.
        self._radius = max(self._members.shape[1:]) / 220
        self._owner = self._ownership()

    def _resized(self, plane: NDArray[Any]) -> NDArray[Any]:
        """(H, W) -> (h, w): the maximum of each block, or each pixel repeated."""
        pool = self._pool
        if pool > 1:
            height, width = plane.shape
            padded = np.pad(plane, ((0, -height % pool), (0, -width % pool)), mode="edge")
            rows, columns = padded.shape[0] // pool, padded.shape[1] // pool
            pooled: NDArray[Any] = padded.reshape(rows, pool, columns, pool).max(axis=(1, 3))
            return pooled
        return plane.repeat(self._enlarge, axis=0).repeat(self._enlarge, axis=1)

    def _ownership(self) -> NDArray[np.int64]:
        """(h, w): the set with a member nearest to each pixel, -1 where none is near."""
        _, height, width = self._members.shape
        owner = np.full((height, width), -1)
        for k in reversed(range(len(self._members))):
            owner[self._members[k]] = k
        grown = owner.copy()
        for dy, dx in _disc(self._radius):
            if abs(dy) >= height or abs(dx) >= width:
                continue
            source = owner[max(0, dy) : height + dy, max(0, dx) : width + dx]
            free = grown[max(0, -dy) : height - dy, max(0, -dx) : width - dx]
            np.copyto(free, source, where=free < 0)
        return grown

    @property
    def photo(self) -> Picture:
        """(h, w, 3): what the model looked at."""
        planes = self._explanation.image.numpy()
        if self._pool == 1:
            return planes.repeat(self._enlarge, axis=0).repeat(self._enlarge, axis=1)
        from PIL import Image

        height, width = self._members.shape[1:]
        return np.asarray(Image.fromarray(planes).resize((width, height), Image.Resampling.BOX))

    @property
    def dimmed(self) -> Picture:
        """(h, w, 3): the photo without colour and darker, as a ground for colours."""
        grey = self.photo @ np.array([0.299, 0.587, 0.114])
        return np.repeat((18 + 0.42 * grey)[:, :, None], 3, axis=2).astype(np.uint8)

    def set(self, k: int) -> Picture:
        """(h, w, 4): set k in its colour, transparent elsewhere."""
        return _paint((self._owner == k) | self._members[k], colour(k))

    @property
    def dusty(self) -> bool:
        """Whether the sets are pixels and not regions, so that each pixel has to be shown."""
        return bool((self._regions == self._members).all())

    def part(self, k: int) -> Picture:
        """(h, w, 4): where set k lives. A region has soft edges, strong near its border and light
        within, so that the photo shows through; of a set of pixels each is shown."""
        from scipy.ndimage import distance_transform_edt, gaussian_filter

        if self.dusty:
            return self.set(k)
        region = np.pad(self._regions[k], 1)  # the photo's own edge is a border, too
        side = max(self._members.shape[1:])
        depth = distance_transform_edt(region)[1:-1, 1:-1]
        soft = gaussian_filter(region.astype(np.float64), side / 250)[1:-1, 1:-1]
        rim = np.exp(-((np.maximum(depth - side / 170, 0) / (side / 90)) ** 2))
        painted = _paint(np.ones_like(soft, dtype=bool), colour(k))
        painted[..., 3] = (255 * np.clip(soft, 0, 1) * (0.16 + 0.84 * rim)).round()
        return painted

    @property
    def saliency(self) -> Picture:
        """(h, w, 4): saliency from dark red to pale yellow, transparent where it is zero."""
        from matplotlib import colormaps
        from scipy.ndimage import gaussian_filter, maximum_filter

        plane = self._resized(self._explanation.saliency.numpy()).astype(np.float64)
        positive = plane[plane > 0]
        if positive.size == 0:
            return np.zeros((*plane.shape, 4), np.uint8)
        # The strongest single pixels would leave all others black.
        plane = np.clip(plane / np.quantile(positive, 0.95), 0, 1) ** 0.6
        plane = maximum_filter(plane, size=1 + 2 * round(self._radius))
        plane = gaussian_filter(plane, self._radius / 2).clip(0, 1)
        painted = np.asarray(colormaps["inferno"](0.25 + 0.75 * plane, bytes=True)).copy()
        painted[..., 3] = (255 * np.minimum(1, 1.6 * plane)).astype(np.uint8)
        return painted

    @property
    def borders(self) -> Picture:
        """(h, w, 4): borders between the prior's segments."""
        labels = self._explanation.segments.numpy()[:: self._pool, :: self._pool]
        # Where most neighbours differ there is no prior, and borders would hide the photo.
        if labels.shape[1] > 1 and np.mean(labels[:, 1:] != labels[:, :-1]) > 0.5:
            return _paint(np.zeros(self._members.shape[1:], dtype=bool), "#FFFFFF")
        labels = labels.repeat(self._enlarge, axis=0).repeat(self._enlarge, axis=1)
        edge = np.zeros(labels.shape, dtype=bool)
        edge[1:] |= labels[1:] != labels[:-1]
        edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
        return _paint(edge, "#FFFFFF")

    def anchors(self) -> list[tuple[float, float]]:
        """(x, y) in [0, 1] for the label of each set: where it is widest, clear of the others."""
        from scipy.ndimage import gaussian_filter

        _, height, width = self._members.shape
        longest = max(height, width)
        rows, columns = np.mgrid[:height, :width]
        free = np.ones((height, width))
        anchors = []
        for member in self._regions:
            density = (
                gaussian_filter(member.astype(np.float64), longest / 30, mode="constant") * free
            )
            if density.max() <= 0:
                density = free
            y, x = np.unravel_index(int(density.argmax()), density.shape)
            distance = np.hypot(rows - y, columns - x)
            free[distance < longest / 11] = 0
            anchors.append(((float(x) + 0.5) / width, (float(y) + 0.5) / height))
        return anchors


def _disc(radius: float) -> list[tuple[int, int]]:
    """Offsets up to a distance, nearest first."""
    reach = range(-int(radius), int(radius) + 1)
    offsets = [(y, x) for y in reach for x in reach if 0 < y * y + x * x <= radius * radius]
    return sorted(offsets, key=lambda offset: offset[0] ** 2 + offset[1] ** 2)


def _paint(shown: NDArray[np.bool_], colour: str) -> Picture:
    painted = np.zeros((*shown.shape, 4), np.uint8)
    painted[shown] = (*bytes.fromhex(colour[1:]), 255)
    return painted
