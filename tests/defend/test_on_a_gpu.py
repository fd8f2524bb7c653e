"""Everything of ``defend`` where the model is: on a GPU, with what a CPU gives beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import (
    AdaptiveAttack,
    BlackBoxPatchAttack,
    ConceptBank,
    ConceptShield,
    PatchAttack,
    PatchCleanser,
)
from interlock.defend.attacks.cleanser_attack import CleanserAttack
from interlock.defend.attacks.universal import UniversalPatchAttack
from interlock.defend.concepts.nmf import nnls
from interlock.defend.defences import Scene, make_defence
from interlock.names import PEERS
from tests.networks import SmallCNN

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

BOUNDS = (-1.0, 1.0)


def classifier(*head: nn.Module) -> nn.Module:
    body = (nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*body, *head).eval()


def photos(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator) * 2 - 1
    return nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(-1, 1)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return SmallCNN().cuda()


@pytest.fixture(scope="module")
def shield(model: nn.Module) -> ConceptShield:
    return ConceptShield.fit(model, photos(64).cuda(), concepts=3)


def test_a_shield_of_a_cpu_decides_alike(tmp_path: Path) -> None:
    here = SmallCNN()
    file = ConceptShield.fit(here, photos(64), concepts=3).save(tmp_path / "s.safetensors")
    there = ConceptShield.load(file, SmallCNN().cuda())
    x, y = photos(16, 1), torch.zeros(16, dtype=torch.long)
    x = PatchAttack(area=0.05, steps=5, bounds=BOUNDS)(here, x, y).images
    cpu, gpu = ConceptShield.load(file, here), there.cuda()
    torch.testing.assert_close(gpu.score(x.cuda()).cpu(), cpu.score(x), rtol=1e-3, atol=1e-3)
    assert (gpu.predict(x.cuda()).cpu() == cpu.predict(x)).float().mean() >= 0.9


def test_a_batch_and_its_images_get_the_same_labels(shield: ConceptShield) -> None:
    x = photos(16, 1).cuda()
    alone = torch.cat([shield.predict(one[None]) for one in x])
    assert torch.equal(shield.predict(x), alone)


def test_deterministic_algorithms_may_be_asked_for(shield: ConceptShield) -> None:
    x = photos(8, 1).cuda()
    before = shield.predict(x)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert torch.equal(shield.predict(x), before)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("linear", [True, False])  # importances are Sobol indices where it is not
def test_inspection(linear: bool) -> None:
    head = (nn.Linear(8, 4),) if linear else (nn.Tanh(), nn.Linear(8, 4))
    model = classifier(*head).cuda()
    shield = ConceptShield.fit(model, photos(32).cuda(), concepts=3)
    seen = shield.inspect(photos(1, 1)[0].cuda())
    assert seen.importances.isfinite().all()
    assert seen.exact == linear


def test_codes_are_those_of_a_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    rows, factors = (torch.rand(n, 12, generator=generator) for n in (50, 5))
    torch.testing.assert_close(nnls(rows.cuda(), factors.cuda()).cpu(), nnls(rows, factors))


def test_attacks(model: nn.Module, shield: ConceptShield) -> None:
    x, y = photos(6, 1).cuda(), model(photos(6, 1).cuda()).argmax(dim=1)
    cleanser = PatchCleanser(model, 8, 2)
    made = [
        PatchAttack(steps=2, bounds=BOUNDS, location="search")(model, x, y),
        PatchAttack(steps=2, bounds=BOUNDS, norm="l2", patches=2)(model, x, y),
        UniversalPatchAttack(steps=2, bounds=BOUNDS)(model, x, y),
        AdaptiveAttack(steps=2, restarts=2, decoys=1, bounds=BOUNDS)(shield, x, y),
        CleanserAttack(steps=2, restarts=1, bounds=BOUNDS)(cleanser, x, y),
        BlackBoxPatchAttack(queries=5, bounds=BOUNDS)(shield, x, y),
    ]
    for patched in made:
        assert patched.images.device == patched.masks.device == x.device
        assert torch.equal(torch.where(patched.masks, x, patched.images), x)


@pytest.mark.parametrize("name", ["undefended", "shield", "certified", "ceiling", *PEERS])
def test_defences(name: str, model: nn.Module) -> None:
    x = photos(4, 1).cuda()
    masks = torch.zeros(4, 1, 32, 32, dtype=torch.bool, device="cuda")
    masks[:, :, 3:9, 3:9] = True
    row = make_defence(name, model, photos(32).cuda())
    assert row.defence(x, Scene(masks, 6)).labels.device == x.device
    if row.examine is not None:
        answered, proven = row.examine(x, model(x).argmax(dim=1), Scene(None, 6))
        assert {answered.labels.device, *(v.device for v in proven.values())} == {x.device}


def test_a_bank_is_read_where_the_model_is(tmp_path: Path, model: nn.Module) -> None:
    file = ConceptBank.fit(model, photos(32).cuda(), concepts=3).save(tmp_path / "b.safetensors")
    found = ConceptBank.load(file, model).importances(model, photos(1, 1)[0].cuda(), 1)
    assert found.values.isfinite().all()
