"""What all attacks have in common, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import ConceptShield, PatchAttack, PatchCleanser
from interlock.defend.attacks.attack import AttackOnDefence, ImageAttack, Patched
from interlock.defend.attacks.named import DESCRIPTIONS, NamedAttacks
from interlock.errors import OptionError
from interlock.names import ATTACKS, ON_SHIELD
from tests.networks import SmallCNN

AREA = 0.1
LOW, HIGH = torch.tensor([-2.0, -1.0, 0.0]), torch.tensor([2.0, 3.0, 1.0])
"""Black and white of each channel."""


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return SmallCNN()


@pytest.fixture(scope="module")
def defences(model: nn.Module) -> dict[str, nn.Module]:
    clean = between(torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(1)))
    return {
        "shield": ConceptShield.fit(model, clean, concepts=2),
        "patchcleanser": PatchCleanser(model, 6, 2),
    }


@pytest.fixture(scope="module")
def photos(model: nn.Module) -> tuple[Tensor, Tensor]:
    x = between(torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(2)))
    with torch.no_grad():
        return x, model(x).argmax(dim=1)


def between(shares: Tensor) -> Tensor:
    low, high = LOW.view(1, 3, 1, 1), HIGH.view(1, 3, 1, 1)
    return low + (high - low) * shares


def options(model: nn.Module, photos: tuple[Tensor, Tensor], seed: int) -> NamedAttacks:
    made = NamedAttacks(steps=2, restarts=1, queries=6, bounds=(LOW, HIGH), seed=seed)
    return replace(made, patches={AREA: made.train(model, AREA, *photos)})


@pytest.mark.parametrize(
    ("name", "defence"), [*((name, "shield") for name in ATTACKS), ("adaptive", "patchcleanser")]
)
def test_every_attack_keeps_to_its_mask_and_its_range_and_repeats_itself(
    name: str,
    defence: str,
    model: nn.Module,
    defences: dict[str, nn.Module],
    photos: tuple[Tensor, Tensor],
) -> None:
    def crafted(seed: int) -> Patched:
        made = options(model, photos, seed)
        return made.craft(name, AREA, model, defences[defence], *photos, turn=1)

    x, _ = photos
    before = x.clone()
    patched = crafted(0)
    inside = patched.masks.expand_as(x)
    assert torch.equal(x, before)
    assert 0 < int(inside.sum()) < 2 * AREA * x.numel()
    assert torch.equal(patched.images[~inside], x[~inside])
    assert not torch.equal(patched.images, x)
    shares = (patched.images - LOW.view(1, 3, 1, 1)) / (HIGH - LOW).view(1, 3, 1, 1)
    assert shares.min() >= -1e-6
    assert shares.max() <= 1 + 1e-6
    levels = 255 * shares
    assert (levels - levels.round())[inside].abs().max() < 1e-3  # as in a file
    again, other = crafted(0), crafted(3)
    assert torch.equal(again.images, patched.images)
    assert torch.equal(again.masks, patched.masks)
    assert again.places == patched.places
    assert not torch.equal(other.images, patched.images)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_on_a_defence_are_those_that_cannot_do_without(
    name: str, model: nn.Module, photos: tuple[Tensor, Tensor]
) -> None:
    made = options(model, photos, 0)
    attack = made.made(name, AREA)
    assert isinstance(attack, ImageAttack)
    assert isinstance(attack, AttackOnDefence) == (name in ON_SHIELD)
    if name in ON_SHIELD:
        with pytest.raises(OptionError, match="is made against a defence; give one"):
            made.craft(name, AREA, model, None, *photos)
    else:
        assert made.craft(name, AREA, model, None, *photos).masks.any()


def test_every_attack_has_a_few_words() -> None:
    assert list(DESCRIPTIONS) == list(ATTACKS)


def test_what_cannot_be_crafted_is_refused(model: nn.Module, photos: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(OptionError, match="'glued' is unknown"):
        NamedAttacks().made("glued", AREA)
    with pytest.raises(OptionError, match="train it first"):
        NamedAttacks().craft("universal", AREA, model, None, *photos)


def test_options_go_to_the_attacks_that_have_them() -> None:
    options = NamedAttacks(steps=7, restarts=2, shape="disc", location=(1, 2), queries=9, seed=3)
    assert options.made("patch", 0.1, turn=4) == PatchAttack(
        area=0.1, steps=7, restarts=2, shape="disc", location=(1, 2), seed=7
    )
    assert options.options("searched", 0.1)["location"] == "search"
    assert options.options("two-patches", 0.1)["patches"] == 2
    assert options.options("black-box", 0.1)["queries"] == 9
    assert options.options("black-box", 0.1)["location"] is None
    assert options.options("universal", 0.1)["steps"] == 7
    assert options.options("adaptive", 0.1)["restarts"] == 2
    assert options.options("adaptive", 0.1, against="patchcleanser")["restarts"] == 2
    assert NamedAttacks().options("adaptive", 0.1)["steps"] == 200


def test_a_location_may_come_from_a_file_as_a_list() -> None:
    listed = NamedAttacks(location=[1, 2])  # type: ignore[arg-type]
    assert listed.made("patch", 0.1) == NamedAttacks(location=(1, 2)).made("patch", 0.1)
