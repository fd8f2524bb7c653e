"""What is certified of a population of photos, as a file tied to the model's weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from interlock._files import read_text, write_atomically
from interlock._weights import fingerprint
from interlock.defend.certified.certified_shield import CertifiedShield
from interlock.defend.shield.shield import ConceptShield
from interlock.errors import DataError, ModelError, OptionError
from interlock.names import InnerMaps

VERSION = 2
SHARES = ("certified", "detected", "clean", "answered")
FEWEST_OF_A_CLASS = 30
"""Photos of a class from which on the card tells of it alone."""


@dataclass(frozen=True)
class Share:
    """A share of photos with exact one-sided bounds (Clopper and Pearson, 1934)."""

    hits: int
    photos: int
    lower: float
    """The share of all such photos is at least this, with the card's confidence."""
    upper: float
    """Likewise at most; each bound holds by itself."""

    @property
    def value(self) -> float:
        """Of these photos."""
        return self.hits / self.photos

    @classmethod
    def of(cls, hits: int, photos: int, confidence: float) -> Share:
        """Counts with their bounds.

        Raises:
            DataError: no photos.
            OptionError: a confidence outside (0, 1).
        """
        from scipy.stats import binomtest

        if not 0 < confidence < 1:
            raise OptionError(f"confidence={confidence}; use a probability between 0 and 1")
        if photos < 1:
            raise DataError("no photos; certify at least one")
        low, high = (
            binomtest(hits, photos, alternative=side).proportion_ci(confidence, "exact")
            for side in ("greater", "less")
        )
        return cls(hits, photos, float(low.low), float(high.high))


@dataclass(frozen=True, kw_only=True)
class Examined:
    """One labelled photo."""

    label: str
    """Of its true class."""
    clean: bool
    """Whether the bare model is right."""
    answered: bool
    """Whether the certified answer is."""
    detected: bool
    certified: bool
    passes: int
    """That the answer took."""


@dataclass(frozen=True, kw_only=True)
class PatchCard:
    """With so much confidence, so many photos like these keep their label under any one patch.

    Photos have to be drawn independently from where the model will work; copies of one photo, or a
    series of one scene, are not. The certificate is of the model's input: the allowance covers what
    reading a photo spreads.
    """

    model: str
    """As ``--model`` named it."""
    weights: str
    """The model's fingerprint."""
    whole: bool
    """Whether whole photos were squeezed to the input size."""
    height: int
    """Of the model's input, in pixels."""
    width: int
    """Likewise."""
    area: float
    """Of the patch, as a share of the input, in (0, 1)."""
    masks: int
    """On each axis."""
    fill: str
    """Of hidden pixels."""
    inner: InnerMaps
    """What the model's inner maps hold under a mask."""
    aspect: float
    """Longest side of a patch over its shortest, at most."""
    allowance: int
    """Pixels by which masks are wider on each side, for what resizing a photo spreads."""
    shield: str | None
    """SHA-256 of the file of the shield that falls back."""
    confidence: float
    """Of each bound, in (0, 1)."""
    certified: Share
    """Right, whatever one patch shows, wherever it lies."""
    detected: Share
    """Right without an alarm, and no patch makes it wrong without one."""
    clean: Share
    """Of the bare model."""
    answered: Share
    """Of the certified answer, without a patch."""
    passes: float
    """Of an answer, on average."""
    classes: Mapping[str, Share] = field(default_factory=dict)
    """Certified, of each class with enough photos."""
    groups: str | None = None
    """What ties photos, such as their scene: one of each was examined, and the shares are of the
    groups. None: each photo stands for itself."""

    @classmethod
    def of(cls, photos: Sequence[Examined], *, confidence: float, **more: Any) -> PatchCard:
        """Count what was examined.

        Args:
            photos: drawn independently.
            confidence: of each bound, in (0, 1).
            more: the other fields: how the photos were examined.

        Raises:
            DataError: no photos.
            OptionError: a confidence outside (0, 1).
        """
        shares: dict[str, Any] = {
            name: Share.of(sum(getattr(one, name) for one in photos), len(photos), confidence)
            for name in SHARES
        }
        alike: dict[str, list[bool]] = {}
        for one in photos:
            alike.setdefault(one.label, []).append(one.certified)
        classes = {
            name: Share.of(sum(hits), len(hits), confidence)
            for name, hits in sorted(alike.items())
            if len(hits) >= FEWEST_OF_A_CLASS
        }
        passes = sum(one.passes for one in photos) / len(photos)
        return cls(confidence=confidence, passes=passes, classes=classes, **shares, **more)

    @property
    def sentence(self) -> str:
        """What it says, in one line."""
        group = " ".join((self.groups or "").split())
        drawn = f" (one drawn of each {group})" if group else ""
        shape = "square" if self.aspect == 1 else f"rectangle up to {self.aspect:g}:1"
        return (
            f"with {self.confidence:.0%} confidence at least {self.certified.lower:.1%} of photos "
            f"like these{drawn} keep the right label whatever one {shape} patch of "
            f"{self.area:.1%} of the image shows, wherever it lies"
        )

    def to_dict(self) -> dict[str, Any]:
        """As the file has it: shares flat, their counts and bounds under ``bounds``."""
        record = asdict(self)
        bounds = {name: record.pop(name) for name in SHARES}
        return {
            "kind": "patch card",
            "version": VERSION,
            "sentence": self.sentence,
            "lower": self.certified.lower,
            **{name: getattr(self, name).value for name in SHARES},
            "photos": self.certified.photos,
            **record,
            "bounds": bounds,
        }

    def save(self, path: str | Path) -> Path:
        """Write the JSON file, atomically."""
        return write_atomically(path, json.dumps(self.to_dict(), indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> PatchCard:
        """Read it back.

        Raises:
            DataError: missing, not a card, of another version, or one that contradicts itself.
        """
        try:
            record = json.loads(read_text(path))
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or record.get("kind") != "patch card":
            raise DataError(f"{path}: not a card of 'interlock defend certify'")
        if record.get("version") != VERSION:
            raise DataError(
                f"{path}: version {record.get('version')}; this release reads {VERSION}"
            )
        from pydantic import TypeAdapter

        try:
            fields = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
            card = TypeAdapter(cls).validate_python(fields | record["bounds"])
            counted = [*(getattr(card, name) for name in SHARES), *card.classes.values()]
            sound = all(s == Share.of(s.hits, s.photos, card.confidence) for s in counted)
            sound = sound and json.loads(json.dumps(card.to_dict())) == record
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{path}: an incomplete card; certify again") from None
        if not sound:
            raise DataError(f"{path}: its numbers contradict each other; certify again")
        return card

    def certified_shield(
        self, model: nn.Module, shield: ConceptShield | None = None, **options: Any
    ) -> CertifiedShield:
        """The defence that was certified.

        Args:
            model: whose weights the card names.
            shield: the one that falls back; it cannot change what is certified.
            options: of ``CertifiedShield`` that the card leaves open.

        Raises:
            ModelError: another model.
        """
        if fingerprint(model) != self.weights:
            raise ModelError(
                f"the card is of another model ({self.model}, weights {self.weights[:12]}…); "
                "certify this one"
            )
        names = ("area", "masks", "inner", "aspect", "allowance")
        assumed = {name: getattr(self, name) for name in names}
        fill: Any = self.fill
        return CertifiedShield(model, fill=fill, shield=shield, **assumed, **options)
