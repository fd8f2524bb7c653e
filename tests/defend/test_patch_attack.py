from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from interlock.defend.attacks.attack import frozen
from interlock.defend.attacks.patch_attack import PatchAttack, margin
from interlock.errors import ModelError, OptionError
from interlock.models.pixel_range import value_range
from tests.networks import SmallCNN


def photos(count: int = 4) -> Tensor:
    return torch.rand(count, 3, 16, 20, generator=torch.Generator().manual_seed(0))


class Spot(nn.Module):
    """Class 1 gains with the brightness of one quarter only; the best patch lies there."""

    def forward(self, x: Tensor) -> Tensor:
        spot = x[:, :, 8:, 10:].sum(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(spot), spot], dim=1)


def test_margin_by_hand() -> None:
    logits = torch.tensor([[1.0, 5.0, 2.0], [1.0, 5.0, 2.0]])
    assert margin(logits, torch.tensor([1, 2])).tolist() == [-3.0, 3.0]


@settings(max_examples=25)
@given(
    shape=st.sampled_from(["square", "rectangle", "disc"]),
    norm=st.sampled_from(["free", "l2"]),
    location=st.sampled_from(["random", "search"]),
    targeted=st.booleans(),
    patches=st.integers(1, 2),
    steps=st.integers(1, 3),
    restarts=st.integers(1, 2),
    seed=st.integers(0, 100),
)
def test_inside_its_region_and_range_and_never_worse(
    shape, norm, location, targeted, patches, steps, restarts, seed
) -> None:
    model, images = SmallCNN(), photos(3)
    labels = torch.tensor([0, 1, 2])
    found = PatchAttack(
        area=0.1, shape=shape, norm=norm, location=location, targeted=targeted, epsilon=1.0,
        patches=patches, steps=steps, restarts=restarts, candidates=2, seed=seed,
    )(model, images, labels)  # fmt: skip
    outside = ~found.masks.expand_as(images)
    assert torch.equal(found.images[outside], images[outside])
    if norm == "l2":
        assert ((found.images - images).flatten(1).norm(dim=1) <= 1 + 1e-5).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    sign = -1 if targeted else 1
    before, after = (sign * margin(model(x), labels) for x in (images, found.images))
    assert (after >= before - 1e-6).all()
    assert [len(p) for p in found.places] == [patches] * 3
    boxes = [sum(p.height * p.width for p in image_places) for image_places in found.places]
    covered = found.masks.sum(dim=(1, 2, 3)).tolist()
    assert all(0 < c <= b for c, b in zip(covered, boxes, strict=True))
    if shape != "disc":
        assert covered == boxes, "patches overlap"


def test_l2_ball() -> None:
    images = torch.full((2, 3, 16, 20), 0.5)
    labels = torch.tensor([0, 0])
    for epsilon in (0.05, 0.5):
        found = PatchAttack(
            area=0.2, norm="l2", epsilon=epsilon, steps=100, location=(8, 10), bounds=(0.0, 1.0)
        )(Spot(), images, labels)
        moved = (found.images - images).flatten(1).norm(dim=1)
        # A linear margin is largest on the sphere, along its gradient.
        assert torch.allclose(moved, torch.full((2,), epsilon), rtol=1e-4)
        side = round(math.sqrt(0.2 * 320))
        delta = epsilon / math.sqrt(3 * side**2)
        inside = found.images[found.masks.expand_as(images)]
        torch.testing.assert_close(inside, torch.full_like(inside, 0.5 + delta), atol=5e-2 * delta, rtol=0)  # fmt: skip


def test_l2_stays_inside_the_range() -> None:
    """Nothing is darker than black, so that a start that is cannot be improved on."""
    black = torch.zeros(8, 3, 16, 20)
    attack = PatchAttack(
        area=0.1, norm="l2", epsilon=1.0, steps=2, location=(9, 12), targeted=True, bounds=(0, 1)
    )
    assert attack(Spot(), black, torch.zeros(8, dtype=torch.long)).images.min() >= 0


def test_free_pixels_reach_the_best_corner() -> None:
    images = photos(2)
    found = PatchAttack(area=0.1, steps=40, location=(9, 12))(Spot(), images, torch.tensor([0, 0]))
    assert (found.images[found.masks.expand_as(images)] == 1).all()
    wanted = PatchAttack(area=0.1, steps=40, location=(9, 12), targeted=True)
    assert torch.equal(wanted(Spot(), images, torch.tensor([1, 1])).images, found.images)
    darker = wanted(Spot(), images, torch.tensor([0, 0]))
    assert (darker.images[darker.masks.expand_as(images)] == 0).all()


def test_bounds_by_channel() -> None:
    low, high = torch.tensor([-1.0, -2.0, -3.0]), torch.tensor([1.0, 2.0, 3.0])
    found = PatchAttack(area=0.1, steps=40, location=(9, 12), bounds=(low, high))(
        Spot(), photos(1), torch.tensor([0])
    )
    inside = found.images[0][:, found.masks[0, 0]]
    assert torch.equal(inside, high[:, None].expand_as(inside))


def test_range_where_none_is_given() -> None:
    for images, ends in (
        (torch.rand(2, 3, 4, 4), (0.0, 1.0)),
        (torch.rand(2, 3, 4, 4) - 0.5, (-1.0, 1.0)),
    ):
        low, high = value_range(images, None)
        assert (low == ends[0]).all()
        assert (high == ends[1]).all()
    wide = 5 * torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    low, high = value_range(wide, None)
    assert torch.equal(low.flatten(), wide.amin(dim=(0, 2, 3)))
    assert torch.equal(high.flatten(), wide.amax(dim=(0, 2, 3)))
    with pytest.raises(OptionError, match="not below white"):
        value_range(wide, (1.0, 0.0))


def test_search_takes_the_better_place() -> None:
    images, labels = torch.full((6, 3, 16, 20), 0.5), torch.zeros(6, dtype=torch.long)
    options = {"area": 0.1, "steps": 20, "bounds": (0.0, 1.0)}
    random = PatchAttack(**options)(Spot(), images, labels)
    searched = PatchAttack(**options, location="search", candidates=8)(Spot(), images, labels)
    reached = [margin(Spot()(found.images), labels).mean() for found in (random, searched)]
    assert reached[1] > reached[0]


def test_restarts_keep_the_best(small_cnn: SmallCNN) -> None:
    images, labels = photos(), torch.tensor([0, 1, 2, 3])
    one, three = (
        PatchAttack(area=0.1, steps=3, restarts=r)(small_cnn, images, labels) for r in (1, 3)
    )
    assert (margin(small_cnn(three.images), labels) >= margin(small_cnn(one.images), labels) - 1e-6).all()  # fmt: skip


def test_same_seed_same_bytes(small_cnn: SmallCNN) -> None:
    images, labels = photos(), torch.tensor([0, 1, 2, 3])
    runs = [PatchAttack(area=0.1, steps=4, seed=s)(small_cnn, images, labels) for s in (0, 0, 1)]
    assert torch.equal(runs[0].images, runs[1].images)
    assert runs[0].places == runs[1].places
    assert not torch.equal(runs[0].images, runs[2].images)


@pytest.mark.parametrize("location", ["random", "search"])
def test_nothing_is_left_behind(small_cnn: SmallCNN, location) -> None:
    images, labels = photos(), torch.tensor([0, 1, 2, 3])
    before, kept = copy.deepcopy(small_cnn.state_dict()), images.clone()
    state = torch.get_rng_state()
    found = PatchAttack(steps=3, location=location, restarts=2)(small_cnn, images, labels)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images, kept)
    assert not found.images.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in small_cnn.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in small_cnn.parameters())


def test_frozen_gives_back_what_it_took(small_cnn: SmallCNN) -> None:
    small_cnn.head.bias.requires_grad_(False)
    seen = []

    def fail() -> None:
        with frozen(small_cnn):
            seen.extend(p.requires_grad for p in small_cnn.parameters())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert seen
    assert not any(seen)
    assert [n for n, p in small_cnn.named_parameters() if not p.requires_grad] == ["head.bias"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"area": 0.95}, "larger than the 16x20 image"),
        ({"area": 0.9, "shape": "rectangle"}, "larger than the 16x20 image"),
        ({"area": 0.1, "location": (14, 0)}, "leaves the 16x20 image"),
        ({"area": 0.1, "location": (-1, 0)}, "leaves the 16x20 image"),
        ({"area": 0.9, "patches": 3}, "do not fit beside each other"),
        ({"patches": 2, "location": (0, 0)}, "use patches=1"),
        ({"location": "best"}, "'random', 'search'"),
        ({"norm": "linf"}, "'free' or 'l2'"),
        ({"steps": 0}, "at least 1"),
        ({"norm": "l2", "epsilon": -1.0}, "radius above 0"),
        ({"shape": "star"}, "square, rectangle, disc"),
    ],
)
def test_options_out_of_range(small_cnn: SmallCNN, options, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        PatchAttack(**{"steps": 1, **options})(small_cnn, photos(1), torch.tensor([0]))


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (photos()[0], torch.tensor([0])),
        (photos().byte(), torch.tensor([0, 1, 2, 3])),
        (photos(), torch.tensor([0, 1])),
        (photos(4)[:0], torch.zeros(0, dtype=torch.long)),
        (photos(2), torch.tensor([0, 1], dtype=torch.int32)),
        (photos(2), torch.tensor([0, -1])),
        (photos(2), torch.tensor([0, 99])),
    ],
)
def test_what_is_no_batch(small_cnn: SmallCNN, images: Tensor, labels: Tensor) -> None:
    with pytest.raises(OptionError):
        PatchAttack(steps=1)(small_cnn, images, labels)


def test_nan_logits() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(dim=(2, 3)) / 0 * 0

    with pytest.raises(ModelError, match="not finite"):
        PatchAttack(steps=1)(Broken(), photos(1), torch.tensor([0]))
