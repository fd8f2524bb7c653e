"""Who was right under which patches: counts, intervals, the worst case."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["saved", "lost"]


class Trial(NamedTuple):
    """What the images of one tally went through."""

    attack: str
    """Its name, or ``"clean"``."""
    area: float | None
    """Share of the image that is patched; None where no row depends on it."""


CLEAN = Trial("clean", None)


@dataclass(frozen=True)
class Rate:
    """A share of images, with its Wilson interval."""

    hits: int
    count: int

    @classmethod
    def of(cls, hits: Tensor) -> Rate:
        """(N,) bool."""
        return cls(int(hits.sum()), len(hits))

    @property
    def value(self) -> float:
        """The share; NaN of no images."""
        return self.hits / self.count if self.count else math.nan

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wilson's score interval: a share in [0, 1] each; all of it for no images."""
        if not self.count:
            return 0.0, 1.0
        from scipy.stats import binomtest

        found = binomtest(self.hits, self.count).proportion_ci(confidence, method="wilson")
        return float(found.low), float(found.high)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        low, high = self.interval()
        value = None if math.isnan(self.value) else self.value
        return {"value": value, "low": low, "high": high, "hits": self.hits, "count": self.count}


@dataclass(frozen=True, eq=False)
class Case:
    """One patched image that the shield saved or lost."""

    kind: Kind
    trial: Trial
    image: Tensor
    """(C, H, W), with the patch."""
    patch: Tensor
    """(H, W) bool: where it truly is."""
    mask: Tensor
    """(H, W) bool: what the shield hid."""
    truth: int
    undefended: int
    """What the bare model answers."""
    label: int
    """What the shield answers."""
    index: int
    """Of the image: in its batch, and in an ``Evaluation`` in the order of all batches."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What each row of the table made of N images in one trial."""

    trial: Trial
    right: Mapping[str, Tensor]
    """For each row (N,) bool: where it gave the true label."""
    passes: Mapping[str, Tensor]
    """For each row whose passes are known (N,) long."""
    masked: Tensor
    """(N,) bool: where the shield hid something."""
    cases: tuple[Case, ...] = ()

    @classmethod
    def joined(cls, tallies: Sequence[Tally]) -> Tally:
        """Those of several batches, of one trial and with the same rows."""
        first = tallies[0]
        return cls(
            first.trial,
            {row: torch.cat([t.right[row] for t in tallies]) for row in first.right},
            {row: torch.cat([t.passes[row] for t in tallies]) for row in first.passes},
            torch.cat([t.masked for t in tallies]),
            tuple(case for t in tallies for case in t.cases),
        )

    def rate(self, row: str) -> Rate:
        """How often a row is right."""
        return Rate.of(self.right[row])

    def mean_passes(self, row: str) -> float | None:
        """Forward passes for an image, on average; None where they are not known."""
        return float(self.passes[row].double().mean()) if row in self.passes else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without pictures."""
        rows = {
            row: self.rate(row).to_dict() | {"passes": self.mean_passes(row)} for row in self.right
        }
        masked = {"masked": Rate.of(self.masked).to_dict()} if "shield" in self.right else {}
        return {"attack": self.trial.attack, "area": self.trial.area, **rows, **masked}


@dataclass(frozen=True, eq=False)
class Worst:
    """Per image the worst of several trials: right only where right in all of them."""

    area: float | None
    """The area that they share; None over all areas."""
    trials: int
    right: Mapping[str, Rate]
    """For each row that all of the trials have."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an ``Evaluator`` found."""

    images: int
    tallies: tuple[Tally, ...]
    """Clean first, then attack by attack."""

    @property
    def clean(self) -> Tally:
        """All rows that need not be told the patch's size, on images without a patch."""
        return self[CLEAN]

    @property
    def patched(self) -> tuple[Tally, ...]:
        """Every attack at every size."""
        return tuple(t for t in self.tallies if t.trial.attack != CLEAN.attack)

    def __getitem__(self, trial: Trial) -> Tally:
        return next(t for t in self.tallies if t.trial == trial)

    def worst(self) -> list[Worst]:
        """For each size, then over all of them, where that takes more than one trial."""
        areas = list(dict.fromkeys(t.trial.area for t in self.patched))
        groups = [(a, [t for t in self.patched if t.trial.area == a]) for a in areas]
        if len(areas) > 1:
            groups.append((None, list(self.patched)))
        return [_worst(area, tallies) for area, tallies in groups if len(tallies) > 1]

    def cases(self, most: int) -> list[Case]:
        """At most so many saved and so many lost images of each trial."""
        return [
            case
            for tally in self.patched
            for kind in ("saved", "lost")
            for case in [c for c in tally.cases if c.kind == kind][:most]
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without pictures."""
        clean = [t.to_dict() for t in self.tallies if t.trial.attack == CLEAN.attack]
        return {
            "images": self.images,
            "clean": {k: v for k, v in clean[0].items() if k not in ("attack", "area")},
            "clean_by_area": [{k: v for k, v in t.items() if k != "attack"} for t in clean[1:]],
            "patched": [tally.to_dict() for tally in self.patched],
            "worst": [
                {"area": worst.area, "trials": worst.trials}
                | {row: rate.to_dict() for row, rate in worst.right.items()}
                for worst in self.worst()
            ],
        }


def _worst(area: float | None, tallies: Iterable[Tally]) -> Worst:
    tallies = list(tallies)
    shared = [row for row in tallies[0].right if all(row in t.right for t in tallies)]
    right = {row: torch.stack([t.right[row] for t in tallies]).all(dim=0) for row in shared}
    return Worst(area, len(tallies), {row: Rate.of(hits) for row, hits in right.items()})
