"""Hardening: what it learns, when it is kept, and that an interruption costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import CertifiedShield, harden
from interlock.defend.certified.distill import Distillation, distilled, views, worst_masks
from interlock.defend.certified.visible_maps import visible_maps
from interlock.defend.fill import pull_push
from interlock.errors import DataError, ModelError, OptionError
from tests.networks import SmallCNN

SIDE = 16


def checked(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Chequered photos, black first or white first, which no smooth fill can continue."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (count,), generator=g)
    board = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)) % 2 * 2.0 - 1
    noise = 0.5 * torch.randn(count, 1, SIDE, SIDE, generator=g)
    return (2.0 * labels - 1).view(-1, 1, 1, 1) * board + noise, labels


def corner() -> nn.Module:
    """Looks at a corner alone, though the evidence is everywhere; by chance or by training."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2))
    board = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)) % 2 * 2.0 - 1
    seen = torch.zeros(SIDE, SIDE)
    seen[:4, :4] = board[:4, :4] / 4
    with torch.no_grad():
        model[1].weight.copy_(torch.stack([-seen.flatten(), seen.flatten()]))
        model[1].bias.zero_()
    return model.eval()


OPTIONS = {"area": 0.02, "steps": 60, "batch_size": 16, "mirror": False, "learning_rate": 0.05}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shifts: a pixel to the side, a chequered board is of the other class."""
    monkeypatch.setattr("interlock.defend.certified.distill.SHIFT", 10**6)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a: nn.Module, b: nn.Module | dict[str, Tensor]) -> bool:
    other = b if isinstance(b, dict) else b.state_dict()
    return all(torch.equal(value, other[name]) for name, value in a.state_dict().items())


def test_it_spreads_what_a_model_looks_at() -> None:
    model, (x, y) = corner(), checked(100, 0)
    before = state(model)
    hard = harden(model, x, **OPTIONS)
    assert same(model, before)
    assert hard.hardening.kept
    assert (hard.hardening.photos, hard.hardening.held_out, hard.hardening.steps) == (80, 20, 60)
    assert hard.hardening.certified[1] > hard.hardening.certified[0]
    assert hard.hardening.reason.startswith("certified rose from")
    fresh, truth = checked(60, 1)
    shares = [
        CertifiedShield(m, area=0.02, masks=3, allowance=0).certified(fresh, truth).float().mean()
        for m in (model, hard)
    ]
    assert shares[0] < 0.1
    assert shares[1] > 0.9
    assert same(harden(model, x.split(30), **OPTIONS), hard)  # batches, and the same seed
    assert not same(harden(model, x, **OPTIONS, seed=1), hard)
    labelled = harden(model, x, labels=y, **OPTIONS)  # that of the model are the true ones
    assert same(labelled, hard)
    assert labelled.hardening.clean[0] == float(
        (model(x[4::5]).argmax(dim=1) == y[4::5]).float().mean()
    )


def test_true_labels_are_learned_where_they_are_told() -> None:
    """A model that is wrong of all: without labels it learns to be wrong under masks, too."""
    model, (x, y) = corner(), checked(100, 0)
    model[1].weight.data.neg_()
    fresh, truth = checked(60, 1)
    right = {
        told: float(
            (harden(model, x, labels=labels, **OPTIONS)(fresh).argmax(dim=1) == truth)
            .float()
            .mean()
        )
        for told, labels in (("none", None), ("true", y))
    }
    assert right["none"] < 0.1
    assert right["true"] > 0.9


def test_what_does_not_help_is_given_back() -> None:
    model, (x, _) = corner(), checked(60, 0)
    wrecked = harden(model, x, **OPTIONS | {"learning_rate": 1e-9, "steps": 1})
    assert not wrecked.hardening.kept
    assert wrecked is not model
    assert same(wrecked, model)
    assert "certified did not rise above" in wrecked.hardening.reason
    assert wrecked.hardening.certified[0] == wrecked.hardening.certified[1]
    assert not hasattr(model, "hardening")


def test_clean_labels_that_are_lost_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training is replaced by one that survives all masks and answers one class always."""
    model, (x, _) = corner(), checked(60, 0)

    def spoiled(*arguments: object, **options: object) -> object:
        made = distilled(model, x, Distillation(steps=1))
        with torch.no_grad():
            made.model[1].weight.zero_()
            made.model[1].bias.copy_(torch.tensor([1e6, 0.0]))
        return made

    monkeypatch.setattr("interlock.defend.certified.hardening.distilled", spoiled)
    hard = harden(model, x, **OPTIONS)
    assert not hard.hardening.kept
    assert same(hard, model)
    assert hard.hardening.reason.startswith("clean accuracy fell from 1.000 to")


@pytest.mark.parametrize("network", [corner, lambda: small(3)])
def test_it_goes_on_where_it_was_stopped(tmp_path: Path, network: Callable[[], nn.Module]) -> None:
    model, (x, _) = network(), checked(40, 0)
    x = x.expand(-1, 3, -1, -1).contiguous() if isinstance(model, SmallCNN) else x
    options = Distillation(steps=12, batch_size=8, seed=3)
    whole = distilled(model, x, options)
    file = tmp_path / "part.safetensors"
    steps: list[int] = []

    def impatient(done: int, total: int) -> None:
        steps.append(done)
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distilled(model, x, options, checkpoint=file, told=impatient)
    resumed = distilled(
        model, x, options, checkpoint=file, told=lambda done, total: steps.append(done)
    )
    assert steps == list(range(1, 13))
    assert same(resumed.model, whole.model)
    again = distilled(model, x, options, checkpoint=file, told=lambda done, total: steps.append(99))
    assert same(again.model, whole.model)
    assert 99 not in steps
    # another training takes nothing of it up
    other = Distillation(steps=12, batch_size=8, seed=4)
    assert same(distilled(model, x, other, checkpoint=file).model, distilled(model, x, other).model)
    file.write_bytes(b"damaged")
    assert same(distilled(model, x, options, checkpoint=file).model, whole.model)


def small(channels: int) -> nn.Module:
    return SmallCNN(channels=channels)


def test_a_time_budget_ends_it() -> None:
    model, (x, _) = corner(), checked(40, 0)
    made = distilled(model, x, Distillation(steps=10**6, batch_size=4), seconds=0.2)
    assert 1 <= made.steps < 10**5
    assert made.seconds < 20


def test_batch_normalisation_is_left_as_it_is_used() -> None:
    model = small(3)
    flags = [p.requires_grad for p in model.parameters()]
    before = state(model)
    x = torch.randn(24, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    made = distilled(model, x, Distillation(steps=2, batch_size=8))
    assert same(model, before)
    assert not any(m.training for m in [*model.modules(), *made.model.modules()])
    assert [p.requires_grad for p in made.model.parameters()] == flags
    assert not same(made.model, before)


def test_statistics_of_the_batch_are_trained_with_where_they_lose_no_right_answers() -> None:
    """They change many labels of this network; only who is told the truth knows that none is lost."""
    model = small(3)
    x = 3 * torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + 2
    by_batch = deepcopy(model)
    by_batch.norm.train()
    with torch.no_grad():
        logits = by_batch(x)
        model.head.bias -= logits.mean(dim=0)  # else one class has them all
        truth = (logits - logits.mean(dim=0)).argmax(dim=1)
        assert (model(x).argmax(dim=1) == truth).float().mean() < 0.9
    options = Distillation(steps=1, batch_size=32, mirror=False)
    moved = {
        told: not torch.equal(made.norm.running_mean, model.norm.running_mean)
        for told, made in (
            ("nothing", distilled(model, x, options).model),
            ("truth", distilled(model, x, options, labels=truth).model),
        )
    }
    assert moved == {"nothing": False, "truth": True}


def test_views_are_crops_and_the_same_under_two_squares() -> None:
    x, _ = checked(20, 0)
    _, crops, masked, squares = views(x, Distillation(batch_size=6), 0)
    assert (crops.shape, masked.shape) == ((6, 1, SIDE, SIDE), (18, 1, SIDE, SIDE))
    assert torch.equal(masked, pull_push(crops.repeat(3, 1, 1, 1), squares))
    changed = (masked != crops.repeat(3, 1, 1, 1)).float().mean(dim=(1, 2, 3))
    assert (changed > 0).all()
    assert (changed <= 2 * 0.32**2 + 0.1).all()
    assert not torch.equal(crops, views(x, Distillation(batch_size=6), 1).crops)


def test_squares_are_as_large_as_asked() -> None:
    x = torch.rand(6, 1, 50, 50)
    for least, largest in ((0.2, 0.2), (0.5, 0.6)):
        seen = views(x, Distillation(batch_size=6, squares=(least, largest)), 0)
        sides = [mask[0].any(dim=axis).sum().item() for mask in seen.hidden for axis in (0, 1)]
        assert min(sides) >= 50 * least
        assert max(sides) <= 2 * 50 * largest
        assert seen.hidden.sum(dim=(1, 2, 3)).max() <= 2 * (50 * largest) ** 2
    for bad in ((0.0, 0.2), (0.3, 0.2), (0.5, 1.1)):
        with pytest.raises(OptionError, match="two shares of the side"):
            Distillation(squares=bad)


def test_of_more_draws_the_worst_three_of_each_crop_are_trained_under() -> None:
    model, x = small(3), torch.rand(20, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    _, crops, masked, squares = views(x, Distillation(batch_size=6, draws=8), 0)
    assert len(masked) == len(squares) == 48
    labels = model(crops).argmax(dim=1)
    with torch.no_grad(), visible_maps(squares):
        losses = nn.functional.cross_entropy(model(masked), labels.repeat(8), reduction="none")
    chosen = worst_masks(model, masked, squares, labels, [])
    assert sorted(chosen.remainder(6).tolist()) == sorted(list(range(6)) * 3)
    for crop in range(6):
        own = losses[crop::6].sort(descending=True).values
        taken = losses[chosen[chosen % 6 == crop]].sort(descending=True).values
        assert torch.allclose(taken, own[:3])
    with pytest.raises(OptionError, match="draws=2; use at least 3"):
        Distillation(draws=2)


def test_one_line_for_each_mistake() -> None:
    x, _ = checked(30, 0)
    with pytest.raises(DataError, match="19 clean images; give at least 20"):
        harden(corner(), x[:19])
    with pytest.raises(DataError, match="several sizes"):
        harden(corner(), [x, x[..., :8]])
    with pytest.raises(ModelError, match="single precision"):
        harden(corner().double(), x.double())
    with pytest.raises(ModelError, match="training mode"):
        harden(small(3).train(), x)
    for wrong in ({"steps": 0}, {"seconds": 0}, {"learning_rate": -1.0}, {"area": 2.0}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            harden(corner(), x, **wrong)
