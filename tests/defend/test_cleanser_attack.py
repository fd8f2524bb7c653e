"""The attack on PatchCleanser: through its masks, in expectation."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend import CertifiedShield
from interlock.defend.attacks.cleanser_attack import CleanserAttack, weakest_entries
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


class Blobs(nn.Module):
    """Class 0 by a large red blob, 1 and 2 by a small green or blue one; 1 where there is none.

    A weak model for double masking: where two blobs are red, one pair of masks leaves neither.
    """

    def forward(self, x: Tensor) -> Tensor:
        red, green, blue = x.unbind(dim=1)

        def strongest(plane: Tensor, side: int) -> Tensor:
            return F.avg_pool2d(plane[:, None], side, 1).flatten(1).amax(dim=1)

        large = 6 * strongest(red - (green + blue) / 2, 7)
        return torch.stack(
            [large, 1 + 9 * strongest(green - red, 3), 0.5 + 9 * strongest(blue - red, 3)], dim=1
        )


@pytest.fixture(scope="module")
def weak() -> tuple[nn.Module, Tensor, Tensor]:
    g = torch.Generator().manual_seed(3)
    x = 0.1 * torch.rand(8, 1, 24, 24, generator=g).expand(-1, 3, -1, -1).clone()
    for image, (top, left) in zip(
        x, torch.randint(0, 3, (8, 2), generator=g).tolist(), strict=True
    ):
        image[0, top : top + 7, left : left + 7] += 0.9
        image[0, 15:22, 16:23] += 0.9
    model = Blobs()
    return model, x, model(x).argmax(dim=1)


def test_the_guided_way_beats_what_the_expected_one_does_not(
    weak: tuple[nn.Module, Tensor, Tensor],
) -> None:
    model, x, y = weak
    assert (y == 0).all()
    for defence in (
        PatchCleanser(model, 5, 3, fill="pull_push"),
        CertifiedShield(model, area=25 / 576, masks=3, allowance=0),
    ):
        assert torch.equal(defence.predict(x), y)
        options = {"area": 25 / 576, "steps": 20, "restarts": 2, "bounds": (0.0, 1.0)}
        right = {}
        for guided in (False, True):
            made = CleanserAttack(**options, guided=guided)(defence, x, y)
            outside = ~made.masks.expand_as(x)
            assert torch.equal(made.images[outside], x[outside])
            assert made.masks.flatten(1).sum(dim=1).tolist() == [25] * len(x)
            assert made.images.min() >= 0
            assert made.images.max() <= 1
            right[guided] = defence.predict(made.images) == y
        assert (right[True] <= right[False]).all()
        assert right[True].sum() < right[False].sum()
        if isinstance(defence, CertifiedShield):
            certified = defence.certified(x, y)
            assert right[True][certified].all()
            assert not certified.any()


def test_a_certified_defence_stands(weak: tuple[nn.Module, Tensor, Tensor]) -> None:
    """Nine red blobs: no pair of masks hides all, and nothing that is painted is heard."""
    model, x, y = weak
    x = x[:2].clone()
    for top, left in itertools.product((0, 8, 17), repeat=2):
        x[:, 0, top : top + 7, left : left + 7] = 1.0
    safe = CertifiedShield(model, area=25 / 576, masks=3, allowance=0)
    assert safe.certified(x, y[:2]).all()
    made = CleanserAttack(area=25 / 576, steps=10, restarts=2, bounds=(0.0, 1.0))(safe, x, y[:2])
    assert (model(made.images).argmax(dim=1) != y[:2]).any()
    assert torch.equal(safe.predict(made.images), y[:2])


def test_the_weakest_entry_of_each_row(weak: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, x, _ = weak
    safe = CertifiedShield(model, area=0.04, masks=2)
    masks = safe.mask_set(24, 24)
    leads, goals = weakest_entries(safe, masks, x[:1], 0)
    for m, (lead, goal) in enumerate(zip(leads, goals, strict=True)):
        logits = torch.cat([safe.under(x[:1], (masks[m] | o)[None]) for o in masks])
        others = logits[:, 1:] - logits[:, :1]
        assert lead == pytest.approx(float(others.max()), abs=1e-5)
        assert int(goal) == int(others.amax(dim=0).argmax()) + 1


def test_adaptive_by_name_is_guided_on_a_certified_shield(
    weak: tuple[nn.Module, Tensor, Tensor],
) -> None:
    model, x, _ = weak
    safe = CertifiedShield(model, area=0.04, masks=2)
    y = safe.predict(x[:2])
    options = NamedAttacks(steps=2, restarts=1, bounds=(0.0, 1.0))
    made = options.craft("adaptive", 0.04, model, safe, x[:2], y)
    expected = CleanserAttack(area=0.04, steps=2, restarts=1, bounds=(0.0, 1.0))(safe, x[:2], y)
    assert torch.equal(made.masks, expected.masks)
