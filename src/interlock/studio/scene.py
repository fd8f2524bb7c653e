"""A photo before a model, and what the model answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from interlock.errors import InterlockError, ModelError
from interlock.models import Classifier
from interlock.models.probability import has_independent_labels, probabilities
from interlock.models.seen import seen_share
from interlock.models.steady import ask, check_finite, prepared
from interlock.report.page import data_uri
from interlock.studio.board import Part

TOP = 5
"""Classes that are shown."""
LEAST_PROBED, MOST_PROBED = 32, 24_000_000
"""Pixels of a side and of a photo, between which it is told how much of it the model sees."""


@dataclass(frozen=True, eq=False)
class Photo:
    """What was given."""

    name: str
    """For people; never a path."""
    image: Image.Image
    """Upright, RGB."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One photo as one model takes it."""

    photo: Photo
    classifier: Classifier
    x: Tensor
    """(C, H, W)."""

    @classmethod
    def of(cls, photo: Photo, classifier: Classifier) -> Scene:
        """Put it before the model.

        Raises:
            ModelError: the model's preprocessing fails.
        """
        device = next((p.device for p in classifier.model.parameters()), torch.device("cpu"))
        try:
            x = prepared(classifier.preprocess(photo.image))
            return cls(photo, classifier, x.to(device))
        except InterlockError:
            raise
        except Exception as error:  # preprocessing is the user's code and may raise anything
            raise ModelError(f"{classifier.name}: cannot take this photo ({error})") from None

    def logits(self, x: Tensor) -> Tensor:
        """(C, H, W) -> (classes,) of one forward pass, on the CPU.

        Raises:
            ModelError: the model fails.
        """
        try:
            with torch.no_grad():
                logits = ask(self.classifier.model, x[None])[0].detach().float().cpu()
        except InterlockError:
            raise
        except Exception as error:  # likewise
            raise ModelError(f"{self.classifier.name}: the model failed ({error})") from None
        check_finite(logits)
        return logits

    def shares(self, x: Tensor) -> Tensor:
        """(C, H, W) -> (classes,) probabilities."""
        return probabilities(self.logits(x), has_independent_labels(self.classifier.model))

    @cached_property
    def before(self) -> Tensor:
        """(classes,) probabilities of the photo as it came."""
        return self.shares(self.x)

    @cached_property
    def own(self) -> str:
        """The model's answer to it."""
        return self.classifier.label(int(self.before.argmax()))

    def answers(self) -> list[dict[str, Any]]:
        """The most probable classes of the photo as it came, the first one first."""
        top = self.before.topk(min(TOP, len(self.before))).indices.tolist()
        return [self._said(k, self.before) for k in top]

    def beside(self, now: Tensor) -> list[dict[str, Any]]:
        """What was most probable before, and what is now, with both probabilities."""
        top = self.before.topk(min(TOP, len(now))).indices.tolist()
        shown = sorted({*top, int(now.argmax())}, key=lambda k: -float(self.before[k]))
        return [{**self._said(k, now), "before": float(self.before[k])} for k in shown]

    def picture(self, x: Tensor) -> str:
        """(C, H, W) -> what the model sees, as a ``data:`` URI."""
        return data_uri(self.classifier.to_pil(x))

    def part(self) -> Part:
        """For the page."""
        return {
            "name": self.photo.name,
            "size": list(self.photo.image.size),
            "input": [self.x.shape[2], self.x.shape[1]],
            "seen": self._seen(),
            "picture": self.picture(self.x),
            "answers": self.answers(),
        }

    def _seen(self) -> float | None:
        """Share of the photo that the model sees; None where it cannot be told, or takes long."""
        width, height = self.photo.image.size
        if min(width, height) < LEAST_PROBED or width * height > MOST_PROBED:
            return None
        return seen_share(self.classifier, width, height)

    def _said(self, k: int, shares: Tensor) -> dict[str, Any]:
        return {"index": k, "label": self.classifier.label(k), "probability": float(shares[k])}
