"""The recipes that make classifiers run from end to end, and go on where they were stopped."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from interlock.models.photonet import PhotoNet

ROOT = Path(__file__).parent.parent
OPTIONS = ["--epochs", "2", "--pixels", "64", "--batch", "8"]
UNDER_MASKS = ["--mask-steps", "6", "--mask-batch", "4", "--mask-draws", "4"]


def redder(x: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 2) logits: a teacher that knows the answer."""
    means = x.mean(dim=(2, 3))
    return 10 * means[:, [2, 0]]


@pytest.fixture
def photo_classifier(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import photo_classifier

    monkeypatch.setattr(photo_classifier, "STORED", 72)
    # The real one comes from the package index, and takes a minute to fit.
    monkeypatch.setattr(photo_classifier, "teacher", lambda *_: redder)
    return photo_classifier


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, red and blue noise, 16 photos to learn from and 8 to test on."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    for part, count in (("train", 8), ("test", 4)):
        for channel, name in enumerate(("Blue_things", "red")):
            (folder / part / name).mkdir(parents=True)
            for k in range(count):
                pixels = rng.integers(0, 90, (48, 48, 3), dtype=np.uint8)
                pixels[..., 2 - 2 * channel] += 120
                Image.fromarray(pixels).save(folder / part / name / f"{k}.png")
    return folder


def make(recipe: ModuleType, photos: Path, folder: Path, *more: str) -> dict[str, Tensor]:
    where = ["--data", photos, "--out", folder / "out", "--work", folder / "work"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["recipe", *map(str, where), *OPTIONS, *UNDER_MASKS, *more])
        recipe.main()
    return load_file(folder / "out" / "photo_classifier.safetensors")


def test_weights_record_and_card(
    photo_classifier: ModuleType, photos: Path, tmp_path: Path
) -> None:
    weights = make(photo_classifier, photos, tmp_path)
    PhotoNet(2).load_state_dict(weights)
    record = json.loads((tmp_path / "out/photo_classifier.json").read_text())
    assert record["labels"] == ["blue things", "red"]
    assert record["pixels"] == 64
    card = (tmp_path / "out/MODEL_CARD.md").read_text()
    assert f"top-1 {100 * record['test_top1']:.1f} %" in card
    assert "mask_steps 6" in card
    assert "Blue_things | 8 | 4 |" in card
    assert not list(tmp_path.rglob("*.part"))


def test_the_second_stage_goes_on_to_the_same_weights(
    photo_classifier: ModuleType, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import photo_classifier_masks as masks

    whole = make(photo_classifier, photos, tmp_path / "whole")
    first = make(photo_classifier, photos, tmp_path / "first", "--mask-steps", "0")
    assert any(not torch.equal(whole[name], first[name]) for name in whole)  # it trains

    monkeypatch.setattr(masks, "SAVED_EVERY", 4)
    keep = masks.keep

    def keep_and_stop(*state: object) -> None:
        keep(*state)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(masks, "keep", keep_and_stop)
    with pytest.raises(KeyboardInterrupt):
        make(photo_classifier, photos, tmp_path / "stopped")
    assert not (tmp_path / "stopped/out").exists()
    monkeypatch.setattr(masks, "keep", keep)
    again = make(photo_classifier, photos, tmp_path / "stopped")
    assert all(torch.equal(whole[name], again[name]) for name in whole)

    with pytest.raises(SystemExit, match=r"masks\.pt: made with .*; remove it or use those"):
        make(photo_classifier, photos, tmp_path / "stopped", "--mask-rate", "0.5")


@pytest.mark.slow
def test_cifars_recipe_runs_its_stages_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: Path
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    import hardened

    stages = [options | {"steps": 2, "batch_size": 8} for options in hardened.STAGES]
    monkeypatch.setattr(hardened, "STAGES", stages)
    monkeypatch.setattr(hardened, "IMAGES", 150)
    monkeypatch.setattr(hardened, "OUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["hardened.py", "cifar10"])
    hardened.main()
    records = json.loads((tmp_path / "cifar10.json").read_text())
    assert len(records) == len(stages) == 3
    for options, record in zip(stages, records, strict=True):
        assert record["steps"] == 2
        assert record["photos"] + record["held_out"] == 150
        assert "squares" not in options or tuple(record["squares"]) == options["squares"]
    weights = load_file(tmp_path / "cifar10.safetensors")
    hardened._cifar.resnet20().model.load_state_dict(weights)
    assert not list(tmp_path.glob("*.part"))
