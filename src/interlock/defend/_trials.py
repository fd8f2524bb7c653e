"""What a classifier says with a place hidden, and when that may change its label."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from interlock.defend._masks import grown, two_windows
from interlock.defend.answer import Hidden
from interlock.defend.fill import pull_push

SECOND = 0.9
"""The next window is tried too where it is at least so foreign as this share of the first."""
APART = 0.05
"""How far it keeps from the first, as a share of the height."""
WINDOW = 0.2
"""Side of the window that is tried on images that look clean, as a share of the image's."""
WINDOW_GROWTH = 0.03
"""How far the second window reaches beyond the first, as a share of the height."""
NOT_ASKED = -1
"""In place of a vote that the answer did not need."""


def hide(model: nn.Module, images: Tensor, own: Tensor, hidden: Tensor, reach: float) -> Hidden:
    """Classify with something hidden, and again with more of it where the label changes."""
    under = model(pull_push(images, hidden)).softmax(dim=1)
    label, own_label = under.argmax(dim=1), own.argmax(dim=1)
    votes = torch.stack([label, torch.full_like(label, NOT_ASKED)], dim=1)
    index = (label != own_label).nonzero()[:, 0]
    if len(index):
        wider = model(pull_push(images[index], grown(hidden[index], reach)))
        votes[index, 1] = wider.argmax(dim=1)
        under = under.index_put((index,), (under[index] + wider.softmax(dim=1)) / 2)
    agreed = (label != own_label) & (votes[:, 1] == label)
    sure = under.gather(1, label[:, None])[:, 0] + own.softmax(dim=1).amax(dim=1)
    return Hidden(
        logits=under.clamp_min(1e-12).log(),
        changed=under.argmax(dim=1) != own_label,
        evidence=sure * agreed,
        votes=votes,
        hidden=hidden,
        passes=(votes != NOT_ASKED).sum(dim=1),
    )


def try_windows(model: nn.Module, images: Tensor, own: Tensor, foreign: Tensor) -> Hidden:
    """Hide the most foreign window, and the next one where that is nearly as foreign.

    What the window with more evidence gives, with the passes of both.
    """
    first, second, ratio = two_windows(foreign, WINDOW, APART)
    looked = hide(model, images, own, first, WINDOW_GROWTH)
    index = (ratio >= SECOND).nonzero()[:, 0]
    if not len(index):
        return looked
    again = hide(model, images[index], own[index], second[index], WINDOW_GROWTH)
    passes = looked.passes.index_put((index,), again.passes, accumulate=True)
    better = again.evidence > looked.evidence[index]
    return replace(looked.put(index[better], again[better]), passes=passes)


def could_change(logits: Tensor, evidence: float) -> Tensor:
    """(N, classes) -> (N,) bool: where the surest new label would give more than this evidence."""
    return logits.softmax(dim=1).amax(dim=1) + 1 > evidence
