"""The three classifiers that ``defend`` is measured on, and their photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import _cifar
import _photos
from interlock.data import LabelledFolder, read_image
from interlock.models import load_classifier

Listed = list[tuple[Path, int]]
"""Files with the numbers of their classes."""
BILINEAR = 2
CALTECH = _photos.SHARED / "data" / "caltech21"


@dataclass(frozen=True)
class Photos:
    """Images as 8-bit pixels with their true labels."""

    pixels: Tensor
    """(N, 3, H, W) uint8."""
    labels: Tensor
    """(N,) int64."""

    def __len__(self) -> int:
        return len(self.pixels)


class Victim:
    """A classifier and three disjoint sets of photos: for its bank, to choose, to report."""

    def __init__(
        self,
        name: str,
        model: Callable[[], nn.Module],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        photos: Callable[[], dict[str, Photos]],
        folders: tuple[Path, ...],
    ) -> None:
        self.name = name
        self._make, self._photos, self._folders = model, photos, folders
        self.mean, self.std = (torch.tensor(v).view(1, -1, 1, 1) for v in (mean, std))

    def missing(self) -> list[Path]:
        """Folders that are not there."""
        return [folder for folder in self._folders if not folder.exists()]

    @cached_property
    def model(self) -> nn.Module:
        """In eval mode, without parameter gradients, laid out for the fastest convolutions."""
        model = self._make().eval().requires_grad_(False)
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    @cached_property
    def sets(self) -> dict[str, Photos]:
        """``bank``, ``choose`` and ``report``."""
        return self._photos()

    def input(self, pixels: Tensor) -> Tensor:
        """uint8 pixels -> what the model takes."""
        x = (pixels.float() / 255 - self.mean) / self.std
        return x.contiguous(memory_format=torch.channels_last)

    def batches(self, part: str, size: int = 32) -> Iterator[Tensor]:
        """The photos of a set as model inputs."""
        photos = self.sets[part]
        for start in range(0, len(photos), size):
            yield self.input(photos.pixels[start : start + size])


def listed_imagenet(part: str) -> Listed:
    """Photos with their classes: settings were chosen on one half, the other is reported."""
    tuning, report = _photos.half_of("tuning"), _photos.half_of("report")
    parts = {
        "bank": tuning[:200] + report[200:],
        "choose": tuning[200:],
        "report": report[:150],
    }
    return [(_photos.PHOTOS / photo.file, photo.label) for photo in parts[part]]


def listed_caltech(part: str) -> Listed:
    """The same; classes are numbers of the sorted folders, as the embedded model has them."""
    folder, some = {
        "bank": (CALTECH / "train", slice(0, 300)),
        "choose": (CALTECH / "test", slice(0, 150)),
        "report": (CALTECH / "test", slice(150, 350)),
    }[part]
    scanned = LabelledFolder.scan(folder)
    chosen = np.random.default_rng(0).permutation(len(scanned))[some].tolist()
    return [(scanned.files[k], scanned.labels[k]) for k in chosen]


def _loaded(listed: Callable[[str], Listed], side: int) -> dict[str, Photos]:
    def loaded(part: str) -> Photos:
        squares = [read_image(f).resize((side, side), BILINEAR) for f, _ in listed(part)]
        pixels = [torch.from_numpy(np.array(s, copy=True)).permute(2, 0, 1) for s in squares]
        return Photos(torch.stack(pixels), torch.tensor([label for _, label in listed(part)]))

    return {part: loaded(part) for part in ("bank", "choose", "report")}


def _cifar10() -> dict[str, Photos]:
    return {
        "bank": Photos(*_cifar.images("train", 2000)),
        "choose": Photos(*_cifar.images("test", 300, start=5000)),
        "report": Photos(*_cifar.images("test", 1000)),
    }


def victims() -> list[Victim]:
    """All three."""
    embedded = load_classifier("embedded")
    assert embedded.mean
    assert embedded.std
    half = (0.5, 0.5, 0.5)
    return [
        Victim(
            "mobilenet",
            _photos.mobilenet,
            half,
            half,
            lambda: _loaded(listed_imagenet, 224),
            (_photos.PHOTOS, _photos.MOBILENET),
        ),
        Victim(
            "embedded",
            lambda: embedded.model,
            embedded.mean,
            embedded.std,
            lambda: _loaded(listed_caltech, 160),
            (CALTECH,),
        ),
        Victim(
            "cifar10",
            lambda: _cifar.resnet20().model,
            _cifar.MEAN,
            _cifar.STD,
            _cifar10,
            (_cifar.WEIGHTS, _cifar.IMAGES),
        ),
    ]
