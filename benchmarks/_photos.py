"""The photos and the classifier that the benchmarks share."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from interlock.data import read_image

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PHOTOS = SHARED / "data" / "imagenet_cc"
MOBILENET = SHARED / "models" / "mobilenet_v1_0.75_224"
SIDE = 224

Half = Literal["tuning", "report"]


class Logits(nn.Module):
    """A ``transformers`` classifier that returns its logits alone, as Captum needs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model(x).logits
        return logits


@dataclass(frozen=True)
class Photo:
    """One row of ``labels.csv``."""

    file: str
    label: int

    def load(self) -> Tensor:
        """The whole photo, squeezed to (3, 224, 224) in [-1, 1] by bilinear resampling."""
        from PIL import Image

        image = read_image(PHOTOS / self.file).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image, dtype=np.float32))
        return (pixels / 127.5 - 1).permute(2, 0, 1).contiguous()


def mobilenet() -> Logits:
    """mobilenet_v1_0.75_224 in eval mode."""
    from transformers import AutoModelForImageClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    model: Any = AutoModelForImageClassification.from_pretrained(MOBILENET, local_files_only=True)
    return Logits(model.eval().requires_grad_(False))


def available() -> bool:
    """Whether photos and model are there; says on stderr which folder is missing."""
    for folder in (PHOTOS, MOBILENET):
        if not folder.is_dir():
            name = Path("..") / folder.relative_to(ROOT.parent)
            print(f"skipped: {name} is not there", file=sys.stderr)
            return False
    return True


def listed(name: str) -> list[Path]:
    """The photos of a list that ``defend_photos.py`` wrote, such as ``caltech_report``."""
    folder = ROOT / "build" / "defend"
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return [folder / row["file"] for row in csv.DictReader(file)]


def half_of(half: Half) -> list[Photo]:
    """Rows 0, 2, 4, ... of ``labels.csv`` are for tuning, rows 1, 3, 5, ... for the report."""
    with (PHOTOS / "labels.csv").open(newline="", encoding="utf-8") as file:
        photos = [Photo(row["file"], int(row["label"])) for row in csv.DictReader(file)]
    return photos[0 if half == "tuning" else 1 :: 2]
