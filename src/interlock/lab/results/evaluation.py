"""A shield and its peers under attacks: who is right on which images, and the worst of them all."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from interlock.defend.defences import SHIELD, UNDEFENDED
from interlock.lab.results.attacked import CLEAN, ByItem
from interlock.lab.results.line import array
from interlock.lab.results.statistics import wilson
from interlock.report import ShareRow, ShareTable

MASKED = "masked by the shield"


@dataclass(frozen=True)
class Share:
    """A share of images, with its Wilson interval."""

    hits: int
    count: int

    @classmethod
    def of(cls, values: Collection[float]) -> Share:
        """Of values that are 0 or 1."""
        return cls(round(sum(values)), len(values))

    @property
    def estimate(self) -> tuple[float, float, float]:
        """The share and the ends of its 95 % interval; NaN, 0 and 1 of no images."""
        value = self.hits / self.count if self.count else math.nan
        return value, *wilson(self.hits, self.count)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        value, low, high = self.estimate
        shown = value if self.count else None
        return {"value": shown, "low": low, "high": high, "hits": self.hits, "count": self.count}


class Ordeal(NamedTuple):
    """What images go through."""

    attack: str
    """Its name, or ``CLEAN``."""
    area: float | None
    """Share of the image that is patched; None where nothing depends on it."""
    condition: str
    """What results call it."""


@dataclass(frozen=True, eq=False)
class Round:
    """What the defences made of the images of one ordeal."""

    ordeal: Ordeal
    right: Mapping[str, Mapping[str, float]]
    """Defence -> image -> 1 where it gave the true label, else 0."""
    passes: Mapping[str, float]
    """Defence -> forward passes for an image, on average, where they are counted."""
    masked: Share | None
    """Where the shield hid something; None where it is not asked."""

    def share(self, defence: str) -> Share:
        """How often a defence is right."""
        return Share.of(self.right[defence].values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without attack and area."""
        rows = {
            name: self.share(name).to_dict() | {"passes": self.passes.get(name)}
            for name in self.right
        }
        return rows if self.masked is None else rows | {"masked": self.masked.to_dict()}


@dataclass(frozen=True)
class Worst:
    """Image by image the worst of several rounds: right only where right in all of them."""

    area: float | None
    """The area that they share; None over all areas."""
    rounds: int
    right: Mapping[str, Share]
    """Of each defence that is in all of the rounds."""


class Case(NamedTuple):
    """An image that the shield saved or lost."""

    kind: str
    """``"saved"``: the patch fools the bare model, and not the shield. ``"lost"``: the shield is
    right without the patch, and wrong with it."""
    ordeal: Ordeal
    image: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What became of the images that have been through everything."""

    images: tuple[str, ...]
    rounds: tuple[Round, ...]
    """Clean first, then clean for those who are told a size, then attack by attack."""

    @classmethod
    def of(cls, values: ByItem, ordeals: Sequence[Ordeal]) -> Evaluation:
        """From the values of a study with one model.

        Args:
            values: (model, method, condition, metric) -> image -> value.
            ordeals: of the study, clean first.
        """
        asked = [by_image for key, by_image in values.items() if key[-1] == "right"]
        images = tuple(one for one in asked[0] if all(one in by_image for by_image in asked[1:]))
        return cls(images, tuple(_round(ordeal, values, images) for ordeal in ordeals))

    @property
    def clean(self) -> Round:
        """All defences that need not be told the patch's size, on images without a patch."""
        return self.rounds[0]

    @property
    def patched(self) -> tuple[Round, ...]:
        """Every attack at every size."""
        return tuple(one for one in self.rounds if one.ordeal.attack != CLEAN)

    def worst(self) -> list[Worst]:
        """For each size, then over all of them, where that takes more than one round."""
        areas = list(dict.fromkeys(one.ordeal.area for one in self.patched))
        groups = [(a, [one for one in self.patched if one.ordeal.area == a]) for a in areas]
        if len(areas) > 1:
            groups.append((None, list(self.patched)))
        return [_worst(area, rounds) for area, rounds in groups if len(rounds) > 1]

    def cases(self, most: int) -> list[Case]:
        """At most so many saved and so many lost images of each attack at each size."""
        safe = [image for image, right in self.clean.right[SHIELD].items() if right]
        chosen = []
        for one in self.patched:
            shield, bare = one.right[SHIELD], one.right[UNDEFENDED]
            saved = [image for image in safe if shield[image] and not bare[image]]
            lost = [image for image in safe if not shield[image]]
            for kind, images in (("saved", saved), ("lost", lost)):
                chosen += [Case(kind, one.ordeal, image) for image in images[:most]]
        return chosen

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        sized = [one for one in self.rounds[1:] if one.ordeal.attack == CLEAN]
        return {
            "images": len(self.images),
            "clean": self.clean.to_dict(),
            "clean_by_area": [{"area": one.ordeal.area} | one.to_dict() for one in sized],
            "patched": [
                {"attack": one.ordeal.attack, "area": one.ordeal.area} | one.to_dict()
                for one in self.patched
            ],
            "worst": [
                {"area": worst.area, "trials": worst.rounds}
                | {name: share.to_dict() for name, share in worst.right.items()}
                for worst in self.worst()
            ],
        }

    def tables(self) -> list[ShareTable]:
        """Clean images first, then attack by attack, then the worst of them on each image."""
        areas = tuple(dict.fromkeys(one.ordeal.area for one in self.patched))
        attacks = dict.fromkeys(one.ordeal.attack for one in self.patched)
        made = [ShareTable(CLEAN, (None,), (*_rows([self.clean]), *self._sized()))]
        for attack in attacks:
            rounds = [one for one in self.patched if one.ordeal.attack == attack]
            made.append(ShareTable(attack, areas, _rows(rounds)))
        worst = {one.area: one.right for one in self.worst()}
        if all(area in worst for area in areas):
            rows = [
                ShareRow(name, tuple(worst[area][name].estimate for area in areas))
                for name in worst[areas[0]]
            ]
            made.append(ShareTable("worst attack on each photo", areas, tuple(rows)))
        if None in worst:
            rows = [ShareRow(name, (share.estimate,)) for name, share in worst[None].items()]
            name = (
                "worst attack and size on each photo" if len(attacks) > 1 else "worst size on each"
            )
            made.append(ShareTable(name, (None,), tuple(rows)))
        return made

    def _sized(self) -> Iterable[ShareRow]:
        """Those who are told a size, on clean images."""
        for one in self.rounds[1:]:
            if one.ordeal.attack == CLEAN:
                for name in one.right:
                    sized = f"{name}, {100 * (one.ordeal.area or 0):g} %"
                    yield ShareRow(sized, (one.share(name).estimate,), (one.passes.get(name),))


def _round(ordeal: Ordeal, values: ByItem, images: Sequence[str]) -> Round:
    by_metric: dict[str, dict[str, dict[str, float]]] = {}
    for (_, method, condition, metric), by_image in values.items():
        if condition == ordeal.condition:
            kept = {image: by_image[image] for image in images}
            by_metric.setdefault(metric, {})[method] = kept
    counted = by_metric.get("passes", {}) if images else {}
    passes = {method: float(array(by_image).mean()) for method, by_image in counted.items()}
    masked = by_metric.get("masked", {}).get(SHIELD)
    shown = None if masked is None else Share.of(masked.values())
    return Round(ordeal, by_metric.get("right", {}), passes, shown)


def _worst(area: float | None, rounds: Sequence[Round]) -> Worst:
    shared = [name for name in rounds[0].right if all(name in one.right for one in rounds)]
    right = {}
    for name in shared:
        grid = np.array([array(one.right[name]) for one in rounds])
        right[name] = Share.of(grid.min(axis=0).tolist())
    return Worst(area, len(rounds), right)


def _rows(rounds: Sequence[Round]) -> tuple[ShareRow, ...]:
    rows = [
        ShareRow(
            name,
            tuple(one.share(name).estimate for one in rounds),
            tuple(one.passes.get(name) for one in rounds),
        )
        for name in rounds[0].right
    ]
    masked = [one.masked.estimate for one in rounds if one.masked is not None]
    return (*rows, ShareRow(MASKED, tuple(masked))) if masked else tuple(rows)
