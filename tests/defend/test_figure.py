"""Pictures of concepts and masks."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from interlock._pictures import MASK_COLOUR, PATCH_COLOUR, heat_overlay, mask_overlay, png_bytes
from interlock.defend import ConceptBank
from interlock.defend.figure import draw_concepts, view_concepts
from interlock.errors import DataError
from tests.networks import SmallCNN


@pytest.fixture
def photos() -> Tensor:
    return torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def to_pil(x: Tensor) -> Image.Image:
    return Image.fromarray((x.permute(1, 2, 0).numpy() * 255).astype(np.uint8))


def test_a_concept_is_shown_where_it_is_strongest(photos: Tensor, small_cnn: SmallCNN) -> None:
    bank = ConceptBank.fit(small_cnn, photos, concepts=3, layer="norm", signed=True)
    views = view_concepts(small_cnn, bank, photos, examples=2)
    assert sorted(view.number for view in views) == [0, 1, 2]
    shares = [view.share for view in views]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    with torch.no_grad():
        codes = bank.codes(small_cnn.norm(small_cnn.conv1(photos)))
    for view in views:
        peaks = codes[:, view.number].flatten(1).amax(dim=1)
        assert torch.equal(view.examples[0].image, photos[peaks.argmax()])
        row, column = divmod(int(view.examples[0].code.argmax()), 16)
        top, left, bottom, right = view.examples[0].box
        assert top <= row < bottom
        assert left <= column < right


def test_the_classes_of_a_concept_come_from_a_linear_head(photos: Tensor) -> None:
    class Linear(torch.nn.Module):
        """Maps of two channels, each the score of one class."""

        def __init__(self) -> None:
            super().__init__()
            self.maps = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1, bias=False), torch.nn.ReLU())
            self.head = torch.nn.Linear(2, 2, bias=False)
            self.maps[0].weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).view(2, 3, 1, 1)
            self.head.weight.data = torch.eye(2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.maps(x).mean(dim=(2, 3)))

    model = Linear().eval()
    bank = ConceptBank(torch.eye(2), "maps", "any")
    for view in view_concepts(model, bank, photos):
        assert view.carries == ((view.number, pytest.approx(1.0)),)
    with pytest.raises(DataError, match="no images"):
        view_concepts(model, bank, [])


def test_the_classes_of_a_concept_behind_other_heads_are_those_that_miss_it(
    photos: Tensor,
) -> None:
    class Squares(torch.nn.Module):
        """Class k is the square of the mean of map k, less that of the other one."""

        def __init__(self) -> None:
            super().__init__()
            self.maps = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1, bias=False), torch.nn.ReLU())
            self.maps[0].weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).view(2, 3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            means = self.maps(x).mean(dim=(2, 3)).square()
            return means - means.flip(1)

    views = view_concepts(Squares().eval(), ConceptBank(torch.eye(2), "maps", "any"), photos)
    for view in views:
        assert not view.linear
        shown = torch.stack([example.image for example in view.examples])
        lost = shown[:, view.number].mean(dim=(1, 2)).square().mean().item()
        assert view.carries == ((view.number, pytest.approx(lost, rel=1e-5)),)


def test_an_overlay_marks_the_mask_the_patch_and_nothing_else() -> None:
    photo = Image.new("RGB", (300, 240), (10, 200, 30))
    mask, patch = torch.zeros(2, 240, 300, dtype=torch.bool)
    mask[20:80, 30:90] = True
    patch[120:160, 200:240] = True
    pixels = np.asarray(mask_overlay(photo, mask, patch))
    assert tuple(pixels[20, 30]) == MASK_COLOUR
    assert tuple(pixels[120, 200]) == PATCH_COLOUR
    assert tuple(pixels[50, 60]) not in ((10, 200, 30), MASK_COLOUR)
    outside = ~(mask | patch).numpy()
    assert (pixels[outside] == (10, 200, 30)).all()
    assert (pixels[130:150, 210:230] == (10, 200, 30)).all()


def test_heat_is_warm_where_the_values_are_high_and_grey_elsewhere() -> None:
    values = torch.zeros(4, 4)
    values[:, 3] = 1
    pixels = np.asarray(heat_overlay(Image.new("RGB", (240, 240), (90, 90, 90)), values, 0, 1))
    red, _, blue = (pixels[..., k].astype(int) for k in range(3))
    assert (red[:, -20:] > blue[:, -20:] + 80).all()
    assert (red[:, :60] == blue[:, :60]).all()


def test_the_figure_of_a_bank_is_the_same_bytes_twice(photos: Tensor, small_cnn: SmallCNN) -> None:
    bank = ConceptBank.fit(small_cnn, photos, concepts=2, layer="norm", signed=True)
    views = view_concepts(small_cnn, bank, photos, examples=2)
    drawn = [png_bytes(draw_concepts(views, to_pil, lambda k: f"$class {k}$")) for _ in range(2)]
    assert drawn[0] == drawn[1]
    with Image.open(io.BytesIO(drawn[0])) as picture:
        assert picture.width > 500
