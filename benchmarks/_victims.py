"""The three classifiers that ``defend`` is measured on, with clean and attacked photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

import _cifar
import _photos
from interlock.data import LabelledFolder, read_image
from interlock.models import load_classifier

Part = Literal["choose", "report"]
CALTECH = _photos.SHARED / "data" / "caltech21"


@dataclass(frozen=True)
class Photos:
    """Images as 8-bit pixels with their true labels."""

    pixels: Tensor
    """(N, 3, H, W) uint8."""
    labels: Tensor
    """(N,) int64."""

    def __getitem__(self, part: slice | Tensor) -> Photos:
        return Photos(self.pixels[part], self.labels[part])

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

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Black and white as the model takes them."""
        return ((0 - self.mean) / self.std).flatten(), ((1 - self.mean) / self.std).flatten()

    def input(self, pixels: Tensor) -> Tensor:
        """uint8 pixels -> what the model takes."""
        x = (pixels.float() / 255 - self.mean) / self.std
        return x.contiguous(memory_format=torch.channels_last)

    def pixels(self, x: Tensor) -> Tensor:
        """What the model takes -> uint8 pixels, as a file would hold them."""
        return ((x * self.std + self.mean).clamp(0, 1) * 255).round().to(torch.uint8)

    def batches(self, part: str, size: int = 32) -> Iterator[Tensor]:
        """The photos of a set as model inputs."""
        photos = self.sets[part]
        for start in range(0, len(photos), size):
            yield self.input(photos.pixels[start : start + size])

    def predictions(self, pixels: Tensor) -> Tensor:
        """(N,) labels of the bare model."""
        with torch.no_grad():
            return torch.cat([self.model(self.input(p)).argmax(1) for p in pixels.split(32)])


def _imagenet() -> dict[str, Photos]:
    def loaded(photos: list[_photos.Photo]) -> Photos:
        pixels = torch.stack([((p.load() + 1) * 127.5).round().to(torch.uint8) for p in photos])
        return Photos(pixels, torch.tensor([p.label for p in photos]))

    tuning, report = _photos.half_of("tuning"), _photos.half_of("report")
    return {
        "bank": loaded(tuning[:200] + report[200:]),
        "choose": loaded(tuning[200:]),
        "report": loaded(report[:150]),
    }


def _caltech() -> dict[str, Photos]:
    def loaded(folder: Path, part: slice) -> Photos:
        scanned = LabelledFolder.scan(folder)
        rng = np.random.default_rng(0)
        chosen = rng.permutation(len(scanned))[part].tolist()
        pixels = torch.stack(
            [
                torch.from_numpy(
                    np.array(read_image(scanned.files[k]).resize((160, 160), 2), copy=True)
                ).permute(2, 0, 1)
                for k in chosen
            ]
        )
        # The embedded labels are the folders' names made readable, in the same order.
        return Photos(pixels, torch.tensor([scanned.labels[k] for k in chosen]))

    return {
        "bank": loaded(CALTECH / "train", slice(0, 300)),
        "choose": loaded(CALTECH / "test", slice(0, 150)),
        "report": loaded(CALTECH / "test", slice(150, 350)),
    }


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
            _imagenet,
            (_photos.PHOTOS, _photos.MOBILENET),
        ),
        Victim(
            "embedded",
            lambda: embedded.model,
            embedded.mean,
            embedded.std,
            _caltech,
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
