"""PatchCleanser: two rounds of masks for a square patch of assumed size (USENIX Security 2022)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from interlock.defend.fill import check_fill, filled
from interlock.errors import OptionError
from interlock.models.pixel_range import check_batch
from interlock.models.steady import ask, check_classes, check_finite

FLOOR = 1e-4
"""Share of votes that a class without any is given before the logarithm."""


@dataclass(frozen=True, eq=False)
class Cleansed:
    """What double masking decided for each image."""

    labels: Tensor
    """(N,) long."""
    passes: Tensor
    """(N,) long: images that the model classified for it."""
    shares: Tensor
    """(N, classes): each class's share of the votes in the round that decided; the label has the
    largest."""


class PatchCleanser(nn.Module):
    """Double masking (Xiang, Mahloujifar, Mittal), around any classifier.

    Every image is classified under each of ``masks ** 2`` masks, one of which hides any square
    patch of the assumed size altogether. If all agree, that is the label. Otherwise each mask
    that disagrees with the majority, in order, is joined with every mask; the first whose second
    round is unanimous decides. Otherwise the majority of the first round does, of equals the
    lowest class.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, in eval mode.
        patch_size: side of the assumed patch in pixels (int), or its share of the image's side
            (float in (0, 1)); of a patch with share a of the area, that is ``a ** 0.5``.
        masks: positions on each axis, k. With an image n and a patch p wide, masks lie
            ``s = ceil((n - p + 1) / k)`` apart and are ``p + s - 1`` wide.
        fill: what a masked pixel shows, in the model's input space: a number, or one per
            channel (C,). Zero is the mean colour where inputs are normalised, as published.
            ``"pull_push"`` is smooth, from the pixels around; no mask reads what it hides.
        batch_size: masked images that are classified at a time.

    Raises:
        OptionError: an option out of range.
    """

    def __init__(
        self,
        model: nn.Module,
        patch_size: int | float,
        masks: int = 6,
        fill: float | Tensor | Literal["pull_push"] = 0.0,
        *,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        if isinstance(patch_size, float) and not 0 < patch_size < 1:
            raise OptionError(
                f"patch_size={patch_size}; use a share in (0, 1), or whole pixels as an int"
            )
        for name, value in (("masks", masks), ("batch_size", batch_size)):
            if value < 1:
                raise OptionError(f"{name}={value}; use at least 1")
        if patch_size <= 0:
            raise OptionError(f"patch_size={patch_size}; use at least 1 pixel")
        self.model, self.patch_size, self.masks = model, patch_size, masks
        self.batch_size = batch_size
        self.fill = check_fill(fill)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes): log shares of the votes that decided, without gradients.

        Their argmax is ``predict``'s label.
        """
        return self.classify(images).shares.clamp_min(FLOOR).log()

    def predict(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) labels."""
        return self.classify(images).labels

    def classify(self, images: Tensor) -> Cleansed:
        """Labels by double masking, and what they cost.

        Args:
            images: (N, C, H, W).

        Raises:
            OptionError: the assumed patch does not fit into the images.
            ModelError: logits that are not finite, or of one class alone.
        """
        check_batch(images, torch.zeros(len(images), dtype=torch.long))
        masks = self.mask_set(*images.shape[-2:]).to(images.device)
        count = len(masks)
        every = [(n, m, m) for n in range(len(images)) for m in range(count)]
        flat, classes = self._labels(images, masks, every)
        first = flat.view(len(images), count)
        votes = torch.zeros(len(images), classes).scatter_add_(1, first, torch.ones(first.shape))
        labels = votes.argmax(dim=1)
        passes = torch.full((len(images),), count)

        doubts = [row.nonzero()[:, 0].tolist() for row in first != labels[:, None]]
        for turn in range(max(map(len, doubts), default=0)):
            asked = [n for n, minority in enumerate(doubts) if turn < len(minority)]
            if not asked:
                break
            # The mask joined with itself is known from the first round.
            pairs = [
                (n, doubts[n][turn], m) for n in asked for m in range(count) if m != doubts[n][turn]
            ]
            second = self._labels(images, masks, pairs)[0].view(len(asked), count - 1)
            for n, row in zip(asked, second, strict=True):
                passes[n] += count - 1
                own = first[n, doubts[n][turn]]
                if bool((row == own).all()):
                    labels[n], doubts[n] = own, []
                    votes[n] = 0
                    votes[n, own] = count
        device = images.device
        return Cleansed(labels.to(device), passes.to(device), (votes / count).to(device))

    def certify(self, images: Tensor, labels: Tensor) -> Tensor:
        """Which labels no square patch of the assumed size, or smaller, can change.

        An image is certified if the model gives its label under every pair of masks: 666 pairs
        for 36 masks, single ones included. ``images`` are clean.

        Args:
            images: (N, C, H, W).
            labels: (N,).

        Returns:
            (N,) bool.
        """
        check_batch(images, labels)
        masks = self.mask_set(*images.shape[-2:]).to(images.device)
        wanted = labels.cpu()
        certified = torch.ones(len(images), dtype=torch.bool)
        # One row of the triangle of pairs at a time: an image that failed costs no more.
        for a in range(len(masks)):
            left = certified.nonzero()[:, 0].tolist()
            if not left:
                break
            pairs = [(n, a, b) for n in left for b in range(a, len(masks))]
            answers = self._labels(images, masks, pairs)[0].view(len(left), -1)
            certified[left] = (answers == wanted[left][:, None]).all(dim=1)
        return certified.to(images.device)

    def under(self, images: Tensor, hidden: Tensor) -> Tensor:
        """(N, C, H, W), and (N, 1, H, W) bool -> (N, classes) logits of what masks leave."""
        return ask(self.model, filled(images, hidden, self.fill))

    def mask_set(self, height: int, width: int) -> Tensor:
        """(masks, 1, H, W) bool, True where hidden: one covers any patch of the assumed size.

        At most ``masks ** 2``; fewer where the image is so small that positions coincide.
        """
        patch = self.patch_size
        if isinstance(patch, float):
            patch = max(1, round(patch * math.sqrt(height * width)))
        if patch > min(height, width):
            raise OptionError(
                f"a patch of {patch}x{patch} pixels is larger than the {height}x{width} image; "
                "use a smaller patch_size"
            )
        rows, columns = (_covers(n, patch, self.masks) for n in (height, width))
        return torch.stack([r[:, None] & c[None, :] for r in rows for c in columns])[:, None]

    def _labels(
        self, images: Tensor, masks: Tensor, pairs: list[tuple[int, int, int]]
    ) -> tuple[Tensor, int]:
        """Labels on the CPU of (image, mask, mask) triples, and how many classes there are."""
        labels, classes = [torch.zeros(0, dtype=torch.long)], 0
        # Once where there is nothing to ask, too: it tells the number of classes.
        for start in range(0, max(1, len(pairs)), self.batch_size):
            part = pairs[start : start + self.batch_size]
            n, a, b = ([triple[k] for triple in part] for k in range(3))
            with torch.no_grad():
                logits = self.under(images[n], masks[a] | masks[b])
            check_finite(logits)
            check_classes(logits)
            classes = logits.shape[1]
            labels.append(logits.argmax(dim=1).cpu())
        return torch.cat(labels), classes


def _covers(length: int, patch: int, count: int) -> Tensor:
    """(positions, length) bool: intervals, one of which covers any of ``patch`` pixels."""
    stride = math.ceil((length - patch + 1) / count)
    size = patch + stride - 1
    starts = dict.fromkeys(min(k * stride, length - size) for k in range(count))
    return torch.stack(
        [(torch.arange(length) >= t) & (torch.arange(length) < t + size) for t in starts]
    )
