"""What a shield says of images: its answer, what it saw, and what the model said on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Answer:
    """What the shield makes of a batch of N images."""

    logits: Tensor
    """(N, classes), as ``forward`` returns them."""
    own: Tensor
    """(N, classes): the bare model's."""
    foreign: Tensor
    """(N, 1, H, W): 1 where nothing is foreign."""
    masks: Tensor
    """(N, 1, H, W) bool: what is hidden of each image, at the least; empty if nothing is."""
    votes: Tensor
    """(N, 2): the labels of both views of what a mask leaves; -1 for a view not asked."""
    passes: Tensor
    """(N,) int: forward passes that each image took."""

    @property
    def labels(self) -> Tensor:
        """(N,)."""
        return self.logits.argmax(dim=1)

    @property
    def masked(self) -> Tensor:
        """(N,) bool: whether something is hidden."""
        return self.masks.flatten(1).any(dim=1)


class Explained(Protocol):
    """What an ``Explanation`` of S sets has."""

    @property
    def masks(self) -> Tensor:
        """(S, C, H, W) bool."""

    @property
    def attribution(self) -> Tensor:
        """(C, H, W), >= 0."""

    @property
    def regions(self) -> Tensor:
        """(S, H, W) bool."""

    @property
    def shares(self) -> Tensor:
        """(S,) of all the evidence, in [0, 1]."""

    @property
    def drops(self) -> Tensor:
        """(S,) logits lost without each region; NaN where not measured."""

    @property
    def without(self) -> Tensor:
        """(S,) probability of the class without each region; NaN where not measured."""


Explain = Callable[[Tensor, int], Explained]
"""(C, H, W) and a class -> the sets of pixels that its logit rests on."""


@dataclass(frozen=True, eq=False)
class StrongestSet:
    """The set of pixels that the undefended answer rests on most: that whose removal costs most."""

    region: Tensor
    """(H, W) bool: where it lives."""
    share: float
    """Of all the evidence for the answer, in [0, 1]."""
    under_mask: float
    """Share of its own evidence that lies where the shield hides something, in [0, 1]."""
    without: float
    """Probability of the undefended answer without the region, in [0, 1]; NaN where it was not
    measured."""

    @classmethod
    def of(cls, explained: Explained, mask: Tensor) -> StrongestSet | None:
        """None where no pixel speaks for the answer; the mask is (H, W) bool."""
        if not len(explained.masks):
            return None
        measured = bool(explained.drops.isfinite().all())
        most = int((explained.drops if measured else explained.shares).argmax())
        evidence = (explained.attribution * explained.masks[most]).sum(dim=0).double()
        return cls(
            explained.regions[most],
            float(explained.shares[most]),
            float(evidence[mask].sum() / evidence.sum()),
            float(explained.without[most]),
        )


@dataclass(frozen=True, eq=False)
class Inspection:
    """Everything that the shield saw in one image."""

    label: int
    """What the shield answers."""
    undefended: int
    """What the bare model answers."""
    tampered: bool
    """Whether something was foreign enough to be masked."""
    score: float
    """How foreign the most foreign place is, over the threshold: above 1 it is masked."""
    mask: Tensor
    """(H, W) bool: what the tightest mask hides."""
    foreignness: Tensor
    """(H, W): 1 where nothing is foreign."""
    votes: tuple[int, ...]
    """The labels of both views of what the mask leaves; empty where nothing is hidden."""
    concepts: Tensor
    """(concepts, h, w): how much of each concept of the bank, where."""
    importances: Tensor
    """(concepts,): what each contributes to the undefended label."""
    exact: bool
    """Whether the importances are contributions to the logit; otherwise they are total Sobol
    indices, which have no sign."""
    passes: int
    """Forward passes that the answer took; those for the importances are not among them."""
    strongest: StrongestSet | None = None
    """What the undefended answer rests on most, where ``inspect`` was given a way to find out."""


@dataclass(frozen=True, eq=False)
class Hidden:
    """What the model says with something hidden."""

    logits: Tensor
    """(N, classes): logarithm of the mean probabilities of one view or two."""
    lead: Tensor
    """(N,): how much likelier their label is than the bare model's; 0 where it is the same."""
    evidence: Tensor
    """(N,): for a new label that both views give, its mean probability plus that of the bare
    model's label; 0 without one."""
    votes: Tensor
    """(N, 2) long."""
    hidden: Tensor
    """(N, 1, H, W) bool: the first mask."""
    passes: Tensor
    """(N,) long: what this took."""

    def put(self, index: Tensor, other: Hidden) -> Hidden:
        """With some of the images replaced."""
        return Hidden(
            **{
                name: value.index_put((index,), getattr(other, name))
                for name, value in vars(self).items()
            }
        )

    def __getitem__(self, part: Tensor) -> Hidden:
        return Hidden(**{name: value[part] for name, value in vars(self).items()})
