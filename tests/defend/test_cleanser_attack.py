"""The attack on PatchCleanser: through its masks, in expectation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from interlock.defend.attacks.cleanser_attack import CleanserAttack
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.attacks.patch_attack import PatchAttack, margin
from interlock.defend.peers.patch_cleanser import PatchCleanser
from tests.networks import SmallCNN


@pytest.fixture(scope="module")
def case() -> tuple[PatchCleanser, Tensor, Tensor]:
    x = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    model = SmallCNN()
    with torch.no_grad():
        return PatchCleanser(model, 10, 3), x, model(x).argmax(dim=1)


def expected_margin(cleanser: PatchCleanser, x: Tensor, y: Tensor) -> Tensor:
    """(N,): over all of the masks, which a random one only samples."""
    with torch.no_grad():
        masks = cleanser.mask_set(*x.shape[-2:])
        shown = [margin(cleanser.model(torch.where(m, torch.zeros_like(x), x)), y) for m in masks]
    return torch.stack(shown).mean(dim=0)


def test_it_raises_the_margin_under_the_masks(case: tuple[PatchCleanser, Tensor, Tensor]) -> None:
    cleanser, x, y = case
    adapted = CleanserAttack(area=0.1, steps=40, restarts=1, bounds=(0.0, 1.0))(cleanser, x, y)
    assert torch.equal(adapted.images[~adapted.masks.expand_as(x)], x[~adapted.masks.expand_as(x)])
    before, after = expected_margin(cleanser, x, y), expected_margin(cleanser, adapted.images, y)
    assert bool((after > before).all())
    right = (cleanser.predict(adapted.images) == y).float().mean()
    plain = PatchAttack(area=0.1, steps=40, bounds=(0.0, 1.0))(cleanser.model, x, y)
    assert right <= (cleanser.predict(plain.images) == y).float().mean()


def test_a_seed_repeats_it_and_another_does_not(
    case: tuple[PatchCleanser, Tensor, Tensor],
) -> None:
    cleanser, x, y = case
    made = [CleanserAttack(area=0.1, steps=3, seed=s)(cleanser, x, y).images for s in (0, 0, 1)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_adaptive_by_name_is_this_one_on_patchcleanser(
    case: tuple[PatchCleanser, Tensor, Tensor],
) -> None:
    cleanser, x, y = case
    options = NamedAttacks(steps=3, restarts=2, seed=4, bounds=(0.0, 1.0))
    assert isinstance(options.made("adaptive", 0.1, against="patchcleanser"), CleanserAttack)
    made = options.craft("adaptive", 0.1, cleanser.model, cleanser, x, y, turn=1)
    attack = CleanserAttack(area=0.1, steps=3, restarts=2, seed=5, bounds=(0.0, 1.0))
    expected = attack(cleanser, x, y)
    assert torch.equal(made.masks, expected.masks)
    assert (made.images - expected.images).abs().max() <= 0.5 / 255 + 1e-6
