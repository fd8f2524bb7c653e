"""What a classifier says with a place hidden, and when that may change its label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from interlock.defend.fill import pull_push
from interlock.defend.shield.answer import Hidden
from interlock.defend.shield.masks import grown, two_windows
from interlock.models.steady import ask

GROWTH = 0.01
"""How far a second mask reaches beyond the first, where it takes the place of a mirror image, as a
share of the height."""
SECOND = 0.9
"""The next window is tried too where it is at least so foreign as this share of the first."""
APART = 0.05
"""How far it keeps from the first, as a share of the height."""
WINDOW = 0.2
"""Side of the window that is tried on images that look clean, as a share of the image's."""
WINDOW_GROWTH = 0.03
"""``GROWTH`` of the windows."""
NOT_ASKED = -1
"""In place of a vote that the answer did not need."""


def mirror_agrees(model: nn.Module, images: list[Tensor], labels: list[Tensor]) -> float:
    """Share of images, (N, C, H, W) each, whose mirror image gets their label, (N,) each."""
    with torch.no_grad():
        mirrored = torch.cat([ask(model, x.flip(-1)).argmax(dim=1) for x in images])
    return float((mirrored == torch.cat(labels)).float().mean())


@dataclass(frozen=True)
class View:
    """The second look at an image with something hidden.

    The views err in different places, and whoever searches for a place where hiding itself
    changes the label has to meet both. A mirror is the better one; a classifier that it confuses
    (of text, of signs) is asked with more hidden instead.
    """

    mirror: bool
    reach: float
    """How far a wider mask goes beyond the first, as a share of the height."""

    def __call__(self, images: Tensor, hidden: Tensor, filled: Tensor) -> Tensor:
        """(N, C, H, W) images, and the same with what is hidden filled -> (N, C, H, W)."""
        return filled.flip(-1) if self.mirror else pull_push(images, grown(hidden, self.reach))


def mean_of_views(model: nn.Module, images: Tensor, hidden: Tensor, view: View) -> Tensor:
    """(N, classes) probabilities with something hidden."""
    filled = pull_push(images, hidden)
    first = ask(model, filled).softmax(dim=1)
    second = ask(model, view(images, hidden, filled)).softmax(dim=1)
    return ((first + second) / 2).clamp_min(1e-12)


def hide(
    model: nn.Module, images: Tensor, own: Tensor, hidden: Tensor, view: View, *, always: bool
) -> Hidden:
    """Classify with something hidden, in two views whose mean decides.

    Args:
        model: the classifier.
        images: (N, C, H, W).
        own: (N, classes) logits of the untouched images.
        hidden: (N, 1, H, W) bool.
        view: the second one.
        always: ask the second view of every image, not only where the first changes the label.
    """
    filled = pull_push(images, hidden)
    under = ask(model, filled).softmax(dim=1)
    label, own_label = under.argmax(dim=1), own.argmax(dim=1)
    votes = torch.stack([label, torch.full_like(label, NOT_ASKED)], dim=1)
    asked = torch.ones_like(label, dtype=torch.bool) if always else label != own_label
    index = asked.nonzero()[:, 0]
    if len(index):
        second = ask(model, view(images[index], hidden[index], filled[index])).softmax(dim=1)
        votes[index, 1] = second.argmax(dim=1)
        under = under.index_put((index,), (under[index] + second) / 2)
    agreed = (label != own_label) & (votes[:, 1] == label)
    sure = under.gather(1, label[:, None])[:, 0] + own.softmax(dim=1).amax(dim=1)
    return Hidden(
        logits=under.clamp_min(1e-12).log(),
        lead=under.amax(dim=1) - under.gather(1, own_label[:, None])[:, 0],
        evidence=sure * agreed,
        votes=votes,
        hidden=hidden,
        passes=(votes != NOT_ASKED).sum(dim=1),
    )


def try_windows(
    model: nn.Module, images: Tensor, own: Tensor, foreign: Tensor, mirror: bool
) -> Hidden:
    """Hide the most foreign window, and the next one where that is nearly as foreign.

    What the window with more evidence gives, with the passes of both.
    """
    view = View(mirror, WINDOW_GROWTH)
    first, second, ratio = two_windows(foreign, WINDOW, APART)
    looked = hide(model, images, own, first, view, always=False)
    index = (ratio >= SECOND).nonzero()[:, 0]
    if not len(index):
        return looked
    again = hide(model, images[index], own[index], second[index], view, always=False)
    passes = looked.passes.index_put((index,), again.passes, accumulate=True)
    better = again.evidence > looked.evidence[index]
    return replace(looked.put(index[better], again[better]), passes=passes)


def could_change(logits: Tensor, evidence: float) -> Tensor:
    """(N, classes) -> (N,) bool: where the surest new label would give more than this evidence."""
    return logits.softmax(dim=1).amax(dim=1) + 1 > evidence
