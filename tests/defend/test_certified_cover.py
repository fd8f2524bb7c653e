"""Masks: one of them hides any patch that is assumed, and what they hide is never read."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from interlock.defend.certified.cover import cover_masks, patch_boxes
from interlock.defend.fill import filled, pull_push
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.errors import OptionError


@settings(max_examples=20)
@given(
    st.integers(8, 40),
    st.integers(8, 40),
    st.integers(2, 6),
    st.floats(0.002, 0.15),
    st.floats(1, 4),
)
def test_each_box_lies_in_one_mask(
    height: int, width: int, k: int, area: float, aspect: float
) -> None:
    boxes = patch_boxes(area, height, width, aspect)
    try:
        masks = cover_masks(boxes, height, width, k)[:, 0]
    except OptionError:
        assert any(h > height - k + 1 or w > width - k + 1 for h, w in boxes)
        return
    assert len(masks) == len(boxes) * k * k
    for number, (h, w) in enumerate(boxes):
        own = masks[number * k * k : (number + 1) * k * k]
        for top in range(height - h + 1):
            for left in range(width - w + 1):
                whole = own[:, top : top + h, left : left + w].flatten(1).all(dim=1)
                assert int(whole.sum()) == 1


@given(st.integers(8, 300), st.integers(8, 300), st.floats(0.001, 0.3), st.floats(1, 6))
def test_any_rectangle_of_the_area_fits_into_a_box(
    height: int, width: int, area: float, aspect: float
) -> None:
    boxes = patch_boxes(area, height, width, aspect)
    pixels = area * height * width
    assert boxes[0] == (math.ceil(pixels**0.5 - 1e-6),) * 2 or aspect > 1
    for ratio in (1, aspect, 1 / aspect, aspect**0.5, (1 + aspect) / 2, 2 / (1 + aspect)):
        h, w = (pixels * ratio) ** 0.5, (pixels / ratio) ** 0.5
        sizes = {(round(h), round(w)), (math.floor(h), math.floor(w))}
        assert all(any(a <= x and b <= y for x, y in boxes) for a, b in sizes)
    assert all(h * w <= 2 * pixels + h + w + 1 for h, w in boxes)


def test_no_mask_is_wider_than_patchcleansers() -> None:
    for height, width, patch, k in [(32, 32, 5, 6), (160, 120, 23, 4), (224, 224, 32, 6)]:
        own = cover_masks([(patch, patch)], height, width, k).flatten(1).sum(dim=1)
        published = PatchCleanser(nn.Identity(), patch, k).mask_set(height, width)
        assert own.max() <= published.flatten(1).sum(dim=1).max()


def test_the_allowance_is_added_to_both_sides() -> None:
    assert patch_boxes(0.02, 224, 224, allowance=2) == [(34, 34)]
    assert patch_boxes(0.01, 100, 100) == [(10, 10)]  # rounding noise adds no pixel
    assert patch_boxes(0.02, 100, 200, aspect=2) == [(20, 29), (29, 20)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((0.9, 20, 20, 4), "masks=4: a patch of 19x19 pixels has 2 places on an image side of 20"),
        ((0.95, 20, 20, 2), "leaves nothing of an image side of 20; use a smaller area"),
        ((0.02, 20, 20, 30), "masks=30: a patch of 3x3 pixels has 18 places on an image side of 20"),
        ((0.02, 20, 20, 1), "masks=1; use at least 2"),
        ((1.5, 20, 20, 4), r"area=1.5 is not a share of the image; use a value in \(0, 1\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_covered(options: tuple[float, int, int, int], message: str) -> None:
    area, height, width, k = options
    with pytest.raises(OptionError, match=message):
        cover_masks(patch_boxes(area, height, width), height, width, k)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("fill", ["pull_push", 0.3, torch.tensor([0.1, -0.2, 0.3])])
def test_hidden_pixels_change_no_bit(fill: object, dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(3, 3, 33, 20, generator=g).to(dtype)
    masks = cover_masks([(5, 4)], 33, 20, 3)
    for mask in masks:
        hidden = mask[None].expand(3, 1, -1, -1)
        once = filled(x, hidden, fill)
        assert once.dtype == dtype
        assert torch.equal(once[~hidden.expand_as(x)], x[~hidden.expand_as(x)])
        bits = once.float().view(torch.int32)
        assert once.isfinite().all()
        for other in (torch.randn(x.shape, generator=g).to(dtype), torch.full_like(x, torch.inf),
                      torch.full_like(x, torch.nan), -torch.zeros_like(x)):  # fmt: skip
            noisy = torch.where(hidden, other, x)
            assert torch.equal(filled(noisy, hidden, fill).float().view(torch.int32), bits)


def test_what_is_hidden_altogether_becomes_zero() -> None:
    x = torch.full((1, 3, 9, 7), torch.nan)
    assert torch.equal(pull_push(x, torch.ones(1, 1, 9, 7, dtype=torch.bool)), torch.zeros_like(x))
