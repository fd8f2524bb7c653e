from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interlock.defend.attacks import universal
from interlock.defend.attacks.patch_attack import margin
from interlock.defend.attacks.universal import UniversalPatch, UniversalPatchAttack
from interlock.errors import ModelError, OptionError
from tests.networks import SmallCNN

STILL = {"scale": (1.0, 1.0), "rotation": 0.0, "brightness": 0.0}


def photos(count: int = 12, size: tuple[int, int] = (20, 24)) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(0))


def plain(pixels: Tensor) -> UniversalPatch:
    outline = torch.ones(pixels.shape[-2:], dtype=torch.bool)
    ends = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    return UniversalPatch(pixels, outline, *ends)


def box(place) -> tuple[slice, slice]:
    return (
        slice(place.top, place.top + place.height),
        slice(place.left, place.left + place.width),
    )


@pytest.mark.parametrize(("h", "w"), [(5, 5), (4, 8), (1, 3)])
def test_an_upright_patch_is_copied_pixel_by_pixel(h: int, w: int) -> None:
    pixels = torch.rand(3, h, w, generator=torch.Generator().manual_seed(1))
    images = photos()
    found = UniversalPatchAttack(**STILL).apply(plain(pixels), images)
    for image, before, mask, (place,) in zip(
        found.images, images, found.masks, found.places, strict=True
    ):
        assert (place.height, place.width) == (h, w)
        assert mask.sum() == h * w
        assert mask[0][box(place)].all()
        torch.testing.assert_close(image[:, *box(place)], pixels, atol=1e-5, rtol=0)
        assert torch.equal(image[~mask.expand_as(image)], before[~mask.expand_as(image)])
    assert len({(p.top, p.left) for (p,) in found.places}) > 6


def test_a_quarter_turn_is_rot90(monkeypatch: pytest.MonkeyPatch) -> None:
    class QuarterTurn:
        """Draws 90 degrees, and elsewhere what a generator would."""

        def __init__(self, _seed: object) -> None:
            self.values = iter([(1.0,), (90.0,), (0.0,)])

        def uniform(self, low: float, high: float, size: int):
            (value,) = next(self.values)
            return np.full(size, value)

        def integers(self, low: int, high):
            return np.asarray(high) - 1

    monkeypatch.setattr(universal.np.random, "default_rng", QuarterTurn)
    pixels = torch.rand(3, 3, 6, generator=torch.Generator().manual_seed(1))
    found = UniversalPatchAttack().apply(plain(pixels), photos(1))
    (place,) = found.places[0]
    assert (place.height, place.width) == (6, 3)
    assert found.masks.sum() == 18
    inside = found.images[0][:, *box(place)]
    turned = [torch.rot90(pixels, k, dims=(1, 2)) for k in (1, 3)]
    assert any(torch.allclose(inside, t, atol=1e-5) for t in turned)


@pytest.mark.parametrize("shape", ["square", "rectangle", "disc"])
def test_it_stays_inside_its_region_and_range(small_cnn: SmallCNN, shape) -> None:
    images = photos()
    labels = small_cnn(images).argmax(dim=1)
    attack = UniversalPatchAttack(
        area=0.08, steps=3, shape=shape, scale=(0.8, 1.2), rotation=45, brightness=0.3
    )
    found = attack(small_cnn, images, labels)
    outside = ~found.masks.expand_as(images)
    assert torch.equal(found.images[outside], images[outside])
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    for mask, (place,) in zip(found.masks[:, 0], found.places, strict=True):
        assert mask[box(place)].sum() == mask.sum()
        # Within its scales, give or take the pixels on the edge.
        area, edge = 0.08 * 20 * 24, 4 * math.sqrt(0.08 * 20 * 24)
        assert 0.64 * area - edge <= mask.sum() <= 1.44 * area + edge


class Brightest(nn.Module):
    """Class 1 the more red and the less green the image is."""

    def forward(self, x: Tensor) -> Tensor:
        red, green, _ = x.mean(dim=(2, 3)).unbind(dim=1)
        return torch.stack([torch.zeros_like(red), red - green], dim=1)


def test_it_finds_the_best_patch_of_a_linear_model() -> None:
    images = torch.full((8, 3, 20, 20), 0.5)
    labels = torch.zeros(8, dtype=torch.long)
    attack = UniversalPatchAttack(area=0.1, steps=60, bounds=(0.0, 1.0))
    patch = attack.train(Brightest(), images, labels)
    red, green, _ = patch.pixels
    assert (red > 0.95).all()
    assert (green < 0.05).all()
    targeted = UniversalPatchAttack(area=0.1, steps=60, bounds=(0.0, 1.0), targeted=True)
    wanted = targeted.train(Brightest(), images, 1 - labels)
    assert (wanted.pixels[0] > 0.95).all()


def test_it_carries_over_to_other_images(small_cnn: SmallCNN) -> None:
    images = photos(24)
    labels = small_cnn(images).argmax(dim=1)
    attack = UniversalPatchAttack(area=0.1, steps=40, bounds=(0.0, 1.0))
    patch = attack.train(small_cnn, images[:12], labels[:12])
    noise = UniversalPatchAttack(area=0.1, steps=1, step_size=1e-9, bounds=(0.0, 1.0)).train(
        small_cnn, images[:12], labels[:12]
    )
    raised = [
        margin(small_cnn(attack.apply(p, images[12:], seed=5).images), labels[12:]).mean()
        for p in (patch, noise)
    ]
    assert raised[0] > raised[1]
    places = [attack.apply(patch, images[12:], seed=s).places for s in (5, 5, 6)]
    assert places[0] == places[1]
    assert places[0] != places[2]


def test_same_seed_same_bytes_and_nothing_left_behind(small_cnn: SmallCNN) -> None:
    images = photos()
    labels = small_cnn(images).argmax(dim=1)
    before = {k: v.clone() for k, v in small_cnn.state_dict().items()}
    kept, state = images.clone(), torch.get_rng_state()
    runs = [UniversalPatchAttack(steps=4, seed=s)(small_cnn, images, labels) for s in (0, 0, 1)]
    assert torch.equal(runs[0].images, runs[1].images)
    assert not torch.equal(runs[0].images, runs[2].images)
    assert not runs[0].images.requires_grad
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in small_cnn.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in small_cnn.parameters())


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"scale": (1.1, 0.9)},
        {"rotation": -1},
        {"brightness": 2.0},
        {"area": 0.9},  # fits upright, not turned
        {"area": 2.0},
    ],
)
def test_options_out_of_range(small_cnn: SmallCNN, options) -> None:
    with pytest.raises(OptionError):
        UniversalPatchAttack(**{"steps": 1, **options})(small_cnn, photos(2), torch.tensor([0, 1]))


def test_no_images(small_cnn: SmallCNN) -> None:
    with pytest.raises(OptionError, match="no images"):
        UniversalPatchAttack().train(small_cnn, photos(0), torch.zeros(0, dtype=torch.long))


def test_nan_logits() -> None:
    with pytest.raises(ModelError, match="not finite"):
        UniversalPatchAttack()(lambda x: x.mean(dim=(2, 3)) / 0, photos(2), torch.tensor([0, 1]))


def test_brightness_and_scale_are_drawn_from_their_ranges() -> None:
    images = torch.zeros(60, 3, 40, 40)
    patch = plain(torch.full((3, 10, 10), 0.5))
    options = {**STILL, "brightness": 0.2}
    found = UniversalPatchAttack(**options).apply(patch, images).images.amax(dim=(1, 2, 3))
    assert 0.3 <= found.min() < 0.35
    assert 0.65 < found.max() <= 0.7
    options = {**STILL, "scale": (0.5, 2.0)}
    covered = UniversalPatchAttack(**options).apply(patch, images).masks.sum(dim=(1, 2, 3))
    assert 5**2 <= covered.min() < 7**2
    assert 18**2 < covered.max() <= 20**2
