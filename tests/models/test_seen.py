"""How much of a photo is seen, by preprocessing alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.models import Classifier, load_classifier
from interlock.models.seen import seen_share


def pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255


def squeezed(image: Image.Image) -> Tensor:
    return pixels(image.resize((224, 224), Image.Resampling.BILINEAR)) * 2 - 1


def centre(image: Image.Image) -> Tensor:
    """Shorter side to 256, the middle 224."""
    scale = 256 / min(image.size)
    resized = image.resize([round(side * scale) for side in image.size], Image.Resampling.BICUBIC)
    left, top = ((side - 224) // 2 for side in resized.size)
    return (pixels(resized.crop((left, top, left + 224, top + 224))) - 0.5) / 0.2


def corner(image: Image.Image) -> Tensor:
    """The upper left 64 x 32 as they are, in grey."""
    return pixels(image.crop((0, 0, 64, 32))).mean(dim=0, keepdim=True)


def boxed(image: Image.Image) -> Tensor:
    """All of a photo, in the middle of a grey square."""
    height, width = (max(1, 100 * side // max(image.size)) for side in image.size[::-1])
    inner = pixels(image.resize((width, height), Image.Resampling.BILINEAR))
    top, left = (120 - height) // 2, (120 - width) // 2
    sides = (left, 120 - width - left, top, 120 - height - top)
    return F.pad(inner, sides, value=0.5)


def negative(image: Image.Image) -> Tensor:
    return -centre(image)


@pytest.mark.parametrize(
    ("preprocess", "size", "share"),
    [
        (squeezed, (640, 480), 1.0),
        (boxed, (640, 480), 1.0),
        (boxed, (300, 900), 1.0),
        (centre, (512, 512), (224 / 256) ** 2),
        (centre, (1024, 512), (224 / 256) ** 2 / 2),
        (centre, (300, 900), (224 / 256) ** 2 / 3),
        (negative, (1024, 512), (224 / 256) ** 2 / 2),
        (corner, (128, 128), 1 / 8),
        (corner, (64, 32), 1.0),
    ],
)
def test_the_share_is_that_of_the_crop(
    preprocess: Callable[[Image.Image], Tensor], size: tuple[int, int], share: float
) -> None:
    classifier = Classifier(nn.Identity(), preprocess, ["a"])
    seen = seen_share(classifier, *size)
    assert seen == pytest.approx(share, abs=0.01)


def failing(image: Image.Image) -> Tensor:
    raise ValueError("no")


def standardised(image: Image.Image) -> Tensor:
    x = pixels(image)
    return (x - x.mean()) / (x.std() + 1e-6)


@pytest.mark.parametrize("preprocess", [failing, standardised, lambda i: torch.zeros(3, 8, 8)])
def test_what_cannot_be_told_is_not(preprocess: Callable[[Image.Image], Tensor]) -> None:
    assert seen_share(Classifier(nn.Identity(), preprocess, ["a"]), 64, 48) is None


def test_the_embedded_classifier_sees_whole_photos() -> None:
    assert seen_share(load_classifier("embedded"), 640, 480) == pytest.approx(1, abs=0.01)
