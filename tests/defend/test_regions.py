from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from interlock.defend.attacks.regions import SHAPES, Place, cover, footprint, random_places
from interlock.errors import OptionError


@given(
    shape=st.sampled_from(SHAPES),
    area=st.floats(0.001, 0.6),
    height=st.integers(8, 90),
    width=st.integers(8, 90),
)
def test_a_footprint_covers_its_share(shape, area, height, width) -> None:
    try:
        outline = footprint(shape, area, height, width)
    except OptionError:
        assume(False)
    h, w = outline.shape
    assert 1 <= h <= height
    assert 1 <= w <= width
    # Sides are rounded to whole pixels: at most half a pixel on each, and the rim of a disc.
    assert abs(int(outline.sum()) - area * height * width) <= 1.5 * (h + w)
    assert outline.any(dim=0).all() or shape == "disc"


def test_shapes() -> None:
    assert footprint("square", 0.25, 20, 20).tolist() == [[True] * 10] * 10
    assert footprint("rectangle", 0.08, 50, 50).shape == (10, 20)
    disc = footprint("disc", 0.2, 40, 40)
    assert torch.equal(disc, disc.T)
    assert torch.equal(disc, disc.flip(0))
    assert not disc[0, 0]
    assert footprint("disc", 1e-6, 40, 40).tolist() == [[True]]


@pytest.mark.parametrize(
    ("shape", "area", "match"),
    [
        ("square", 0.0, r"share of the image"),
        ("square", 1.0, r"share of the image"),
        ("star", 0.1, r"square, rectangle, disc"),
        ("rectangle", 0.6, r"larger than the 20x20 image"),
        ("disc", 0.9, r"larger than the 20x20 image"),
    ],
)
def test_what_is_no_footprint(shape, area, match) -> None:
    with pytest.raises(OptionError, match=match):
        footprint(shape, area, 20, 20)


@given(seed=st.integers(0, 1000), count=st.integers(1, 4), side=st.integers(1, 5))
def test_places_lie_inside_and_apart(seed, count, side) -> None:
    outline = torch.ones(side, side + 1, dtype=torch.bool)
    places = random_places(outline, 18, 16, count, np.random.default_rng(seed))
    mask = cover(outline, [places], 18, 16)
    assert mask.sum() == count * outline.numel()
    for place in places:
        assert 0 <= place.top <= 18 - place.height
        assert 0 <= place.left <= 16 - place.width
        assert (place.height, place.width) == outline.shape


def test_every_place_is_drawn() -> None:
    outline = torch.ones(2, 3, dtype=torch.bool)
    rng = np.random.default_rng(0)
    drawn = {random_places(outline, 4, 4, 1, rng)[0] for _ in range(300)}
    assert drawn == {Place(t, u, 2, 3) for t in range(3) for u in range(2)}


def test_too_many_patches() -> None:
    with pytest.raises(OptionError, match="5 patches of 4x4 pixels do not fit"):
        random_places(torch.ones(4, 4, dtype=torch.bool), 8, 8, 5, np.random.default_rng(0))


def test_cover_draws_each_images_own_patches() -> None:
    outline = torch.tensor([[True, False], [True, True]])
    masks = cover(outline, [[Place(0, 1, 2, 2)], [], [Place(2, 2, 2, 2), Place(0, 0, 2, 2)]], 4, 4)
    assert masks.shape == (3, 1, 4, 4)
    assert masks[0, 0].nonzero().tolist() == [[0, 1], [1, 1], [1, 2]]
    assert not masks[1].any()
    assert masks[2, 0].nonzero().tolist() == [[0, 0], [1, 0], [1, 1], [2, 2], [3, 2], [3, 3]]
