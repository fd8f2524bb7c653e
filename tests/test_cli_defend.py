"""``interlock defend``: what it writes, what it says, and how it ends."""

from __future__ import annotations

import csv
import json
import re
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest
from typer.testing import CliRunner

from interlock.cli import app
from interlock.defend import ConceptShield
from interlock.models import load_classifier
from interlock.names import ATTACKS
from tests.test_cli import one_error
from tests.tiny import LABELS, photo, tiny

TINY = "tests.tiny:tiny"


def crop(source: str, path: Path, seed: int) -> None:
    """A random square of a photo that scikit-image ships."""
    rng = np.random.default_rng(seed)
    with Image.open(BytesIO(files("skimage.data").joinpath(source).read_bytes())) as photo:
        side = int(rng.uniform(0.5, 1) * min(photo.size))
        left, top = (int(rng.integers(n - side + 1)) for n in photo.size)
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.convert("RGB").crop((left, top, left + side, top + side)).resize((160, 160)).save(
            path
        )


def defend(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["defend", *map(str, arguments)])


def told(*arguments: object) -> dict[str, Any]:
    result = defend(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    value: dict[str, Any] = json.loads(result.stdout)
    return value


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of class folders; fitting takes no notice of the classes."""
    folder = tmp_path_factory.mktemp("clean")
    for seed in range(24):
        name = ("coffee.png", "chelsea.png", "rocket.jpg")[seed % 3]
        crop(name, folder / name.partition(".")[0] / f"{seed:02}.png", seed)
    return folder


@pytest.fixture(scope="module")
def fitted(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A shield file, and what fit told."""
    out = tmp_path_factory.mktemp("fit")
    value = told(
        "fit", clean, "--out", out / "new" / "shield.safetensors", "--report", out / "concepts",
        "--concepts", 4,
    )  # fmt: skip
    return out / "new" / "shield.safetensors", value


@pytest.fixture(scope="module")
def motorbike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class folder with one photo that the embedded classifier gets right."""
    path = tmp_path_factory.mktemp("labelled") / "Motorbikes" / "one.png"
    path.parent.mkdir()
    with Image.open(
        BytesIO(files("skimage.data").joinpath("motorcycle_left.png").read_bytes())
    ) as photo:
        photo.resize((160, 160)).save(path)
    return path


def test_fit_writes_a_shield_and_draws_its_concepts(fitted: tuple[Path, dict[str, Any]]) -> None:
    file, value = fitted
    assert value["shield"] == str(file)
    assert (value["images"], value["concepts"], value["failed"]) == (24, 4, [])
    shield = ConceptShield.load(file, load_classifier("embedded").model)
    assert list(shield.foreignness.layers) == value["layers"]
    assert shield.settings.mirror is value["mirror"]
    page = Path(value["report"]).read_text()
    assert page.count("<strong>concept ") == 4
    with Image.open(Path(value["report"]).parent / "concepts.png") as figure:
        assert figure.width > 500


def test_fit_says_how_many_clean_photos_it_masks_and_on_how_many_that_stands(
    clean: Path,
    fitted: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, value = fitted
    shield = ConceptShield.load(fitted[0], load_classifier("embedded").model)
    masked = int(shield.settings.false_mask_rate * 12)
    assert (value["images"], value["held_out"], value["few"]) == (24, 12, True)
    assert value["mask_rate"] == masked / 12
    interval = binomtest(masked, 12).proportion_ci(0.95, "exact")
    assert value["mask_rate_interval"] == [interval.low, interval.high]
    photos, out = tmp_path / "photos", tmp_path / "shield.safetensors"
    for seed in range(20):
        photo(photos / f"{seed}.png", seed)
    arguments = ["fit", photos, "--model", TINY, "--out", out, "--concepts", 4]
    said = defend(*arguments).stdout
    assert re.search(
        r"masks \d of 10 photos held out; of others like these, [\d.]+% to [\d.]+% \(95 %\)", said
    )
    assert "20 photos are few: give at least 100, from where the shield will work" in said
    monkeypatch.setattr("interlock.cli.defend.fit.FEW", 20)
    assert "few" not in defend(*arguments).stdout


def test_a_shield_is_the_same_bytes_for_the_same_seed(clean: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{k}.safetensors" for k in range(3)]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        told("fit", clean, "--out", file, "--model", TINY, "--concepts", 4, "--seed", seed)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other


@pytest.mark.parametrize("mirror", [True, False])
def test_the_mirror_is_a_choice(clean: Path, tmp_path: Path, mirror: bool) -> None:
    out = tmp_path / "s.safetensors"
    flag = "--mirror" if mirror else "--no-mirror"
    value = told("fit", clean, "--out", out, "--model", TINY, "--concepts", 2, flag)
    assert value["mirror"] is mirror
    shield = ConceptShield.load(out, tiny())
    assert shield.settings.mirror is mirror


def test_attack_writes_a_photo_whose_sidecar_says_what_was_done(
    motorbike: Path, tmp_path: Path
) -> None:
    options = ["--steps", 4, "--area", 0.03, "--location", "20,30", "--seed", 5]
    (image,) = told("attack", motorbike, "--out", tmp_path, *options)["images"]
    sidecar = json.loads((tmp_path / "one.json").read_text())
    assert {k: v for k, v in image.items() if k not in ("files", "reused")} == sidecar
    (place,) = sidecar["places"]
    assert (place["top"], place["left"], sidecar["seed"]) == (20, 30, 5)
    assert sidecar["before"]["label"] == "motorbikes"
    assert sidecar["after"]["probability"] != sidecar["before"]["probability"]
    before = np.asarray(Image.open(motorbike), int)
    with Image.open(image["files"]["png"]) as patched:
        changed = np.abs(np.asarray(patched, int) - before).max(axis=2) > 1
    rows, columns = np.nonzero(changed)
    assert (rows.min(), columns.min()) == (20, 30)
    assert rows.max() < 20 + place["height"]
    assert columns.max() < 30 + place["width"]
    classifier = load_classifier("embedded")
    with torch.no_grad(), Image.open(image["files"]["png"]) as patched:
        logits = classifier.model(classifier.preprocess(patched)[None])[0]
    assert classifier.label(int(logits.argmax())) == sidecar["after_png"]["label"]
    again = told("attack", motorbike, "--out", tmp_path / "again", *options)["images"][0]
    assert Path(again["files"]["png"]).read_bytes() == (tmp_path / "one.png").read_bytes()


def test_attack_has_targets_shapes_numbers_and_norms(motorbike: Path, tmp_path: Path) -> None:
    """A large patch with the same budget is led to the label that was asked for."""
    fixed = ["attack", motorbike, "--area", 0.2, "--steps", 30, "--out", tmp_path]
    (image,) = told(*fixed, "--target", "Cup", "--shape", "disc", "--patches", 2)["images"]
    assert (image["target"], image["after_png"]["label"], image["fooled"]) == ("cup", "cup", True)
    options = image["made_from"]["attack"]
    assert (options["shape"], options["patches"], options["targeted"]) == ("disc", 2, True)
    one, two = image["places"]
    assert one["height"] == one["width"] == two["width"] == 57  # 2560 pixels each, rounded
    assert image["covered"] == pytest.approx(0.2, abs=0.005)
    with Image.open(image["files"]["png"]) as patched, Image.open(motorbike) as before:
        moved = np.abs(np.asarray(patched, int) - np.asarray(before, int)).max(axis=2) > 1
    for place in (one, two):  # nothing in the corners of a disc
        assert not moved[place["top"], place["left"]]
        assert moved[place["top"] + 20 : place["top"] + 37, place["left"] + 20].any()

    (faint,) = told(*fixed, "--norm", "l2", "--epsilon", 2, "--location", "search", "--steps", 10)[
        "images"
    ]
    classifier = load_classifier("embedded")
    with Image.open(faint["files"]["png"]) as patched, Image.open(motorbike) as before:
        change = classifier.preprocess(patched) - classifier.preprocess(before.convert("RGB"))
    assert 1.5 < float(change.norm()) < 2.1  # rounded to 8 bits


def test_apply_tells_of_each_photo_in_a_table_and_in_pictures(
    motorbike: Path, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    told("attack", motorbike, "--out", tmp_path / "in", "--steps", 4, "--area", 0.04)
    value = told("apply", tmp_path / "in", "--shield", fitted[0], "--out", tmp_path / "out")
    (image,) = value["images"]
    with (tmp_path / "out" / "labels.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["before"] == image["before"]
    assert row["after"] == image["after"]
    classifier = load_classifier("embedded")
    shield = ConceptShield.load(fitted[0], classifier.model)
    with Image.open(tmp_path / "in" / "one.png") as photo:
        seen = shield.inspect(classifier.preprocess(photo))
    assert image["after"] == classifier.label(seen.label)
    assert image["tampered"] == seen.tampered
    with Image.open(image["mask"]) as mask:
        assert mask.size == (160, 160)
        assert np.array_equal(np.asarray(mask) > 0, seen.mask.numpy())
    assert Path(image["overlay"]).is_file()
    page = Path(value["report"]).read_text()
    assert "one.mask.png" in page
    assert "What the answer rests on" not in page


def test_apply_shows_the_set_that_an_answer_rests_on(
    motorbike: Path, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    fixed = ["apply", motorbike, "--shield", fitted[0], "--out", tmp_path]
    assert "strongest" not in told(*fixed)["images"][0]
    value = told(*fixed, "--sets")
    (image,) = value["images"]
    assert not image["reused"]  # another result than without sets
    found = image["strongest"]
    assert 0 < found["share"] <= 1
    assert 0 <= found["under_mask"] <= 1
    assert found["without"] < image["before_probability"]
    assert "What the answer rests on" in Path(value["report"]).read_text()
    (again,) = told(*fixed, "--sets")["images"]
    assert again["reused"]
    assert again["strongest"] == found


def test_evaluate_measures_against_the_names_of_the_folders(
    motorbike: Path, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = motorbike.parent.parent
    arguments = ["evaluate", folder, "--shield", fitted[0], "--areas", "0.01,0.04", "--steps", 3]
    value = told(*arguments, "--out", tmp_path)
    assert value["images"] == 1
    assert value["clean"]["undefended"]["hits"] == 1
    assert [row["area"] for row in value["patched"]] == [0.01, 0.04]
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert written == {k: v for k, v in value.items() if k in written}
    assert "Wilson" in Path(value["report"]).read_text()
    plain = defend(*arguments, "--out", tmp_path)
    assert plain.exit_code == 0
    _, clean, *lines = plain.stdout.splitlines()
    assert clean.split() == ["clean", "passes"]
    attacked = next(k for k, line in enumerate(lines) if line.startswith("patch"))
    assert lines[attacked].split() == ["patch", "1", "%", "4", "%", "passes"]
    assert [line.split("  ")[1] for line in lines[attacked + 1 : attacked + 5]] == [
        "undefended",
        "shield",
        "ceiling",
        "masked by the shield",
    ]


def test_evaluate_runs_all_attacks_against_all_peers(tmp_path: Path) -> None:
    clean = torch.rand(48, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    shield = ConceptShield.fit(tiny(), clean, concepts=2).save(tmp_path / "s.safetensors")
    photo(tmp_path / "in" / LABELS[0] / "one.png")
    value = told(
        "evaluate", tmp_path / "in", "--shield", shield, "--model", TINY, "--areas", "0.05",
        "--attack", "all", "--steps", 1, "--restarts", 1, "--queries", 2,
        "--peer", "paper", "--peer", "patchcleanser,lgs", "--assumed-area", 0.1,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert [row["attack"] for row in value["patched"]] == list(ATTACKS)
    rows = {
        "undefended", "shield", "ceiling", "paper", "patchcleanser", "patchcleanser for 10 %", "lgs"
    }  # fmt: skip
    for row in value["patched"]:
        assert rows < set(row)
        assert {row[name]["count"] for name in rows} == {1}
    assert value["clean"]["patchcleanser for 10 %"]["passes"] >= 36
    (by_area,) = value["clean_by_area"]
    assert (by_area["area"], by_area["patchcleanser"]["count"]) == (0.05, 1)
    (worst,) = value["worst"]
    assert (worst["area"], worst["trials"]) == (0.05, len(ATTACKS))
    assert worst["shield"]["hits"] == min(row["shield"]["hits"] for row in value["patched"])
    page = Path(value["report"]).read_text()
    assert all(f"<dt>{name}</dt>" in page for name in ATTACKS)
    assert value["made_from"]["attacks"]["black-box"]["queries"] == 2


def test_a_bad_shield_file_is_one_line(
    motorbike: Path, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"no\nshield")
    for name, reason in (("bad.safetensors", "not a fitted shield"), ("none", "no such file")):
        result = defend("apply", motorbike, "--shield", tmp_path / name, "--out", tmp_path / "o")
        assert reason in one_error(result)
    fixed = ["--shield", fitted[0], "--model", TINY, "--out", tmp_path / "o"]
    assert "another model" in one_error(defend("apply", motorbike, *fixed))
    assert "another model" in one_error(defend("evaluate", motorbike.parent.parent, *fixed))
    assert not (tmp_path / "o" / "index.html").exists()


def test_bad_folders_are_one_line(
    clean: Path, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "s.safetensors"
    assert "no image files" in one_error(defend("fit", tmp_path / "empty", "--out", out))
    assert "at least" in one_error(defend("fit", clean / "coffee", "--out", out))
    assert not out.exists()
    for folder, reason in ((tmp_path / "empty", "no class folders"), (clean, "name class folders")):
        result = defend("evaluate", folder, "--shield", fitted[0], "--out", tmp_path / "o")
        assert reason in one_error(result)
    result = defend("fit", tmp_path / "empty", "--out", out, "--json")
    assert json.loads(result.stdout)["failed"]


def test_an_unreadable_photo_does_not_stop_the_others(motorbike: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    result = defend(
        "attack", tmp_path / "broken.png", motorbike, "--steps", 1, "--out", tmp_path / "o"
    )
    assert "the file is empty" in one_error(result)
    assert (tmp_path / "o" / "one.png").is_file()


def test_what_cannot_be_done_is_one_line(
    motorbike: Path, fitted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out = ["--out", tmp_path / "o"]
    measure = ["evaluate", motorbike.parent.parent, "--shield", fitted[0], "--steps", 1, *out]
    attack = ["attack", motorbike, "--steps", 1, *out]
    for arguments, reason in (
        ([*attack, "--area", 0.9, "--shape", "rectangle"], "larger than the 160x160 image"),
        ([*attack, "--area", 0.9, "--patches", 2], "do not fit beside each other"),
        ([*attack, "--location", "1,1", "--patches", 2], "a fixed location holds one patch"),
        ([*attack, "--target", "spaceship"], "the model has no such label"),
        ([*measure, "--areas", 0.9, "--attack", "universal"], "use a smaller area"),
        ([*measure, "--areas", 0.9, "--shape", "disc"], "larger than the 160x160 image"),
        (["fit", motorbike.parent, "--out", tmp_path], "is a folder"),
        (["attack", motorbike, "--model", "tests.test_cli:not_a_number", *out], "not finite"),
    ):
        assert reason in one_error(defend(*arguments))
    labelled = tmp_path / "labelled" / "Motorbikes"
    labelled.mkdir(parents=True)
    (labelled / "cut.png").write_bytes(motorbike.read_bytes()[:2000])
    result = defend(*measure[:1], labelled.parent, *measure[2:], "--json")
    assert "cut.png: cannot be decoded" in one_error(result)
    assert "images" not in json.loads(result.stdout)
    (labelled / "whole.png").write_bytes(motorbike.read_bytes())
    result = defend(*measure[:1], labelled.parent, *measure[2:], "--json", "--areas", 0.02)
    assert "cut.png: cannot be decoded" in one_error(result)
    assert json.loads(result.stdout)["images"] == 1


def test_usage_errors_exit_2(motorbike: Path) -> None:
    for wrong in (
        ["attack", motorbike, "--location", "here"],
        ["attack", motorbike, "--area", "0.1,0.2"],
        ["attack", motorbike, "--area", "2"],
        ["attack", motorbike, "--shape", "star"],
        ["attack", motorbike, "--seed", -1],
        ["attack", motorbike, "--norm", "l1"],
        ["evaluate", motorbike, "--shield", "s", "--areas", "much"],
        ["evaluate", motorbike, "--shield", "s", "--attack", "patch,glued"],
        ["evaluate", motorbike, "--shield", "s", "--peer", "friend"],
        ["evaluate", motorbike, "--shield", "s", "--assumed-area", "0.1"],
        ["evaluate", motorbike, "--shield", "s", "--peer", "all", "--assumed-area", "3"],
        ["apply", motorbike],
        ["apply", motorbike, "--certified", "card.json", "--sets"],
        ["fit"],
    ):
        assert defend(*wrong).exit_code == 2
    assert "leaves the" in one_error(defend("attack", motorbike, "--location", "159,0"))
