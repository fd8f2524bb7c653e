from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interlock.defend.attacks.black_box import BlackBoxPatchAttack, repainted
from interlock.defend.attacks.patch_attack import margin
from interlock.errors import ModelError, OptionError
from tests.networks import SmallCNN


class Recorder:
    """A model that keeps what it is shown, image by image: no nn.Module."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.shown = model, []

    def __call__(self, x: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.shown.append(x)
        return self.model(x)


class Corner(nn.Module):
    """Class 1 if the bright pixels of the top left quarter outweigh a threshold."""

    def __init__(self, threshold: float = 0.3) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        quarter = x[:, :, : x.shape[2] // 2, : x.shape[3] // 2].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(quarter), quarter - self.threshold], dim=1)


def photos(count: int = 4) -> Tensor:
    return torch.rand(count, 3, 16, 20, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", ["square", "rectangle", "disc"])
@pytest.mark.parametrize("location", [None, (3, 5)])
def test_it_stays_inside_its_region_and_range(small_cnn, shape, location) -> None:
    images = photos()
    labels = small_cnn(images).argmax(dim=1)
    attack = BlackBoxPatchAttack(area=0.1, queries=30, shape=shape, location=location)
    found = attack(small_cnn, images, labels)
    assert torch.equal(found.images[~found.masks.expand_as(images)], images[~found.masks.expand_as(images)])  # fmt: skip
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    for (place,), mask in zip(found.places, found.masks[:, 0], strict=True):
        assert mask[place.top : place.top + place.height, place.left : place.left + place.width].sum() == mask.sum()  # fmt: skip
        assert location is None or (place.top, place.left) == location
    before = margin(small_cnn(images), labels)
    assert (margin(small_cnn(found.images), labels) >= before).all()


def test_it_climbs_and_never_steps_back() -> None:
    """Margins of what is kept, replayed from the queries of one image."""
    model = Recorder(Corner(threshold=5.0))
    image = torch.zeros(1, 3, 16, 16)
    attack = BlackBoxPatchAttack(area=0.1, queries=80, bounds=(0.0, 1.0), seed=1)
    found = attack(model, image, torch.tensor([0]))
    values = torch.cat([margin(Corner(5.0)(x), torch.tensor([0])) for x in model.shown])
    assert len(values) == found.queries.item() == 80
    assert margin(Corner(5.0)(found.images), torch.tensor([0])).item() == values.max()
    # The place was found: the patch ends inside the quarter that matters, and mostly white.
    (place,) = found.places[0]
    assert place.top + place.height <= 8
    assert place.left + place.width <= 8
    assert found.images[found.masks.expand_as(image)].mean() > 0.7


def test_a_candidate_that_is_worse_is_dropped() -> None:
    """Each query differs by one change from the best patch so far, not from the last one."""
    model = Recorder(Corner(threshold=5.0))
    attack = BlackBoxPatchAttack(area=0.2, queries=60, location=(0, 0), bounds=(0.0, 1.0), seed=3)
    attack(model, torch.zeros(1, 1, 12, 12), torch.tensor([0]))
    shown = torch.cat(model.shown)[1:]
    values = margin(Corner(5.0)(shown), torch.zeros(len(shown), dtype=torch.long))
    best = 0
    for k in range(1, len(shown)):
        changed = (shown[k] != shown[best])[0].nonzero()
        if len(changed):
            height, width = (changed.amax(dim=0) - changed.amin(dim=0) + 1).tolist()
            assert max(height, width) <= (repainted(k + 1, 60) * 25) ** 0.5 + 1
            assert len({shown[k][0, r, c].item() for r, c in changed.tolist()}) == 1
        if values[k] >= values[best]:
            best = k


def test_it_stops_once_fooled_and_counts_what_it_asked() -> None:
    model = Recorder(Corner(threshold=0.05))
    images = torch.zeros(3, 3, 16, 16)
    images[2] = 1
    found = BlackBoxPatchAttack(area=0.1, queries=100, bounds=(0.0, 1.0))(
        model, images, torch.tensor([0, 0, 0])
    )
    assert sum(map(len, model.shown)) == found.queries.sum().item()
    assert found.queries[2] == 1, "it was wrong to begin with"
    assert torch.equal(found.images[2], images[2])
    assert (found.queries[:2] > 1).all()
    assert (found.queries[:2] < 100).all()
    assert (Corner(0.05)(found.images).argmax(dim=1) == 1).all()


def test_targeted() -> None:
    images = torch.zeros(2, 3, 16, 16)
    attack = BlackBoxPatchAttack(area=0.1, queries=100, bounds=(0.0, 1.0), targeted=True)
    found = attack(Corner(0.05), images, torch.tensor([1, 0]))
    assert Corner(0.05)(found.images).argmax(dim=1).tolist() == [1, 0]
    assert found.queries[1] == 1


def test_same_seed_same_bytes_whatever_the_batch(small_cnn: SmallCNN) -> None:
    images = photos(5)
    labels = small_cnn(images).argmax(dim=1)
    options = {"area": 0.1, "queries": 25, "bounds": (0.0, 1.0)}
    state = torch.get_rng_state()
    found = BlackBoxPatchAttack(**options)(small_cnn, images, labels)
    assert torch.equal(torch.get_rng_state(), state)
    again = BlackBoxPatchAttack(**options, batch_size=2)(small_cnn, images, labels)
    assert torch.equal(found.images, again.images)
    assert torch.equal(found.queries, again.queries)
    assert found.places == again.places
    other = BlackBoxPatchAttack(**options, seed=1)(small_cnn, images, labels)
    assert not torch.equal(found.images, other.images)


def test_changes_shrink() -> None:
    shares = [repainted(k, 150) for k in range(1, 150)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 0.4 * 0.5**2  # query 1 of 150 is query 67 of 10,000
    assert shares[-1] == 0.4 * 0.5**9


@pytest.mark.parametrize(
    "options", [{"queries": 1}, {"move_every": 1}, {"batch_size": 0}, {"area": 0.0}]
)
def test_options_out_of_range(small_cnn: SmallCNN, options: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        BlackBoxPatchAttack(**options)(small_cnn, photos(1), torch.tensor([0]))


def test_a_patch_that_does_not_fit(small_cnn: SmallCNN) -> None:
    with pytest.raises(OptionError, match="larger than the 16x20 image"):
        BlackBoxPatchAttack(area=0.95)(small_cnn, photos(1), torch.tensor([0]))
    with pytest.raises(OptionError, match="leaves the 16x20 image"):
        BlackBoxPatchAttack(area=0.1, location=(14, 0))(small_cnn, photos(1), torch.tensor([0]))


def test_nan_logits() -> None:
    with pytest.raises(ModelError, match="not finite"):
        BlackBoxPatchAttack()(lambda x: torch.full((len(x), 2), torch.nan), photos(1), torch.tensor([0]))  # fmt: skip
