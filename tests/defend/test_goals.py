"""Classes for targeted attacks."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from interlock.defend.attacks.goals import far_classes
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.attacks.patch_attack import PatchAttack
from tests.networks import SmallCNN


@given(
    classes=st.integers(2, 40),
    labels=st.lists(st.integers(0, 1000), min_size=1, max_size=30),
    turn=st.integers(0, 2**28),
)
def test_neither_the_true_class_nor_a_neighbour(classes: int, labels: list[int], turn: int) -> None:
    y = torch.tensor(labels) % classes
    goals = far_classes(y, classes, turn)
    away = (goals - y) % classes
    assert bool(((goals >= 0) & (goals < classes)).all())
    assert bool((away != 0).all())
    if classes >= 4:
        assert bool(((away != 1) & (away != classes - 1)).all())


def test_goals_go_round_all_others() -> None:
    y = torch.full((14,), 3)
    goals = far_classes(y, 10)
    assert set(goals.tolist()) == set(range(10)) - {2, 3, 4}
    assert torch.equal(far_classes(y, 10, 5)[:9], goals[5:])  # in any batches


def test_the_named_attack_goes_there() -> None:
    model, x = SmallCNN(), torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = model(x).argmax(dim=1)
        classes = model(x).shape[1]
    options = NamedAttacks(steps=20, seed=3, bounds=(0.0, 1.0))
    made = options.craft("targeted", 0.2, model, None, x, y, turn=2)
    attack = PatchAttack(area=0.2, steps=20, targeted=True, seed=5, bounds=(0.0, 1.0))
    expected = attack(model, x, far_classes(y, classes, 2))
    assert torch.equal(made.masks, expected.masks)
    assert (made.images - expected.images).abs().max() <= 0.5 / 255 + 1e-6
