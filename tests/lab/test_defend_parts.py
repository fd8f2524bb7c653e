"""``defend`` studies of which not every image goes through everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from interlock.defend.attacks.cleanser_attack import CleanserAttack
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.certified.certified_shield import CertifiedShield
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.lab.items import name_of
from interlock.lab.pages.show import show
from interlock.lab.results.summary import summarise
from interlock.lab.results.tables import tables
from interlock.lab.store import Store
from tests.lab.running import here, table
from tests.lab.test_defend import CLEAN, CLEANSER, LABELS, OWN, UNDEFENDED, names, photo, write
from tests.tiny import preprocess, tiny

CEILING = '[[methods]]\nmethod = "ceiling"\n'


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for seed in range(7):
        photo(tmp_path / "images" / LABELS[seed % 2] / f"{seed}.png", seed)
    return tmp_path / "images"


def pixels(files: list[Path]) -> tuple[Tensor, Tensor]:
    """Photos as the model takes them, with their classes."""
    x = torch.stack([preprocess(Image.open(f)) for f in files])
    return x, torch.tensor([LABELS.index(f.parent.name) for f in files])


def turn_of(files: list[Path]) -> int:
    from hashlib import sha256

    digests = [sha256(f.read_bytes()).hexdigest() for f in files]
    return int(name_of(block=digests)[:7], 16)


def seen(out: Path) -> dict[tuple[str, str], list[str]]:
    """(method, condition) -> names of its images."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in table(out):
        if row["metric"] == "right":
            found.setdefault((row["method"], row["condition"]), []).append(row["data"])
    return {key: sorted(mine) for key, mine in found.items()}


def test_limits_take_the_first_images(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    few = '[[attacks]]\nattack = "patch"\nareas = [0.2]\nlimit = 4\noptions = {steps = 3}\n'
    limited = CLEANSER + "limit = 2\n"
    here(write(tmp_path, UNDEFENDED, limited, attacks=few), out)
    order = [f"photos/{f.parent.name}/{f.name}" for f in names(images)]
    assert seen(out) == {
        ("undefended", "clean"): order,
        ("undefended", "patch, 10 %"): order,
        ("undefended", "patch, 20 %"): order[:4],
        ("patchcleanser", "clean, 10 %"): order[:2],
        ("patchcleanser", "clean, 20 %"): order[:2],
        ("patchcleanser", "patch, 10 %"): order[:2],
        ("patchcleanser", "patch, 20 %"): order[:2],
    }
    # Without the limits only what was cut is computed: a block of 3 of which the attack took one,
    # the last block; and for the cleanser all, as it never saw a whole block.
    more = here(write(tmp_path, UNDEFENDED, CLEANSER, attacks=few.replace("limit = 4\n", "")), out)
    assert (more.items, more.computed) == (49, 4 + 4 * 7)


def test_a_limited_defence_is_asked_for_no_more(tmp_path: Path, images: Path) -> None:
    counting = (
        '[[methods]]\nmethod = "tests.lab.test_defend_parts:counted"\nname = "own"\nlimit = 4\n'
    )
    SIZES.clear()
    here(write(tmp_path, UNDEFENDED, counting), tmp_path / "out")
    assert sorted(SIZES) == [1, 1, 3, 3]


SIZES: list[int] = []


def counted(model: torch.nn.Module):  # type: ignore[no-untyped-def]
    def answer(images: Tensor) -> Tensor:
        SIZES.append(len(images))
        return torch.zeros(len(images))

    return answer


def test_images_that_are_wrong_before_are_lost_and_not_attacked(
    tmp_path: Path, images: Path
) -> None:
    out, model = tmp_path / "out", tiny()
    here(write(tmp_path, UNDEFENDED, OWN, CEILING, top='attacked = "right"'), out)
    rows = table(out)
    lost = 0
    for start in range(0, 7, 3):
        block = names(images)[start : start + 3]
        x, y = pixels(block)
        with torch.no_grad():
            right = model(x).argmax(dim=1) == y
        lost += int((~right).sum())
        patched = None
        if right.any():
            attacks = NamedAttacks(steps=3, restarts=1, seed=0)
            patched = attacks.craft("patch", 0.1, model, None, x[right], y[right], turn_of(block))
        for k, file in enumerate(block):
            data = f"photos/{file.parent.name}/{file.name}"
            mine = [r for r in rows if r["data"] == data and r["condition"] == "patch, 10 %"]
            assert {r["method"] for r in mine} == {"undefended", "own", "ceiling"}
            assert all(r["error"] is None for r in mine)
            if not right[k]:
                values = {(r["metric"], r["value"]) for r in mine}
                assert values == {("right", 0.0), ("passes", None)}
                continue
            assert patched is not None
            at = int(right[:k].sum())
            with torch.no_grad():
                after = int(model(patched.images[at : at + 1]).argmax())
            (undefended,) = [
                r for r in mine if (r["method"], r["metric"]) == ("undefended", "right")
            ]
            assert undefended["value"] == float(after == y[k])
            (own,) = [r for r in mine if r["method"] == "own"]
            assert own["value"] == float(y[k] == 1)
            with np.load(Store(out).artefact(undefended["made_artefact"])) as archive:
                assert archive["places"].tolist() == right.nonzero()[:, 0].tolist()
    assert 0 < lost < 7  # the case is there, and not all there is
    # Clean accuracy is of all.
    clean = [r for r in rows if (r["method"], r["condition"]) == ("own", "clean")]
    assert [r["value"] for r in clean] == [float(f.parent.name == LABELS[1]) for f in names(images)]
    gone = next(r for r in rows if r["condition"] == "patch, 10 %" and r["value"] is None)
    assert show(out, gone["item"]).png  # its photo, without a patch


def test_the_universal_patch_learns_from_what_is_attacked(tmp_path: Path, images: Path) -> None:
    universal = '[[attacks]]\nattack = "universal"\nareas = [0.2]\noptions = {steps = 2}\n'
    here(write(tmp_path, UNDEFENDED, attacks=universal), tmp_path / "all")
    study = write(tmp_path, UNDEFENDED, attacks=universal, top='attacked = "right"')
    here(study, tmp_path / "right")
    x, y = pixels(names(images))
    with torch.no_grad():
        right = int((tiny()(x).argmax(dim=1) == y).sum())
    for folder, count in (("all", 7), ("right", right)):
        (row,) = [r for r in table(tmp_path / folder) if r["method"] == "train universal"]
        assert row["value"] == count


def test_each_size_has_a_universal_patch_of_its_own(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    universal = '[[attacks]]\nattack = "universal"\nareas = [0.05, 0.3]\noptions = {steps = 2}\n'
    here(write(tmp_path, UNDEFENDED, attacks=universal), out)
    rows = table(out)
    trained = {r["condition"]: r["made"] for r in rows if r["method"] == "train universal"}
    assert sorted(trained) == ["universal, 30 %", "universal, 5 %"]
    assert len(set(trained.values())) == 2
    covered = {}
    for row in rows:
        if row["method"] == "undefended" and row["condition"] in trained:
            with np.load(Store(out).artefact(row["made_artefact"])) as archive:
                covered[row["condition"]] = int(archive["side"])
    assert covered["universal, 30 %"] > 1.5 * covered["universal, 5 %"]


def test_adaptive_on_patchcleanser_is_made_against_its_masks(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    adaptive = (
        '[[attacks]]\nattack = "adaptive"\nareas = [0.1]\noptions = {steps = 3, restarts = 2}\n'
    )
    here(write(tmp_path, UNDEFENDED, CLEANSER, attacks=adaptive), out)
    rows = [r for r in table(out) if r["condition"] == "adaptive, 10 %"]
    assert {r["method"] for r in rows} == {"patchcleanser"}
    block = names(images)[:3]
    x, y = pixels(block)
    side = max(1, round((0.1 * x.shape[-1] * x.shape[-2]) ** 0.5))
    cleanser = PatchCleanser(tiny(), side, 2)
    made = CleanserAttack(area=0.1, steps=3, restarts=2, seed=turn_of(block))(cleanser, x, y)
    levels = (made.images * 255).round() / 255  # photos of ``tiny`` lie in [0, 1]
    images_then = torch.where(made.masks, levels, made.images)
    expected = (cleanser.predict(images_then) == y).float().tolist()
    values = {r["data"]: r["value"] for r in rows if r["metric"] == "right"}
    assert [values[f"photos/{f.parent.name}/{f.name}"] for f in block] == expected


def test_a_certified_row_tells_what_is_proven(tmp_path: Path, images: Path) -> None:
    out = tmp_path / "out"
    for seed in range(48):
        photo(tmp_path / "clean" / f"{seed}.png", 100 + seed)
    plain = '[[methods]]\nmethod = "certified"\noptions = {masks = 2}\n'
    told = (
        '[[methods]]\nmethod = "certified"\nname = "with evidence"\n'
        "options = {masks = 2, evidence = true, prove = false}\n"
    )
    adaptive = (
        '[[attacks]]\nattack = "adaptive"\nareas = [0.1]\noptions = {steps = 3, restarts = 1}\n'
    )
    here(write(tmp_path, UNDEFENDED, plain, told, clean=CLEAN, attacks=adaptive), out)
    rows = {(r["method"], r["condition"], r["metric"], r["data"]): r["value"] for r in table(out)}
    files, model = names(images), tiny()
    side = max(1, round((0.1 * 16 * 16) ** 0.5))
    safe = CertifiedShield(model, area=side**2 / 256, masks=2, allowance=0)
    x, y = pixels(files)
    expected = safe.measured(x, y)
    assert expected.certified.any()
    for k, file in enumerate(files):
        data = f"photos/{file.parent.name}/{file.name}"
        for metric in ("certified", "detected"):
            value = float(getattr(expected, metric)[k])
            assert rows["certified", "clean, 10 %", metric, data] == value
            assert ("with evidence", "clean, 10 %", metric, data) not in rows
        assert rows["certified", "clean, 10 %", "assured", data] == float(expected.assured[k])
        assert rows["certified", "clean, 10 %", "passes", data] == float(expected.passes[k])
        if expected.certified[k]:
            for attack in ("patch, 10 %", "adaptive, 10 %"):
                assert rows["certified", attack, "right", data] == 1
                assert rows["with evidence", attack, "right", data] == 1
    told_of = [row[0] for row in tables(summarise(out))[0].rows]
    for metric in ("certified", "detected", "assured"):
        assert f"clean, 10 %, {metric}" in told_of
    assert {"patch, 10 %, assured", "adaptive, 10 %, assured"} <= {*told_of}
