"""Every defence by its name, from a model and clean images or from a fitted shield."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import (
    DEFENCES,
    CertifiedShield,
    ConceptShield,
    LocalGradientsSmoothing,
    PatchCleanser,
    make_defence,
)
from interlock.defend.defences import Row, Scene
from interlock.defend.fill import pull_push
from interlock.defend.peers.paper import PaperMasking
from interlock.errors import OptionError
from interlock.names import PEERS
from tests.networks import SmallCNN


@pytest.fixture(scope="module")
def clean() -> Tensor:
    return torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def scene(clean: Tensor) -> tuple[Tensor, Scene]:
    x = clean[:6].clone()
    masks = torch.zeros(6, 1, 16, 16, dtype=torch.bool)
    masks[:, :, 4:8, 6:10] = True
    return torch.where(masks, 1 - x, x), Scene(masks, 4)


@torch.no_grad()
def labels(row: Row, scene: tuple[Tensor, Scene]) -> Tensor:
    return row.defence(*scene).labels


def test_each_name_gives_its_method(clean: Tensor, scene: tuple[Tensor, Scene]) -> None:
    model = SmallCNN()
    x, known = scene
    shield = ConceptShield.fit(model, clean, concepts=3, seed=2)
    with torch.no_grad():
        expected = {
            "undefended": model(x).argmax(dim=1),
            "shield": shield.predict(x),
            "paper": ConceptShield.paper(model, clean, concepts=3, top=1, seed=2).predict(x),
            "certified": CertifiedShield(model, area=1 / 16, allowance=0).predict(x),
            "patchcleanser": PatchCleanser(model, 4).classify(x).labels,
            "lgs": LocalGradientsSmoothing(model, bounds=(0.0, 1.0), window=5).predict(x),
            "ceiling": model(pull_push(x, known.masks)).argmax(dim=1),
        }
    options = {
        "shield": {"concepts": 3, "seed": 2},
        "paper": {"concepts": 3, "seed": 2, "top": 1},
        "lgs": {"window": 5},
    }
    told = {"patchcleanser": "size", "certified": "size", "ceiling": "place"}
    own = {"undefended", "shield", "certified", "ceiling"}
    assert set(expected) == set(DEFENCES) == {*PEERS, *own}
    for name in DEFENCES:
        row = make_defence(name, model, clean, bounds=(0.0, 1.0), **options.get(name, {}))
        assert torch.equal(labels(row, scene), expected[name]), name
        assert row.knows == told.get(name, "nothing")
    assumed = make_defence("patchcleanser", model, assumed=0.25)
    assert assumed.knows == "nothing"
    assert torch.equal(labels(assumed, scene), PatchCleanser(model, 8).classify(x).labels)
    few = make_defence("patchcleanser", model, masks=2)
    assert few.defence(*scene).passes.min() >= 4
    assert few.defence(*scene).passes.max() <= 4 + 4 * 4


@torch.no_grad()
def test_what_is_proven_of_clean_photos(clean: Tensor) -> None:
    model, x, scene = SmallCNN(), clean[:12], Scene(None, 4)
    truth = model(x).argmax(dim=1)
    truth[:3] = (truth[:3] + 1) % 4  # the model is wrong here
    row = make_defence("certified", model, masks=3)
    assert row.examine is not None
    answered, proven = row.examine(x, truth, scene)
    safe = CertifiedShield(model, area=1 / 16, masks=3, allowance=0)
    detector = CertifiedShield(model, area=1 / 16, masks=3, allowance=0, mode="detect")
    verdict = safe.verdict(x)
    assert torch.equal(answered.labels, verdict.labels)
    assert torch.equal(answered.assured, verdict.assured)
    assert torch.equal(answered.passes, safe.passes(x))
    assert torch.equal(proven["certified"], safe.certified(x, truth))
    assert torch.equal(proven["detected"], detector.certified(x, truth))
    assert torch.equal(proven["certified"], verdict.assured & (verdict.labels == truth))
    assert proven["certified"].any()
    assert not proven["certified"][:3].any()
    assert (proven["detected"] | ~proven["certified"]).all()
    shown = row.defence(x, scene)
    assert torch.equal(shown.assured, verdict.assured)
    assert torch.equal(shown.passes, verdict.passes_to_answer)
    assert (verdict.passes >= verdict.passes_to_answer).all()


def test_evidence_moves_no_certified_answer(clean: Tensor) -> None:
    model, x, scene = SmallCNN(), clean[:12], Scene(None, 4)
    with torch.no_grad():
        truth = model(x).argmax(dim=1)
    shield = ConceptShield.fit(model, clean, concepts=3)
    plain, told = (make_defence("certified", model, shield=s, masks=3) for s in (None, shield))
    assert plain.examine is not None
    assert told.examine is not None
    (before, proven), (after, same) = (row.examine(x, truth, scene) for row in (plain, told))
    assert torch.equal(proven["certified"], same["certified"])
    assert torch.equal(before.labels[proven["certified"]], after.labels[proven["certified"]])


@pytest.mark.parametrize("linear", [True, False])
def test_the_papers_passes_are_counted(linear: bool, clean: Tensor) -> None:
    head = (nn.Linear(8, 4),) if linear else (nn.Tanh(), nn.Linear(8, 4))
    body = (nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(*body, *head).eval()
    row, seen = make_defence("paper", model, clean, concepts=3), []
    handle = model.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
    with torch.no_grad():
        reply = row.defence(clean[:4], Scene(None, 0))
    handle.remove()
    assert reply.passes.tolist() == [3 if linear else 3 + 32 * (3 + 2)] * 4
    assert int(reply.passes.sum()) == sum(seen)
    assert reply.masks.shape == (4, 1, *clean.shape[-2:])


def test_a_fitted_shield_is_taken_as_it_is(clean: Tensor, scene: tuple[Tensor, Scene]) -> None:
    model = SmallCNN()
    shield = ConceptShield.fit(model, clean, concepts=3)
    found = {name: make_defence(name, model, shield=shield, bounds=(0.0, 1.0)) for name in DEFENCES}
    masking = PaperMasking(model, shield.bank)
    assert torch.equal(labels(found["paper"], scene), masking.predict(scene[0]))
    row = make_defence("shield", model, shield=shield)
    assert torch.equal(labels(row, scene), shield.predict(scene[0]))
    smoothing = LocalGradientsSmoothing(model, bounds=(0.0, 1.0))
    assert torch.equal(labels(found["lgs"], scene), smoothing.predict(scene[0]))
    assert found["lgs"].defence(*scene).passes.tolist() == [1] * 6


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "crystal ball",
            {},
            "'crystal ball' is unknown; use of undefended, shield, certified, paper",
        ),
        ("shield", {}, "'shield' is fitted to clean images; give some"),
        ("paper", {}, "'paper' is fitted to clean images; give some"),
        ("lgs", {"colour": 1}, "no option 'colour'; use of smoothing, threshold, window, overlap"),
        ("lgs", {"threshold": 2}, "threshold=2"),
        ("ceiling", {"seed": 1}, "no option 'seed'; it has none here"),
        ("patchcleanser", {"assumed": 1.0}, "assumed area of 1.0"),
        ("certified", {"assumed": 0.0}, "assumed area of 0.0"),
        ("certified", {"area": 0.1}, "no option 'area'; use of assumed, masks, fill"),
    ],
)
def test_what_cannot_be_made(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_defence(name, SmallCNN(), **options)  # type: ignore[arg-type]
