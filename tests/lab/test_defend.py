"""``defend`` studies: pictures made once for all defences, fits made once, blocks that hold."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from interlock.defend import PatchCleanser
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.attacks.regions import footprint
from interlock.lab.items import name_of
from interlock.lab.plan import Totals
from interlock.lab.results.attacked import WORST
from interlock.lab.results.summary import summarise
from interlock.lab.store import Store
from interlock.lab.study import DefendStudy, parse_study
from interlock.lab.tasks.defend.conditions import conditions
from interlock.lab.tasks.defend.patched import unpack
from tests.lab.running import artefacts, here, table, values
from tests.tiny import LABELS, photo, preprocess, tiny

STUDY = """
task = "defend"
batch = 3
{top}
[[models]]
model = "tests.tiny:tiny"
name = "tiny"
[[data]]
kind = "folder"
path = "images"
name = "photos"
{clean}
{methods}
[[attacks]]
attack = "patch"
areas = [0.1]
options = {{ steps = 3, restarts = 1 }}
{attacks}
"""
CLEAN = '[clean]\nkind = "folder"\npath = "clean"'
UNDEFENDED = '[[methods]]\nmethod = "undefended"\n'
SHIELD = '[[methods]]\nmethod = "shield"\noptions = {concepts = 2}\n'
CLEANSER = '[[methods]]\nmethod = "patchcleanser"\noptions = {masks = 2}\n'
OWN = '[[methods]]\nmethod = "tests.lab.test_defend:always"\nname = "own"\noptions = {answer = 1}\n'


def always(model: torch.nn.Module, *, answer: int = 0):  # type: ignore[no-untyped-def]
    """A defence of the user's: it knows the answer before."""
    return lambda images: torch.full((len(images),), answer)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Seven photos of two classes, so that the last block is smaller."""
    for seed in range(7):
        photo(tmp_path / "images" / LABELS[seed % 2] / f"{seed}.png", seed)
    return tmp_path / "images"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    for seed in range(48):
        photo(tmp_path / "clean" / f"{seed}.png", 100 + seed)
    return tmp_path / "clean"


def write(folder: Path, *methods: str, clean: str = "", attacks: str = "", top: str = "") -> Path:
    path = folder / "study.toml"
    text = STUDY.format(methods="".join(methods), clean=clean, attacks=attacks, top=top)
    path.write_text(text)
    return path


def names(images: Path) -> list[Path]:
    """In the order of the source."""
    return sorted(images.rglob("*.png"))


def test_values_are_those_of_attack_and_model(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    assert here(write(tmp_path, UNDEFENDED, OWN), out) == Totals(28, 28, 0, 0)
    rows = {
        (r["data"], r["condition"], r["method"]): r for r in table(out) if r["metric"] == "right"
    }
    files, model = names(images), tiny()
    for start in range(0, 7, 3):
        block = files[start : start + 3]
        x = torch.stack([preprocess(Image.open(f)) for f in block])
        y = torch.tensor([LABELS.index(f.parent.name) for f in block])
        digests = [sha256(f.read_bytes()).hexdigest() for f in block]
        turn = int(name_of(block=digests)[:7], 16)
        attacks = NamedAttacks(steps=3, restarts=1, seed=0)
        patched = attacks.craft("patch", 0.1, model, None, x, y, turn)
        with torch.no_grad():
            before, after = model(x).argmax(dim=1), model(patched.images).argmax(dim=1)
        for k, file in enumerate(block):
            data = f"photos/{file.parent.name}/{file.name}"
            assert rows[data, "clean", "undefended"]["value"] == float(before[k] == y[k])
            attacked = rows[data, "patch, 10 %", "undefended"]
            assert attacked["value"] == float(after[k] == y[k])
            assert rows[data, "clean", "own"]["value"] == float(y[k] == 1)
            kept = Store(out).artefact(attacked["made_artefact"]).read_bytes()
            pictures = unpack(kept, x, None)
            assert torch.equal(pictures.images, patched.images)
            assert torch.equal(pictures.masks, patched.masks)


def test_a_defence_more_meets_the_same_pictures(tmp_path: Path, images: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    here(write(tmp_path, UNDEFENDED), out)
    pictures = artefacts(out)
    study = write(tmp_path, UNDEFENDED, CLEANSER)
    assert here(study, out) == Totals(28, computed=14, reused=14, failed=0)
    assert pictures.items() <= artefacts(out).items()
    rows = [r for r in table(out) if r["method"] == "patchcleanser" and "patch," in r["condition"]]
    assert rows
    assert all(r["metric_seconds"] is None for r in rows)  # no attack was made again
    here(study, whole)
    assert values(out) == values(whole)
    assert artefacts(out) == artefacts(whole)
    # Who must be told the patch's size has a clean accuracy for each size.
    conditions = {r["condition"] for r in table(whole) if r["method"] == "patchcleanser"}
    assert conditions == {"clean, 10 %", "patch, 10 %"}


def test_certified_is_right_under_every_pair_of_masks(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    here(write(tmp_path, CLEANSER), out)
    rows = [r for r in table(out) if r["metric"] == "certified"]
    files, model = names(images), tiny()
    x = torch.stack([preprocess(Image.open(f)) for f in files])
    y = torch.tensor([LABELS.index(f.parent.name) for f in files])
    side = max(footprint("square", 0.1, *x.shape[-2:]).shape)
    certified = PatchCleanser(model, side, 2).certify(x, y).tolist()
    assert {r["condition"] for r in rows} == {"clean, 10 %"}
    found = {r["data"]: r["value"] for r in rows}
    for file, proven in zip(files, certified, strict=True):
        assert found[f"photos/{file.parent.name}/{file.name}"] == float(proven)
    line = next(one for one in summarise(out).lines if one.metric == "certified")
    assert (line.mean, line.count) == (pytest.approx(np.mean(certified)), 7)


def test_fitted_once_and_attacked_itself(tmp_path: Path, images: Path, clean: Path) -> None:
    out = tmp_path / "out"
    adaptive = (
        '[[attacks]]\nattack = "adaptive"\nareas = [0.1]\noptions = {steps = 2, restarts = 1}'
    )
    study = write(tmp_path, UNDEFENDED, SHIELD, clean=CLEAN, attacks=adaptive)
    assert here(study, out) == Totals(35, 35, 0, 0)
    rows = table(out)
    (fit,) = [r for r in rows if r["method"] == "fit shield"]
    assert (fit["metric"], fit["value"]) == ("images", 48.0)
    assert {r["method"] for r in rows if r["condition"] == "adaptive, 10 %"} == {"shield"}
    patched = {r["made_artefact"] for r in rows if r["condition"] == "patch, 10 %"}
    assert len(patched) == 3  # one for each block, whatever the defence
    # Everything again, and a batch of the shield's adaptive rows lost: the fit is taken up.
    shutil.rmtree(out / "rows")
    engine_rows = [r for r in rows if r["condition"] != "adaptive, 10 %"]
    store = Store(out)
    store.recover()
    store.add(engine_rows)
    store.close()
    assert here(study, out) == Totals(35, computed=7, reused=28, failed=0)
    assert sum(r["method"] == "fit shield" for r in table(out)) == 1
    assert {r["row"]: r["value"] for r in table(out)} == {r["row"]: r["value"] for r in rows}
    lines = {
        (one.method, one.condition): one for one in summarise(out).lines if one.metric == "right"
    }
    worst = lines["shield", WORST]
    right = {
        c: {r["data"] for r in rows
            if (r["method"], r["condition"], r["metric"], r["value"]) == ("shield", c, "right", 1.0)}
        for c in ("patch, 10 %", "adaptive, 10 %")
    }  # fmt: skip
    assert worst.mean == pytest.approx(len(set.intersection(*right.values())) / 7)


def test_an_unreadable_image_costs_itself(tmp_path: Path, images: Path) -> None:
    bad = names(images)[1]
    bad.write_bytes(b"nothing")
    out = tmp_path / "out"
    totals = here(write(tmp_path, UNDEFENDED, OWN), out)
    assert totals == Totals(28, computed=24, reused=0, failed=4)
    for row in table(out):
        assert (row["error"] is None) == (bad.name not in row["data"])
        assert row["error"] is None or bad.name in row["error"]
    row = next(
        r for r in table(out) if r["made_artefact"] and r["data"].endswith(names(images)[2].name)
    )
    with np.load(Store(out).artefact(row["made_artefact"])) as archive:
        assert archive["places"].tolist() == [0, 2]


def test_a_defence_that_fails_costs_itself(tmp_path: Path, images: Path) -> None:
    wrong = '[[methods]]\nmethod = "tests.lab.test_defend:broken"\nname = "broken"\n'
    totals = here(write(tmp_path, UNDEFENDED, wrong), tmp_path / "out")
    assert totals == Totals(28, computed=14, reused=0, failed=14)
    errors = {r["error"] for r in table(tmp_path / "out")}
    assert errors == {None, "the defence gave (1,) for 3 images; expected a label or logits for each",
                      "RuntimeError: only one"}  # fmt: skip


def broken(model: torch.nn.Module):  # type: ignore[no-untyped-def]
    def answer(images: torch.Tensor) -> torch.Tensor:
        if len(images) == 1:
            raise RuntimeError("only one")
        return torch.zeros(1)

    return answer


def test_predicted_truth_is_always_right_without_a_patch(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    here(write(tmp_path, UNDEFENDED, top='truth = "predicted"'), out)
    clean = [r["value"] for r in table(out) if (r["condition"], r["metric"]) == ("clean", "right")]
    assert clean == [1.0] * 7


def test_blocks_name_their_items(tmp_path: Path, images: Path) -> None:
    """Another picture changes its block, and no other."""
    out = tmp_path / "out"
    study = write(tmp_path, UNDEFENDED)
    here(study, out)
    photo(names(images)[0], 77)
    assert here(study, out).computed == 2 * 3


def test_conditions_of_a_study() -> None:
    text = STUDY.format(
        top="", clean=CLEAN, methods=UNDEFENDED + SHIELD + CLEANSER,
        attacks='[[attacks]]\nattack = "black-box"\nareas = [0.1, 0.2]\n[[attacks]]\nattack = "adaptive"',
    )  # fmt: skip
    study = parse_study(text, "s.toml")
    assert isinstance(study, DefendStudy)
    found = [tuple(c) for c in conditions(study)]
    assert found == [
        (None, None, None, (0, 1)),
        (None, 0.02, None, (2,)),  # whose masks are for a size
        (None, 0.1, None, (2,)),
        (0, 0.1, None, (0, 1, 2)),
        (1, 0.1, 0, (0,)),
        (1, 0.1, 1, (1,)),
        (1, 0.2, 0, (0,)),
        (1, 0.2, 1, (1,)),
        (2, 0.02, 1, (1,)),
        (2, 0.02, 2, (2,)),
    ]


def test_a_defence_meets_the_attacks_that_it_names() -> None:
    text = STUDY.format(
        top="", clean="", methods=UNDEFENDED + CLEANSER + 'attacks = ["patch, 10 %", "two-patches"]\n',
        attacks='[[attacks]]\nattack = "patch"\nareas = [0.05, 0.2]\nlimit = 3\n'
                '[[attacks]]\nattack = "two-patches"\nareas = [0.3]\n'
                '[[attacks]]\nattack = "adaptive"\nareas = [0.4]',
    )  # fmt: skip
    study = parse_study(text, "s.toml")
    assert isinstance(study, DefendStudy)
    assert [tuple(c) for c in conditions(study)] == [
        (None, None, None, (0,)),
        (None, 0.1, None, (1,)),
        (None, 0.3, None, (1,)),
        (1, 0.05, None, (0,)),  # an attack's sizes from small to large, whatever table names them
        (0, 0.1, None, (0, 1)),
        (1, 0.2, None, (0,)),
        (2, 0.3, None, (0, 1)),
    ]
