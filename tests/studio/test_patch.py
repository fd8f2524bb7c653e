"""The patch tab: what is pasted, what an attack makes, what shield and certificate say of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from interlock import HSets
from interlock.defend import CertifiedShield, ConceptShield, PatchAttack
from interlock.defend.attacks.patch_attack import margin
from interlock.studio import defending
from interlock.studio.jobs import Job
from interlock.studio.patches import CONTENTS, Patch, Square, attack
from interlock.studio.photos import sample_photo
from interlock.studio.scene import Photo, Scene
from tests.studio.asking import Page, asking, error_of, picture

OTHER = sample_photo("coffee")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as patch, asking() as page:
        patch.setattr(defending, "CROPS", 32)
        patch.setattr("interlock.studio.studio.CROPS", 32)
        page.shown()
        yield page


@pytest.fixture
def scene(page: Page) -> Scene:
    assert page.studio._scene is not None
    return page.studio._scene


def best(answers: list[dict[str, Any]]) -> str:
    label: str = max(answers, key=lambda one: one["probability"])["label"]
    return label


@pytest.mark.parametrize("content", CONTENTS)
def test_a_patch_changes_its_square_alone_and_stays_a_picture(scene: Scene, content: Any) -> None:
    square = Square(3, 8, 5)
    sticker = torch.rand(3, 4, 4)
    patch = Patch(square, content, sticker=sticker)
    x = patch.on_photo(scene, OTHER)
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[3:8, 8:13] = True
    assert torch.equal(x[:, ~inside], scene.x[:, ~inside])
    assert not torch.equal(x[:, inside], scene.x[:, inside])
    assert float(x.min()) >= 0
    assert float(x.max()) <= 1
    assert torch.equal(
        Patch(square, content, on=False, sticker=sticker).on_photo(scene, OTHER), scene.x
    )


def test_it_is_moved_pasted_and_taken_off(page: Page, scene: Scene) -> None:
    page.ask("patch", on=False)
    clean = page.part("patch")
    assert clean["picture"] == page.part("photo")["picture"]
    said = page.ask("patch", top=2, left=4, side=6, content="checkers", on=True)
    assert said.status_code == 200
    patch = page.part("patch")
    assert [patch[name] for name in ("top", "left", "side")] == [2, 4, 6]
    assert patch["area"] == pytest.approx(36 / 256)
    x = Patch(Square(2, 4, 6), "checkers").on_photo(scene, OTHER)
    with torch.no_grad():
        shares = scene.classifier.model(x[None])[0].softmax(dim=0)
    for row in patch["answers"]:
        assert row["probability"] == pytest.approx(float(shares[row["index"]]), abs=1e-6)
    assert patch["label"] == best(patch["answers"])
    page.ask("patch", left=9)
    assert page.part("patch")["left"] == 9
    assert page.part("patch")["top"] == 2
    for wrong in ({"left": 11}, {"side": 9}, {"side": 1}, {"top": 15, "side": 2}):
        assert "keep it inside" in error_of(page.ask("patch", **wrong))
    assert page.part("patch")["left"] == 9
    page.ask("patch", on=False)
    assert page.part("patch")["picture"] == clean["picture"]


def test_an_attack_makes_one_that_goes_along(page: Page, scene: Scene) -> None:
    assert "no attack" in error_of(page.ask("patch", content="made"))
    page.ask("patch", top=5, left=5, side=6)
    page.ask("attack", steps=25)
    page.done("attack")
    made = page.part("patch")
    assert (made["content"], made["on"], made["made"]["steps"]) == ("made", True, 25)
    clean = page.part("photo")["answers"][0]
    assert made["made"]["fooled"] is (made["label"] != clean["label"])
    x, label = page.studio._picture(scene), torch.tensor([clean["index"]])
    with torch.no_grad():
        before, after = (margin(scene.classifier.model(one[None]), label) for one in (scene.x, x))
    assert float(after) > float(before)
    there = x[:, 5:11, 5:11]
    page.ask("patch", top=9, left=1)
    moved = page.studio._patched().on_photo(scene, OTHER)[:, 9:15, 1:7]
    assert torch.equal(moved, there)
    page.ask("patch", content="noise")
    assert page.ask("patch", content="made").status_code == 200


@pytest.mark.parametrize("steps", [1, 5])
def test_an_attack_tells_each_step_and_no_more(
    scene: Scene, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, str]] = []
    monkeypatch.setattr(Job, "tell", lambda _, share, note: told.append((share, note)))
    attack(scene, Square(3, 3, 5), steps, 0, Job("attack", lambda _: None, None))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1
    last = f"step {steps} of {steps}"
    assert [note for _, note in told] == [f"step {k} of {steps}" for k in range(steps)] + 2 * [last]


def test_the_seed_is_that_of_all_that_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an explanation, an attack and a shield; votes are in ``test_prompt.py``."""
    given: dict[str, int] = {}

    def noted(kind: type, name: str) -> None:
        method = getattr(kind, name)

        @functools.wraps(method)
        def note(*args: Any, **options: Any) -> Any:
            given[kind.__name__] = options.get("seed", 0)
            return method(*args, **options)

        monkeypatch.setattr(kind, name, note)

    noted(HSets, "__init__")
    noted(PatchAttack, "__init__")
    noted(ConceptShield, "fit")
    monkeypatch.setattr(defending, "CROPS", 32)
    made = []
    for seed in (0, 7):
        given.clear()
        with asking(seed=seed) as page:
            page.shown()
            for work, options in (("attack", {"steps": 2}), ("shield", {})):
                assert page.ask(work, **options).status_code == 200
                page.done(work)
            made.append(page.studio._patched().sticker)
        assert given == {"HSets": seed, "PatchAttack": seed, "ConceptShield": seed}
    assert not torch.equal(*made)


def test_the_shield_looks_at_the_picture_as_it_is(page: Page, scene: Scene) -> None:
    page.ask("patch", content="checkers", on=True)
    page.ask("shield")
    page.done("shield")
    shield = page.studio._shield
    assert shield is not None
    seen = page.part("shield")
    assert (seen["patched"], seen["fitted"]) == (True, "32 crops of the photos that come along")
    x = page.studio._picture(scene)
    told = shield.inspect(x)
    assert (seen["tampered"], seen["passes"]) == (told.tampered, told.passes)
    assert seen["score"] == pytest.approx(told.score)
    assert seen["label"] == scene.classifier.label(told.label)
    page.ask("patch", on=False)  # it is asked again at once, for it is quick
    assert page.part("shield")["patched"] is False
    assert page.studio._shield is shield


@pytest.mark.parametrize("on", [False, True])
def test_the_certified_answer_is_that_of_the_library(page: Page, scene: Scene, on: bool) -> None:
    page.ask("patch", content="checkers", on=on)
    page.ask("certify", area=0.02)
    page.done("certify")
    part = page.part("certified")
    safe = CertifiedShield(scene.classifier.model, area=0.02, shield=page.studio._shield)
    x = page.studio._picture(scene)
    verdict = safe.verdict(x[None])
    places = safe.safe_places(x, int(verdict.labels))
    assert part["label"] == scene.classifier.label(int(verdict.labels))
    assert (part["assured"], part["patched"]) == (bool(verdict.assured), on)
    assert part["passes"] == int(verdict.passes)
    assert part["safe"] == pytest.approx(float(places.float().mean()))
    page.ask("patch", top=0, left=0)
    assert page.part("certified") is None  # it was of another picture


def test_a_patch_beyond_what_is_assumed_is_called_so(page: Page) -> None:
    """A square of 2 % of 256 pixels has sides of 3 of them, rounded up."""
    for side, on, beyond in ((3, True, False), (4, True, True), (4, False, False)):
        page.ask("patch", side=side, on=on)
        page.ask("certify", area=0.02)
        page.done("certify")
        assert page.part("certified")["beyond"] is beyond


def test_a_patch_too_large_to_be_certified_is_one_line(page: Page) -> None:
    page.ask("certify", area=0.9)
    job = page.ended("certify")
    assert job["state"] == "failed"
    assert "use a smaller area" in job["error"]


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        ("attack", "attack", {"steps": 500}),
        ("certify", "certify", {"area": 0.02}),
        ("shield", "shield", {}),
    ],
)
def test_work_that_is_stopped_asks_the_model_no_more(kind: str, path: str, body: Any) -> None:
    with asking("tests.studio.test_photo:counted") as page:
        page.upload(picture())
        page.ask("stop", name="explain")
        page.ended("explain")
        model = page.studio._classifier.model
        page.ask(path, **body)
        while not page.state()["jobs"][kind]["share"]:
            time.sleep(0.005)
        page.ask("stop", name=kind)
        assert page.ended(kind)["state"] == "stopped"
        passes = type(model).passes
        time.sleep(0.15)
        assert type(model).passes == passes
        assert all(p.requires_grad for p in model.parameters())
        assert not page.part("patch")["made"]


def test_what_was_made_for_another_photo_is_not_shown() -> None:
    with asking("tests.studio.test_photo:counted") as page:
        page.upload(picture())
        page.ask("attack", steps=3)
        page.upload(picture(1))
        page.ended("attack")
        assert page.part("patch")["made"] is None
        page.ask("certify", area=0.02)
        page.ask("patch", on=True)
        assert page.ended("certify")["state"] == "stopped"
        assert page.part("certified") is None


def test_a_photo_has_its_square_in_the_middle() -> None:
    x = torch.zeros(3, 40, 60)
    square = Square.first(Scene(Photo("x", OTHER.image), None, x))  # type: ignore[arg-type]
    assert square.side == round((0.03 * 2400) ** 0.5)
    assert abs(2 * square.top + square.side - 40) <= 1
    assert abs(2 * square.left + square.side - 60) <= 1
