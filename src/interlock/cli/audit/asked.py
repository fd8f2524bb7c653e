"""What is to be audited, and what tells one audit from another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.cli.bench import Setup
from interlock.cli.certify.question import Question

TOLD = (
    "model", "photos", "clean", "groups", "whole", "target", "named", "attacks", "benign", "seed"
)  # fmt: skip
"""What an audit is known by; the first that differs is named."""


@dataclass(frozen=True)
class PhotosAsked:
    """A classifier and its photos."""

    setup: Setup
    photos: Path | None = None
    """None: the package's, with labels of the embedded classifier."""
    clean: Path | None = None
    """Photos to fit the shield to; None: a part of the photos."""
    groups: str | None = None
    """Column of a table of photos that ties those of one scene."""


@dataclass(frozen=True)
class Asked:
    """What is to be audited."""

    out: Path
    minutes: float | None = None
    """That it may take; None: a few."""
    photos: PhotosAsked | None = None
    """None: no classifier."""
    question: Question | None = None
    """About a language model; None: about none."""
    seed: int = 0
    force: bool = False
    """Begin anew."""
    dry_run: bool = False

    @property
    def identity(self) -> dict[str, str]:
        """What tells one audit from another; how much is measured does not."""
        told: dict[str, object] = {"seed": self.seed}
        if self.photos is not None:
            asked = self.photos
            told |= {"model": asked.setup.model, "whole": asked.setup.whole or None}
            told |= {"photos": (asked.photos and asked.photos.resolve()) or "embedded"}
            told |= {"clean": asked.clean and asked.clean.resolve(), "groups": asked.groups}
        if self.question is not None:
            target = self.question.target
            told |= {"target": target.name, "named": target.model}
            told |= {"attacks": self.question.attacks, "benign": self.question.benign}
        return {name: str(told.get(name) or "none") for name in TOLD} | {"seed": str(self.seed)}
