"""How a classifier and its shield fare under patches, on labelled images."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from interlock.defend.fill import pull_push
from interlock.defend.patch_attack import PatchAttack, check_batch, frozen
from interlock.defend.shield import ConceptShield
from interlock.errors import DataError, OptionError

Kind = Literal["saved", "lost"]


@dataclass(frozen=True)
class Rate:
    """A share of images, with its Wilson interval."""

    hits: int
    count: int

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


@dataclass(frozen=True)
class AreaResult:
    """All images with one patch of one size each."""

    area: float
    """Share of the image."""
    undefended: Rate
    """Patched images that the bare model gets right."""
    robust: Rate
    """Patched images that the shield gets right."""
    ceiling: Rate
    """Images that the bare model gets right when exactly the patch's pixels are filled smoothly: an
    oracle that knows the place."""
    masked: Rate
    """Patched images in which the shield hides something."""
    passes: float
    """Forward passes for a patched image, on average."""


@dataclass(frozen=True, eq=False)
class Case:
    """One patched image that the shield saved or lost."""

    kind: Kind
    area: float
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
    """Of the image, in the order in which they were added."""


@dataclass(frozen=True)
class Evaluation:
    """What an :class:`Evaluator` found."""

    images: int
    clean_undefended: Rate
    clean: Rate
    """Clean images that the shield gets right."""
    clean_masked: Rate
    """Clean images in which the shield hides something."""
    clean_passes: float
    areas: tuple[AreaResult, ...]
    cases: tuple[Case, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without pictures."""
        return {
            "images": self.images,
            "clean": {
                "undefended": self.clean_undefended.to_dict(),
                "shield": self.clean.to_dict(),
                "masked": self.clean_masked.to_dict(),
                "passes": self.clean_passes,
            },
            "patched": [
                {
                    "area": row.area,
                    "undefended": row.undefended.to_dict(),
                    "robust": row.robust.to_dict(),
                    "ceiling": row.ceiling.to_dict(),
                    "masked": row.masked.to_dict(),
                    "passes": row.passes,
                }
                for row in self.areas
            ],
        }


class Evaluator:
    """Measure a shield batch by batch.

    The patches are crafted against the bare model, from the true labels.

    Args:
        shield: with the model that it defends.
        areas: patch sizes as shares of the image.
        attack: all that decides the patches but their area.
        examples: saved and lost images that are kept for each area.
    """

    def __init__(
        self,
        shield: ConceptShield,
        areas: Sequence[float],
        attack: PatchAttack | None = None,
        *,
        examples: int = 4,
    ) -> None:
        if not areas:
            raise OptionError("areas is empty; give at least one share of the image")
        attack = attack or PatchAttack()
        if attack.targeted:
            raise OptionError("an evaluation needs an untargeted attack; use targeted=False")
        self._shield, self._model = shield, shield.model
        self._attacks = [replace(attack, area=area) for area in dict.fromkeys(areas)]
        self._examples = examples
        self._seen = 0
        self._sums: defaultdict[tuple[str, float], int] = defaultdict(int)
        self._cases: dict[tuple[Kind, float], list[Case]] = {}

    def add(self, images: Tensor, labels: Tensor) -> None:
        """Take in clean images (N, C, H, W) and their true classes (N,)."""
        check_batch(images, labels)
        labels = labels.to(images.device)
        self._count(0.0, "undefended", self._answers(self._model, images) == labels)
        clean = self._shielded(0.0, images, labels)[0] == labels
        for attack in self._attacks:
            area = attack.area
            # Other places and starts in each batch, and the same for the same seed.
            crafted = replace(attack, seed=attack.seed + self._seen)
            with frozen(self._shield):
                patched = crafted(self._model, images, labels)
            bare = self._answers(self._model, patched.images)
            self._count(area, "undefended", bare == labels)
            blanked = pull_push(images, patched.masks)
            self._count(area, "ceiling", self._answers(self._model, blanked) == labels)
            answers, masks = self._shielded(area, patched.images, labels)
            for k in range(len(images)):
                case = Case(
                    kind="saved" if answers[k] == labels[k] else "lost",
                    area=area,
                    image=patched.images[k],
                    patch=patched.masks[k, 0],
                    mask=masks[k, 0],
                    truth=int(labels[k]),
                    undefended=int(bare[k]),
                    label=int(answers[k]),
                    index=self._seen + k,
                )
                if bool(clean[k]) and (case.kind == "lost" or case.undefended != case.truth):
                    self._keep(case)
        self._seen += len(images)

    def result(self) -> Evaluation:
        """What was found in all batches so far.

        Raises:
            DataError: there were none.
        """
        if not self._seen:
            raise DataError("no labelled images to evaluate on")
        return Evaluation(
            images=self._seen,
            clean_undefended=self._rate(0.0, "undefended"),
            clean=self._rate(0.0, "right"),
            clean_masked=self._rate(0.0, "masked"),
            clean_passes=self._sums["passes", 0.0] / self._seen,
            areas=tuple(
                AreaResult(
                    area=attack.area,
                    undefended=self._rate(attack.area, "undefended"),
                    robust=self._rate(attack.area, "right"),
                    ceiling=self._rate(attack.area, "ceiling"),
                    masked=self._rate(attack.area, "masked"),
                    passes=self._sums["passes", attack.area] / self._seen,
                )
                for attack in self._attacks
            ),
            cases=tuple(case for kept in self._cases.values() for case in kept),
        )

    def _shielded(self, area: float, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The shield's answers (N,) and masks (N, 1, H, W), counted."""
        with torch.no_grad():
            answer = self._shield.answer(images)
        self._count(area, "right", answer.labels == labels)
        self._count(area, "masked", answer.masked)
        self._sums["passes", area] += int(answer.passes.sum())
        return answer.labels, answer.masks

    def _answers(self, model: nn.Module, images: Tensor) -> Tensor:
        with torch.no_grad():
            labels: Tensor = model(images).argmax(dim=1)
        return labels

    def _count(self, area: float, what: str, hits: Tensor) -> None:
        self._sums[what, area] += int(hits.sum())

    def _rate(self, area: float, what: str) -> Rate:
        return Rate(self._sums[what, area], self._seen)

    def _keep(self, case: Case) -> None:
        kept = self._cases.setdefault((case.kind, case.area), [])
        if len(kept) < self._examples:
            kept.append(
                replace(case, image=case.image.cpu(), patch=case.patch.cpu(), mask=case.mask.cpu())
            )
