"""Pictures of concepts and masks: overlays, and one figure of a whole bank."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from interlock._pictures import heat_overlay
from interlock.defend.concepts.bank import ConceptBank
from interlock.defend.concepts.batches import as_batches
from interlock.defend.concepts.features import Taps, replaced
from interlock.defend.concepts.importances import linear_head
from interlock.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARRIED = 3
"""Most classes that are named for a concept."""
CROP = 0.45
"""Side of the crop around the place where a concept is strongest, as a share of the image's."""


@dataclass(frozen=True, eq=False)
class Example:
    """One image in which a concept is strong."""

    image: Tensor
    """(C, H, W)."""
    code: Tensor
    """(h, w): how much of the concept, where."""
    box: tuple[int, int, int, int]
    """top, left, bottom, right in pixels: a crop around its peak."""


@dataclass(frozen=True, eq=False)
class ConceptView:
    """One concept of a bank, as a person looks at it."""

    number: int
    """Row of the bank's factors."""
    share: float
    """Of all that the bank sees in the images, how much is this concept."""
    examples: tuple[Example, ...]
    """The images in which it peaks highest, highest first."""
    carries: tuple[tuple[int, float], ...]
    """(class, logit), at most three. ``linear``: the classes that one unit of it in every place
    raises most. Else those that lose most, on average over the examples, when it is taken away."""
    linear: bool
    """Whether the head is linear in the layer's means."""


def view_concepts(
    model: nn.Module, bank: ConceptBank, images: Tensor | Iterable[Tensor], *, examples: int = 4
) -> list[ConceptView]:
    """Look at every concept of a bank through some images.

    Args:
        model: the one that the bank was fitted to.
        images: (N, C, H, W), or an iterable of such batches; all are held in memory.
        bank: to look at.
        examples: images for each concept.

    Returns:
        The concepts, those with the largest share first.

    Raises:
        DataError: no images.
    """
    shown: list[Tensor] = []
    codes: list[Tensor] = []
    taps = Taps(model, [bank.layer])
    weights: Tensor | None = None
    with torch.no_grad():
        for x in as_batches(images):
            if not shown:
                weights = linear_head(model, bank.layer, x[:1])[0]
            shown.append(x)
            codes.append(bank.codes(taps(x)[1][0]).cpu())
    if not shown:
        raise DataError("no images to show the concepts on")
    photos, maps = torch.cat(shown), torch.cat(codes)  # (N, C, H, W), (N, concepts, h, w)
    shares = maps.mean(dim=(0, 2, 3))
    shares = shares / shares.sum().clamp_min(1e-12)
    views = []
    for k in shares.argsort(descending=True).tolist():
        order = maps[:, k].flatten(1).amax(dim=1).argsort(descending=True)[:examples].tolist()
        with torch.no_grad():
            if weights is None:
                raised = _lost_without(model, bank, photos[order], k)
            else:
                raised = weights @ bank.directions[k].to(weights)
        top = raised.topk(min(CARRIED, len(raised)))
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        views.append(
            ConceptView(
                number=k,
                share=float(shares[k]),
                examples=tuple(_example(photos[n].cpu(), maps[n, k]) for n in order),
                carries=tuple((label, value) for label, value in pairs if value > 0),
                linear=weights is not None,
            )
        )
    return views


def _lost_without(model: nn.Module, bank: ConceptBank, images: Tensor, number: int) -> Tensor:
    """(classes,): what their logits lose, on average, when a concept leaves the images' maps."""
    logits, (maps,) = Taps(model, [bank.layer])(images)
    code = bank.codes(maps)[:, number : number + 1]  # (N, 1, h, w)
    left = maps - code * bank.directions[number].to(code)[:, None, None]
    return (logits - replaced(model, bank.layer, images, left)).mean(dim=0)


def _example(image: Tensor, code: Tensor) -> Example:
    height, width = image.shape[-2:]
    h, w = max(1, round(CROP * height)), max(1, round(CROP * width))
    row, column = divmod(int(code.argmax()), code.shape[1])
    y, x = (row + 0.5) / code.shape[0] * height, (column + 0.5) / code.shape[1] * width
    top = min(max(0, round(y - h / 2)), height - h)
    left = min(max(0, round(x - w / 2)), width - w)
    return Example(image, code, (top, left, top + h, left + w))


def draw_concepts(
    views: list[ConceptView],
    to_pil: Callable[[Tensor], Image.Image],
    label: Callable[[int], str],
) -> Figure:
    """All concepts of a bank: a row each, with crops at their peaks and where they live.

    Args:
        views: from :func:`view_concepts`.
        to_pil: (C, H, W) -> the photo it shows (``Classifier.to_pil``).
        label: the name of a class (``Classifier.label``).

    Returns:
        A figure of its own, registered nowhere: ``figure.savefig(path)``.
    """
    from matplotlib.figure import Figure

    columns = max(len(view.examples) for view in views)
    panel, text, head = 1.15, 2.6, 0.6
    size = (text + 2 * columns * panel + 0.5, head + len(views) * (panel + 0.08) + 0.1)
    figure = Figure(figsize=size, dpi=100, facecolor="white")
    figure.text(0.012, 1 - 0.2 / size[1], "Concepts", fontsize=14, fontweight="bold", va="top")
    for offset, name in ((0, "where they peak"), (columns * panel + 0.2, "where they live")):
        figure.text((text + offset) / size[0], 1 - 0.25 / size[1], name, fontsize=10, va="top")
    for row, view in enumerate(views):
        bottom = 1 - (head + (row + 1) * (panel + 0.08)) / size[1]
        lines = [f"{label(k)[:26]}  +{value:.2g}" for k, value in view.carries]
        figure.text(
            0.012,
            bottom + 0.5 * panel / size[1],
            "\n".join([f"concept {view.number + 1}  ({100 * view.share:.0f} %)", *lines]),
            fontsize=9,
            va="center",
            parse_math=False,
        )
        for k, example in enumerate(view.examples):
            pictures = concept_pictures(example, to_pil)
            for picture, offset in zip(pictures, (0.0, columns * panel + 0.2), strict=True):
                left = (text + offset + k * panel) / size[0]
                axes = figure.add_axes(
                    (left, bottom, (panel - 0.06) / size[0], (panel - 0.06) / size[1])
                )
                axes.imshow(np.asarray(picture), aspect="equal", interpolation="antialiased")
                axes.set_axis_off()
    return figure


def concept_pictures(
    example: Example, to_pil: Callable[[Tensor], Image.Image]
) -> tuple[Image.Image, Image.Image]:
    """The crop at the concept's peak, and the whole photo with its heat."""
    photo = to_pil(example.image)
    top, left, bottom, right = example.box
    high = max(float(example.code.max()), 1e-12)
    return photo.crop((left, top, right, bottom)), heat_overlay(photo, example.code, 0.0, high)
