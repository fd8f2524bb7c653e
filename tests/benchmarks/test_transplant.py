"""The measure that puts marked pixels into other photos."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks._transplant import DONORS, SHARES, donors, transplant

SIDE = 20


class Bright(nn.Module):
    """Class 1 is the likelier, the brighter one pixel is; nothing else counts."""

    def forward(self, x: Tensor) -> Tensor:
        z = 4 * x[:, :, 3, 5].mean(dim=1)
        return torch.stack([-z, z], dim=1)


def test_the_pixel_that_decides_brings_the_class_up_and_others_do_not() -> None:
    x = torch.ones(3, SIDE, SIDE)
    there = torch.zeros(SIDE, SIDE)
    there[3, 5] = 1
    others = donors(SIDE, SIDE)
    before = Bright()(others).softmax(dim=1)[:, 1]
    after = Bright()(x[None]).softmax(dim=1)[0, 1]
    assert transplant(Bright(), x, 1, there) == pytest.approx(float(after - before.mean()))
    last = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) + 1
    last[3, 5] = 0
    assert transplant(Bright(), x, 1, last) == 0


def test_donors_are_photos_in_the_model_s_range() -> None:
    photos = donors(SIDE, 30)
    assert photos.shape == (len(DONORS), 3, SIDE, 30)
    assert photos.min() >= -1
    assert photos.max() <= 1
    assert photos.flatten(1).std(dim=1).min() > 0.1
    assert max(SHARES) < 0.5
