"""What dry runs say and leave alone, what a model never sees, and how far a photo is."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import (
    MobileNetV1ImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
)
from typer.testing import CliRunner

from interlock.cli import app
from interlock.cli.terminal import Terminal
from interlock.defend import ConceptShield
from interlock.explain import HSets
from interlock.models import load_classifier
from tests.lab.cheap import PIXELS, write_images, write_study
from tests.networks import SmallCNN
from tests.tiny import model, photo, preprocess, tiny

TINY = ["--model", "tests.tiny:tiny"]


def cropping() -> nn.Module:
    """Sees the middle half of each side."""
    network = model(SmallCNN())

    def middle(image: Image.Image) -> Tensor:
        width, height = image.size
        box = (width // 4, height // 4, width - width // 4, height - height // 4)
        return preprocess(image.crop(box))

    network.preprocess = middle
    return network


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(25):
        photo(folder / "dog" / f"{seed:02}.png", seed, (48, 40))
    return folder


@pytest.fixture(scope="module")
def shield(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    classifier = load_classifier("tests.tiny:tiny")
    images = [Image.open(path) for path in sorted((photos / "dog").iterdir())]
    batch = torch.stack([classifier.preprocess(image) for image in images])
    file = tmp_path_factory.mktemp("shield") / "shield.safetensors"
    ConceptShield.fit(classifier.model, batch, concepts=4).save(file)
    return file


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        (["explain"], ["--prior", "grid", "--steps", 2]),
        (["defend", "attack"], ["--steps", 2]),
        (["defend", "fit"], ["--concepts", 4]),
        (["defend", "harden"], ["--steps", 3, "--batch-size", 4]),
    ],
)
def test_a_dry_run_times_one_photo_and_writes_nothing(
    verb: list[str], options: list[object], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = [*verb, photos / "dog", *TINY, *options, "--out", out, "--dry-run"]
    result = run(*arguments)
    assert result.stdout.startswith("25 photos")
    assert result.stdout.endswith("; nothing is written\n")
    value = json.loads(run(*arguments, "--json").stdout)
    assert (value["dry_run"], value["photos"]) == (True, 25)
    assert 0 < value["seconds"] < 600
    assert not out.exists()


def unreadable(path: Path) -> Path:
    path.write_bytes(b"no photo")
    return path


def test_a_dry_run_of_apply_knows_what_is_finished(
    photos: Path, shield: Path, tmp_path: Path
) -> None:
    files = sorted((photos / "dog").iterdir())[:4]
    card = tmp_path / "card"
    certify = ["defend", "certify", photos, *TINY, "--area", "0.04", "--masks", 2]
    run(*certify, "--limit", 3, "--maps", 0, "--out", card)
    for name, by in (("shield", shield), ("certified", card / "card.json")):
        out = tmp_path / name
        asked = ["defend", "apply", *TINY, f"--{name}", by, "--out", out, "--json"]
        value = json.loads(run(*asked, *files, "--dry-run").stdout)
        assert (value["photos"], value["left"], value["dry_run"]) == (4, 4, True)
        assert 0 < value["seconds"] < 600
        assert not out.exists()
        run(*asked, *files[:3])
        value = json.loads(run(*asked, *files, "--dry-run").stdout)
        assert value["left"] == 1
        value = json.loads(run(*asked, *files, "--dry-run", "--force").stdout)
        assert value["left"] == 4
        damaged = unreadable(tmp_path / f"{name}.png")
        result = CliRunner().invoke(
            app, [str(one) for one in [*asked, *files, damaged, "--dry-run"]]
        )
        assert result.exit_code == 1
        assert damaged.name in result.stderr
        assert json.loads(result.stdout)["left"] == 1


def test_a_dry_run_of_evaluate(photos: Path, shield: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fixed = ["--shield", shield, *TINY, "--areas", "0.1,0.2", "--steps", 2, "--out", out]
    arguments = ["defend", "evaluate", photos, *fixed, "--limit", 7, "--dry-run"]
    value = json.loads(run(*arguments, "--json").stdout)
    assert value["photos"] == 7
    assert value["seconds"] > 0
    assert "7 photos, 3 times each (clean and attacked), 3 rows" in run(*arguments).stdout
    assert not out.exists()


def test_a_dry_run_of_a_study(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 3)
    study = write_study(tmp_path, PIXELS, 'method = "gradient-input"')
    out = tmp_path / "out"
    asked = ["lab", "run", study, "--out", out, "--workers", 1, "--json"]
    before = json.loads(run(*asked, "--dry-run").stdout)
    assert not out.exists()
    done = json.loads(run(*asked).stdout)
    assert before["items"] == before["left"] == done["items"] == done["computed"]
    assert (before["preparations"], before["seconds"] > 0) == (0, True)
    after = json.loads(run(*asked, "--dry-run").stdout)
    assert (after["items"], after["left"], after["seconds"]) == (done["items"], 0, 0.0)


@pytest.mark.slow
def test_what_explain_has_finished_takes_no_time(photos: Path, tmp_path: Path) -> None:
    files = sorted((photos / "dog").iterdir())[:2]
    fixed = ["--prior", "grid", "--steps", 2, "--out", tmp_path]
    run("explain", files[0], *fixed)
    value = json.loads(run("explain", *files, *fixed, "--dry-run", "--json").stdout)
    assert (value["photos"], value["left"]) == (2, 1)
    value = json.loads(run("explain", files[0], *fixed, "--dry-run", "--json").stdout)
    assert (value["left"], value["seconds"]) == (0, 0.0)


def test_apply_says_once_what_the_model_never_sees(
    photos: Path, shield: Path, tmp_path: Path
) -> None:
    photo(tmp_path / "wide.png", 3, (80, 40))
    files = [*sorted((photos / "dog").iterdir())[:3], tmp_path / "wide.png"]
    fixed = [*files, "--shield", shield, "--out", tmp_path / "out"]
    result = run("defend", "apply", *fixed, "--model", f"{__name__}:cropping")
    (line,) = result.stderr.splitlines()
    assert line.startswith("the model's preprocessing cuts off up to 7")  # 75 %, to a pixel
    assert line.endswith("a patch there is neither seen nor masked; let its preprocess keep all")
    arguments = ["defend", "apply", *fixed, "--json"]
    value = json.loads(run(*arguments, "--model", f"{__name__}:cropping").stdout)
    assert value["never_seen"] == pytest.approx(0.75, abs=0.03)
    whole = run(*arguments, *TINY)
    assert (whole.stderr, json.loads(whole.stdout)["never_seen"]) == ("", 0.0)


def test_a_saved_model_that_crops_is_told_of_whole_photos(tmp_path: Path) -> None:
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=4
    )
    torch.manual_seed(0)
    folder = tmp_path / "model"
    ResNetForImageClassification(config).save_pretrained(folder)
    MobileNetV1ImageProcessor(
        size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56}
    ).save_pretrained(folder)
    classifier = load_classifier(str(folder))
    files = [photo(tmp_path / "in" / f"{k}.png", k, (90, 90)) for k in range(20)]
    batch = torch.stack([classifier.preprocess(Image.open(file)) for file in files])
    ConceptShield.fit(classifier.model, batch, concepts=4).save(tmp_path / "s.safetensors")
    fixed = ["--model", folder, "--shield", tmp_path / "s.safetensors", "--out", tmp_path / "out"]
    result = run("defend", "apply", files[0], *fixed)
    cut = 1 - (56 / 64) ** 2  # 23 %
    (share,) = re.findall(r"cuts off (\d+)% of a photo", result.stderr)
    assert int(share) == pytest.approx(100 * cut, abs=2)
    assert result.stderr.endswith("; --whole takes whole photos\n")
    assert "cuts off" not in run("defend", "apply", files[0], *fixed, "--whole").stderr


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_first_photo_has_an_estimate_from_its_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", FakeTerminal())
    terminal = Terminal(as_json=True)
    for _ in terminal.track(["one", "two"], 2, str):
        (task,) = terminal._progress.tasks
        if task.completed < 1:
            assert task.time_remaining is None
            time.sleep(0.02)
            terminal.part(0.25)
            assert task.time_remaining is not None
            assert 0.02 * 7 <= task.speed**-1 * 1.75 <= 60
    assert terminal._progress is None
    terminal.part(0.5)  # outside of an item: nobody is told


def test_explain_tells_of_its_stages() -> None:
    shares: list[float] = []
    network = tiny()
    method = HSets(network, prior="grid", steps=2)
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    alone = method.explain(x[0], told=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == 4
    assert shares[-1] == 1.0
    assert torch.equal(alone.saliency, method.explain(x[0]).saliency)
    both: list[float] = []
    method.explain(x, told=both.append)
    assert both == [*(share / 2 for share in shares), *((1 + share) / 2 for share in shares)]
