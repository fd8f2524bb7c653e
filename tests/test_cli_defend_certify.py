"""``interlock defend certify``: the card, its pages, and what makes it true."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from interlock._weights import fingerprint
from interlock.cli import app
from interlock.defend import CertifiedShield, PatchCard
from tests.test_cli import one_error
from tests.test_cli_defend_resume import fickle as tiny
from tests.tiny import LABELS, photo, preprocess

TINY = "tests.test_cli_defend_resume:fickle"
PLAIN: dict[str, Any] = {"inner": "plain"}
"""With its maps filled the tiny model keeps its label nowhere."""


def defend(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["defend", *map(str, arguments)])


def answer(*arguments: object) -> dict[str, Any]:
    result = defend(*arguments, "--model", TINY, "--json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen photos, most of them under the label that the model gives."""
    folder = tmp_path_factory.mktemp("labelled")
    model = tiny()
    for seed in range(16):
        path = photo(folder / "new.png", seed)
        with Image.open(path) as image:
            label = int(model(preprocess(image)[None]).argmax())
        name = LABELS[label if seed % 5 else (label + 1) % 4]
        (folder / name).mkdir(exist_ok=True)
        path.rename(folder / name / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def certified(
    labelled: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("out")
    options = ["--area", 0.02, "--masks", 2, "--inner", "plain", "--maps", 3]
    return out, answer("certify", labelled, *options, "--out", out)


def test_the_card_is_what_the_library_says(
    labelled: Path, certified: tuple[Path, dict[str, Any]]
) -> None:
    out, value = certified
    files = sorted(labelled.glob("*/*.png"))
    x = torch.stack([preprocess(Image.open(path)) for path in files])
    y = torch.tensor([LABELS.index(path.parent.name) for path in files])
    safe = CertifiedShield(tiny(), area=0.02, masks=2, **PLAIN)
    shares = {
        "certified": safe.certified(x, y),
        "answered": safe.predict(x) == y,
        "clean": tiny()(x).argmax(dim=1) == y,
        "detected": CertifiedShield(tiny(), area=0.02, masks=2, mode="detect", **PLAIN).certified(
            x, y
        ),
    }
    for name, right in shares.items():
        assert value[name] == pytest.approx(float(right.float().mean()))
    assert value["clean"] == 12 / 16
    card = json.loads((out / "card.json").read_text())
    assert {k: value[k] for k in card} == card
    assert card["lower"] < card["certified"]
    assert card["inner"] == "plain"
    assert card["weights"] == fingerprint(tiny())
    assert len(value["safe_places"]) == 3
    for source, share in value["safe_places"].items():
        k = files.index(Path(source))
        assert share == pytest.approx(float(safe.safe_places(x[k], int(y[k])).float().mean()))
    page = (out / "index.html").read_text()
    assert "whatever one square patch of 2.0% of the image shows" in page


def test_it_goes_on_and_repeats_nothing(
    labelled: Path, certified: tuple[Path, dict[str, Any]]
) -> None:
    out, value = certified
    assert value["reused"] == 0
    (out / "photos" / "3.json").unlink()
    fixed = ["certify", labelled, "--masks", 2, "--inner", "plain", "--maps", 0]
    forged = out / "photos" / "4.json"
    text = forged.read_text()
    now = '"certified": true' in text
    forged.write_text(text.replace(*(f'"certified": {str(v).lower()}' for v in (now, not now))))
    assert forged.read_text() != text
    again = answer(*fixed, "--area", 0.02, "--out", out)
    assert again["reused"] == 14
    assert {k: again[k] for k in ("lower", "bounds", "passes")} == {
        k: value[k] for k in ("lower", "bounds", "passes")
    }
    assert answer(*fixed, "--area", 0.03, "--out", out)["reused"] == 0


def test_a_dry_run_says_how_long_and_writes_nothing(labelled: Path, tmp_path: Path) -> None:
    value = answer("certify", labelled, "--dry-run", "--out", tmp_path / "o")
    assert value["photos"] == 16
    assert 0 < value["seconds_at_least"] < value["seconds_at_most"]
    assert not (tmp_path / "o").exists()
    result = defend("certify", labelled, "--dry-run", "--model", TINY)
    assert result.stderr.startswith("16 photos: ")


def test_copies_count_once(
    labelled: Path, certified: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = shutil.copytree(labelled, tmp_path / "in")
    for path in sorted(folder.glob("*/*.png")):
        for n in range(3):
            shutil.copy(path, path.with_stem(f"{path.stem}-{n}"))
    fixed = ["--masks", 2, "--inner", "plain", "--maps", 0]
    value = answer("certify", folder, *fixed, "--out", tmp_path / "o")
    assert (value["photos"], value["copies"]) == (16, 48)
    assert value["lower"] == certified[1]["lower"]


def test_a_drawn_part(labelled: Path, tmp_path: Path) -> None:
    value = answer("certify", labelled, "--masks", 2, "--maps", 0, "--limit", 5, "--out", tmp_path)
    assert value["photos"] == 5
    assert PatchCard.load(tmp_path / "card.json").certified.photos == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--masks", 40], "--masks 40: a patch of 5x5 pixels has 12 places"),
        (["--area", 0.9], "leaves nothing of an image side of 16; use a smaller area"),
        (["--confidence", 95], "--confidence 95.0; use a probability between 0 and 1"),
        (["--fill", "drop"], "has no tokens that can be dropped"),
    ],
)
def test_what_cannot_be_certified(
    labelled: Path, tmp_path: Path, options: list[object], message: str
) -> None:
    result = defend("certify", labelled, "--model", TINY, "--out", tmp_path / "o", *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_that_is_no_class(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "unicorn" / "1.png")
    result = defend("certify", tmp_path / "in", "--model", TINY, "--out", tmp_path / "o")
    assert "name class folders as the model's labels or numbers" in one_error(result)


def test_apply_says_what_the_certified_shield_says(
    labelled: Path, certified: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    card = certified[0] / "card.json"
    fixed = ["apply", labelled, "--certified", card, "--out", tmp_path]
    value = answer(*fixed)
    x = torch.stack([preprocess(Image.open(image["source"])) for image in value["images"]])
    seen = CertifiedShield(tiny(), area=0.02, masks=2, **PLAIN).verdict(x)
    assert [LABELS.index(image["label"]) for image in value["images"]] == seen.labels.tolist()
    for name in ("assured", "alarm", "decided", "passes"):
        assert [image[name] for image in value["images"]] == getattr(seen, name).tolist()
    assert seen.assured.any()
    assert not seen.assured.all()
    assert (tmp_path / "labels.csv").read_text().count("\n") == 17
    for image, hidden in zip(value["images"], seen.hidden, strict=True):
        with Image.open(image["mask"]) as mask:
            assert torch.equal(torch.from_numpy(np.array(mask) > 0), hidden[0])
    again = answer(*fixed)
    assert all(image["reused"] for image in again["images"])
    stem = Path(value["images"][0]["mask"]).name.removesuffix(".mask.png")
    text = (tmp_path / f"{stem}.json").read_text()
    (tmp_path / f"{stem}.json").write_text(text.replace('"passes": ', '"passes": 1'))
    forged = answer(*fixed)["images"][0]
    assert (forged["reused"], forged["passes"]) == (False, int(seen.passes[0]))


def test_apply_refuses_what_the_card_is_not_about(
    labelled: Path, certified: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    card = certified[0] / "card.json"
    out = ["--out", tmp_path / "o"]
    result = defend("apply", labelled, "--certified", card, "--model", "tests.tiny:other", *out)
    assert "the card is of another model" in one_error(result)
    result = defend("apply", labelled, "--certified", card, "--model", TINY, "--whole", *out)
    assert result.exit_code == 1
    result = defend("apply", labelled, "--certified", card, "--model", TINY, "--shield", card, *out)
    assert "the card is of another shield; leave it out" in one_error(result)
    result = defend("apply", labelled, "--model", TINY, *out)
    assert result.exit_code == 2
    assert "give --shield, --certified, or both" in result.stderr


def listed(folder: Path, table: Path, groups: int, copies: int = 1) -> Path:
    """The photos of a folder in a table, in so many scenes."""
    photos = sorted(folder.rglob("*.png"))
    rows = [f"{path},{path.parent.name},scene {k % groups}" for k, path in enumerate(photos)]
    table.write_text("file,label,scene\n" + "\n".join(rows * copies) + "\n")
    return table


def test_photos_of_one_scene_count_once(labelled: Path, tmp_path: Path) -> None:
    fixed = ("--area", 0.02, "--masks", 2, "--maps", 0)
    table = listed(labelled, tmp_path / "t.csv", 5)
    alone = answer("certify", table, *fixed, "--out", tmp_path / "alone")
    assert alone["photos"] == 16
    assert alone["groups"] is None
    tied = answer("certify", table, *fixed, "--groups", "scene", "--out", tmp_path / "tied")
    assert tied["photos"] == 5
    assert "(one drawn of each scene)" in tied["sentence"]
    card = PatchCard.load(tied["file"])
    assert card.groups == "scene"
    assert card.certified.photos == 5
    # Thirty more photos of a scene make no claim stronger, whichever they are.
    photos = sorted(labelled.rglob("*.png"))
    for k in range(30):
        with Image.open(photos[0]) as image:
            pixels = np.array(image)
        pixels[0, 0, 0] = k
        Image.fromarray(pixels).save(tmp_path / f"more{k}.png")
    more = [f"more{k}.png,{photos[0].parent.name},scene 0" for k in range(30)]
    table.write_text(table.read_text() + "\n".join(more) + "\n")
    padded = answer("certify", table, *fixed, "--groups", "scene", "--out", tmp_path / "padded")
    assert padded["photos"] == 5


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("file,label\nx.png,0\n", [], "line 2: x.png: no such file beside the table"),
        ("file,name\nx.png,0\n", [], "has no column 'label'; it has file, name"),
        ("file,label\n,0\n", [], "line 2: the cell under 'file' is empty"),
        ("file,label\n", [], "holds no rows"),
        ("file,label\na.png,zebra\n", [], "label zebra"),
        ("file,label\na.png,0\na.png,0\n", [], "line 3: a.png a second time"),
        ("file,label\na.png,0\n", ["--groups", "scene"], "has no column 'scene'"),
    ],
)
def test_tables_that_cannot_be_read(
    text: str, more: list[str], message: str, tmp_path: Path
) -> None:
    photo(tmp_path / "a.png", 0)
    table = tmp_path / "t.csv"
    table.write_text(text)
    out = ["--out", tmp_path / "out", "--model", TINY]
    assert message in one_error(defend("certify", table, *more, *out))


def test_a_folder_has_no_columns(labelled: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "out", "--model", TINY]
    assert "list the photos in a CSV" in one_error(
        defend("certify", labelled, "--groups", "scene", *out)
    )
