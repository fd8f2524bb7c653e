"""Patched photos fool what reads the file, through the model's own preprocessing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import MobileNetV1ImageProcessor, ResNetConfig, ResNetForImageClassification
from typer.testing import CliRunner

from interlock.cli import app
from interlock.cli.defend.read_back import Canvas, same_input
from interlock.models import Classifier, load_classifier
from tests.networks import SmallCNN
from tests.tiny import photo


def to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255


def read_by(preprocess: Any) -> Classifier:
    names = list("abcd")
    return Classifier(SmallCNN(), preprocess, names, "read", (0.0,) * 3, (1.0,) * 3)


def cropped(share: float) -> Any:
    """The middle of the shorter side, resized to 32 x 32."""

    def preprocess(image: Image.Image) -> Tensor:
        kept = share * min(image.size)
        left, top = ((length - kept) / 2 for length in image.size)
        box = (round(left), round(top), round(left + kept), round(top + kept))
        return to_tensor(image.crop(box).resize((32, 32), Image.Resampling.BICUBIC))

    return preprocess


@pytest.mark.parametrize(
    ("preprocess", "side"),
    [
        (cropped(1.0), 32),
        (cropped(0.875), 36),
        (cropped(0.7), 46),
        (lambda image: to_tensor(image.resize((32, 32))), 32),
    ],
)
def test_an_input_is_read_back_as_it_was_made(preprocess: Any, side: int, tmp_path: Path) -> None:
    classifier = read_by(preprocess)
    canvas = Canvas(classifier, 32, 32)
    assert canvas.side == (side, side)
    x = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    picture = canvas.picture(x, Image.open(photo(tmp_path / "p.png", 1, (60, 50))))
    assert picture.size == (side, side)
    assert same_input(classifier, preprocess(picture), x)
    assert not same_input(classifier, preprocess(picture), 1 - x)


def test_what_always_resamples_has_no_canvas() -> None:
    def halved(image: Image.Image) -> Tensor:
        blurred = image.resize((17, 17), Image.Resampling.BOX)
        return to_tensor(blurred.resize((32, 32), Image.Resampling.BICUBIC))

    classifier = read_by(halved)
    canvas = Canvas(classifier, 32, 32)
    assert canvas.side is None
    x = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert canvas.picture(x, Image.new("RGB", (60, 50))).size == (32, 32)


def attack(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["defend", "attack", *map(str, arguments)])


def test_a_patched_file_fools_a_model_that_resizes_and_crops(tmp_path: Path) -> None:
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=4
    )
    torch.manual_seed(0)
    ResNetForImageClassification(config).save_pretrained(tmp_path / "model")
    MobileNetV1ImageProcessor(
        size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56}
    ).save_pretrained(tmp_path / "model")
    photos = [photo(tmp_path / "in" / f"{k}.png", k, (120, 90)) for k in range(6)]
    run = ["--area", 0.1, "--steps", 20, "--out", tmp_path / "out", "--json"]
    done = attack(tmp_path / "in", "--model", tmp_path / "model", *run)
    assert done.exit_code == 0, done.output
    images = json.loads(done.stdout)["images"]
    assert len(images) == len(photos)
    classifier = load_classifier(str(tmp_path / "model"))
    fooled = 0
    for image in images:
        assert image["read_back"] is True
        assert image["after_png"]["label"] == image["after"]["label"]
        with Image.open(image["files"]["png"]) as picture, torch.no_grad():
            label = int(classifier.model(classifier.preprocess(picture)[None]).argmax())
        assert classifier.label(label) == image["after"]["label"]
        fooled += image["after"]["label"] != image["before"]["label"]
    assert fooled >= 4


class Resampled(SmallCNN):
    """Whose preprocessing resamples every picture."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = list("abcd")

    @staticmethod
    def preprocess(image: Image.Image) -> Tensor:
        return to_tensor(image.resize((13, 13), Image.Resampling.BOX).resize((16, 16)))


def resampled() -> nn.Module:
    return Resampled().eval()


def test_a_file_that_is_read_otherwise_is_told_of(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", 0)
    run = ["--steps", 2, "--area", 0.1, "--out", tmp_path / "out"]
    done = attack(tmp_path / "in", "--model", "tests.test_cli_defend_read_back:resampled", *run)
    assert done.exit_code == 0, done.output
    (line,) = [one for one in done.stderr.splitlines() if "resamples it" in one]
    assert line.count("a.png") == 1
