"""``defend`` studies with a shield that was fitted before, and attacks on it that all meet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from interlock.defend import ConceptShield, PatchCleanser
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.peers.paper import PaperMasking
from interlock.lab.kept_study import keep_study, kept_study
from interlock.lab.open_task import open_task
from interlock.lab.pages.show import show
from interlock.lab.plan import results
from interlock.lab.study import StudyError, read_study
from interlock.lab.task import Setting
from tests.lab.running import here, table
from tests.lab.test_defend import LABELS, UNDEFENDED, names, photo, write
from tests.lab.test_defend_parts import pixels, turn_of
from tests.tiny import other, tiny

SHIELD = '[[methods]]\nmethod = "shield"\noptions = {file = "s.safetensors"}\n'
PAPER = '[[methods]]\nmethod = "paper"\noptions = {file = "s.safetensors", top = 1}\n'
CEILING = '[[methods]]\nmethod = "ceiling"\n'
ADAPTIVE = (
    '[[attacks]]\nattack = "adaptive"\nareas = [0.2]\nagainst = "shield"\n'
    "options = {steps = 2, restarts = 1}\n"
)


def fitted(seed: int = 0, model: torch.nn.Module | None = None) -> ConceptShield:
    x = torch.rand(48, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return ConceptShield.fit(tiny() if model is None else model, x, concepts=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five photos, and a shield that was fitted to others."""
    for seed in range(5):
        photo(tmp_path / "images" / LABELS[seed % 2] / f"{seed}.png", seed)
    fitted().save(tmp_path / "s.safetensors")
    return tmp_path


def right(out: Path) -> dict[tuple[str, str], list[float]]:
    """(method, condition) -> for each image whether it is right."""
    values: dict[tuple[str, str], list[float]] = {}
    for row in results(out).to_pylist():
        if row["metric"] == "right":
            values.setdefault((row["method"], row["condition"]), []).append(row["value"])
    return values


def test_its_answers_are_those_of_the_shield_in_the_file(folder: Path) -> None:
    totals = here(write(folder, UNDEFENDED, SHIELD, PAPER), folder / "out")
    assert (totals.items, totals.failed) == (30, 0)
    assert not [row for row in table(folder / "out") if row["method"].startswith("fit")]
    x, y = pixels(names(folder / "images"))
    shield = ConceptShield.load(folder / "s.safetensors", tiny())
    expected = {
        "shield": shield.predict(x),
        "paper": PaperMasking(tiny(), shield.bank, top=1).predict(x),
    }
    values = right(folder / "out")
    for method, labels in expected.items():
        assert values[method, "clean"] == (labels == y).double().tolist()


def test_its_content_names_the_items_and_not_its_place(folder: Path) -> None:
    study = write(folder, UNDEFENDED, SHIELD)
    out = folder / "out"
    assert here(study, out).computed == 20
    (folder / "s.safetensors").rename(folder / "moved.safetensors")
    study.write_text(study.read_text().replace("s.safetensors", "moved.safetensors"))
    assert here(study, out).computed == 0
    fitted(7).save(folder / "moved.safetensors")
    assert here(study, out).computed == 10  # the shield's, and no other


def test_what_is_wrong_with_the_file_is_one_line(folder: Path) -> None:
    def refused(*methods: str, attacks: str = "") -> tuple[str, ...]:
        study = write(folder, UNDEFENDED, *methods, attacks=attacks)
        with pytest.raises(StudyError) as error:
            open_task(Setting(read_study(study), study.name, folder))
        return error.value.lines

    (line,) = refused(SHIELD.replace("s.safe", "none.safe"))
    assert line.startswith("study.toml: methods[1].options.file: ")
    assert "none.safetensors: cannot be read (No such file" in line
    (line,) = refused(SHIELD.replace("}", ", concepts = 2}"))
    assert line == "study.toml: methods[1].options.concepts: unknown key; known are file"
    (line,) = refused('[[methods]]\nmethod = "shield"\n')
    assert "fitted to clean images, or takes a fitted shield: methods[1].options.file" in line
    for against, reason in (("bunker", "known are"), ("ceiling", "cannot be made against")):
        attacks = ADAPTIVE.replace('against = "shield"', f'against = "{against}"')
        (line,) = refused(SHIELD, CEILING, attacks=attacks)
        assert line.startswith("study.toml: attacks[1].against: ")
        assert reason in line
    (line,) = refused(SHIELD, attacks=ADAPTIVE.replace("adaptive", "l2"))
    assert "l2 knows the bare model alone" in line


def test_a_file_of_another_model_costs_its_own_items(folder: Path) -> None:
    fitted(model=other()).save(folder / "s.safetensors")
    totals = here(write(folder, UNDEFENDED, SHIELD), folder / "out")
    assert (totals.computed, totals.failed) == (10, 10)
    errors = {row["error"] for row in table(folder / "out") if row["method"] == "shield"}
    assert errors == {"s.safetensors: fitted to another model; fit a shield to this one"}


def test_an_attack_against_one_defence_is_met_by_all(folder: Path) -> None:
    out = folder / "out"
    study = write(folder, UNDEFENDED, SHIELD, PAPER, CEILING, attacks=ADAPTIVE)
    assert here(study, out).failed == 0
    rows = [row for row in table(out) if row["condition"] == "adaptive, 20 %"]
    assert {row["method"] for row in rows} == {"undefended", "shield", "paper", "ceiling"}
    files, model = names(folder / "images"), tiny()
    assert len({row["made_artefact"] for row in rows}) == 2  # one for each block
    shield = ConceptShield.load(folder / "s.safetensors", model)
    expected: dict[str, list[Tensor]] = {"undefended": [], "shield": []}
    for start in range(0, 5, 3):
        block = files[start : start + 3]
        x, y = pixels(block)
        attacks = NamedAttacks(steps=2, restarts=1)
        patched = attacks.craft("adaptive", 0.2, model, shield, x, y, turn_of(block)).images
        expected["shield"].append(shield.predict(patched) == y)
        with torch.no_grad():
            expected["undefended"].append(model(patched).argmax(dim=1) == y)
    values = right(out)
    for method, hits in expected.items():
        assert values[method, "adaptive, 20 %"] == torch.cat(hits).double().tolist()
    # Left out, each is attacked itself: the shield's own pictures are the same ones.
    study = write(folder, UNDEFENDED, SHIELD, attacks=ADAPTIVE.replace('against = "shield"\n', ""))
    assert here(study, out).computed == 0  # the bare model is not attacked by what needs a shield


def test_who_is_told_the_size_is_told_it_of_the_shape(folder: Path) -> None:
    cleanser = '[[methods]]\nmethod = "patchcleanser"\noptions = {masks = 2}\n'
    study = write(folder, cleanser)
    text = study.read_text().replace("restarts = 1", 'restarts = 1, shape = "rectangle"')
    for shape, side in (("rectangle", 7), ("square", 5)):
        # 26 pixels: 4 x 7, twice as wide as high, or 5 x 5
        study.write_text(text.replace("rectangle", shape))
        assert here(study, folder / "out").computed == 10  # clean ones, too
        x, y = pixels(names(folder / "images"))
        expected = PatchCleanser(tiny(), side, 2).classify(x)
        rows = results(folder / "out").to_pylist()
        passes = [
            r["value"] for r in rows if (r["condition"], r["metric"]) == ("clean, 10 %", "passes")
        ]
        assert passes == expected.passes.double().tolist()
        assert right(folder / "out")["patchcleanser", "clean, 10 %"] == (
            (expected.labels == y).double().tolist()
        )


def test_a_study_in_memory_can_be_shown(folder: Path) -> None:
    here(write(folder, UNDEFENDED, SHIELD), folder / "out")
    keep_study(kept_study(folder / "out") | {"text": ""}, folder / "out")
    row = next(r for r in table(folder / "out") if r["method"] == "shield" and r["made_artefact"])
    assert show(folder / "out", row["item"]).png
