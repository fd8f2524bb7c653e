"""``interlock defend harden``: a folder that is a model, and says how it came about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from interlock._weights import fingerprint
from interlock.cli import app
from interlock.defend import harden
from interlock.errors import ModelError
from interlock.models import load_classifier
from tests.test_cli import one_error
from tests.tiny import LABELS, photo, preprocess, tiny

TINY = "tests.tiny:tiny"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["defend", "harden", *map(str, arguments)])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(25):
        photo(folder / LABELS[1] / f"{seed:02}.png", seed)
    return folder


def test_a_folder_that_is_a_model(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "hard"
    fixed = [photos, "--model", TINY, "--steps", 2, "--batch-size", 4, "--out", out]
    result = run(*fixed, "--labelled", "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    # every photo is certified already, so that there is nothing to gain
    assert (value["kept"], value["photos"], value["held_out"], value["steps"]) == (False, 20, 5, 2)
    assert "certified did not rise above 1.000" in value["reason"]
    assert value["clean"] == [1.0, 1.0]
    loaded = load_classifier(out)
    assert (loaded.labels, loaded.name) == (LABELS, "hard")
    assert fingerprint(loaded.model) == value["weights"] == fingerprint(tiny())
    assert "not hardened, the weights are the original's" in run(*fixed).stdout


def test_new_weights_are_loaded(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(model: nn.Module, images: Any, **options: Any) -> nn.Module:
        made = harden(model, images, **options)
        with torch.no_grad():
            made.head.bias += 1
        return made

    monkeypatch.setattr("interlock.cli.defend.harden.harden", other)
    out = tmp_path / "hard"
    result = run(photos, "--model", TINY, "--steps", 1, "--out", out)
    assert result.exit_code == 0, result.output
    loaded = load_classifier(str(out))
    assert torch.equal(loaded.model.head.bias, tiny().head.bias + 1)
    assert loaded.preprocess is preprocess
    record = json.loads((out / "derived.json").read_text())
    for change, message in [
        ({"base": "tests.tiny:other"}, "whose weights are others now"),
        ({"weights": "0" * 64}, "damaged; make it again"),
        ({"base": str(out)}, "made of itself"),
    ]:
        (out / "derived.json").write_text(json.dumps(record | change))
        with pytest.raises(ModelError, match=message):
            load_classifier(out)
    (out / "derived.json").write_text("{")
    with pytest.raises(ModelError, match="damaged; make it again"):
        load_classifier(out)
    (out / "derived.json").write_text(json.dumps(record))
    (out / "weights.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="not the weights of this model"):
        load_classifier(out)


def test_no_model_is_written_over_itself(photos: Path, tmp_path: Path) -> None:
    result = run(photos, "--model", tmp_path, "--out", tmp_path)
    assert "is the model given; choose another folder by --out" in one_error(result)


def test_too_few_photos(tmp_path: Path) -> None:
    for seed in range(3):
        photo(tmp_path / "in" / f"{seed}.png", seed)
    result = run(tmp_path / "in", "--model", TINY, "--out", tmp_path / "o")
    assert "3 clean images; give at least 20" in one_error(result)
