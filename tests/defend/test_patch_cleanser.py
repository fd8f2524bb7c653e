"""PatchCleanser against its rule written out, and its certificate against every patch."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from interlock.defend.fill import pull_push
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.errors import ModelError, OptionError
from tests.networks import SmallCNN


class Counting(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.seen = model, 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return self.model(x)


def tiny(classes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, classes)
        ).eval()


def double_masking(model: nn.Module, image: Tensor, masks: Tensor) -> tuple[int, int]:
    """The rule as the paper's Algorithm 1 states it, one image at a time: label and passes."""

    def label(*hidden: Tensor) -> int:
        shown = image.clone()
        for mask in hidden:
            shown[mask.expand_as(shown)] = 0
        with torch.no_grad():
            return int(model(shown[None])[0].argmax())

    first = [label(m) for m in masks]
    counts = Counter(first)
    majority = min(counts, key=lambda c: (-counts[c], c))
    passes = len(masks)
    for mask, own in zip(masks, first, strict=True):
        if own == majority:
            continue
        passes += len(masks) - 1
        if {label(mask, other) for other in masks} == {own}:
            return own, passes
    return majority, passes


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_it_is_the_papers_rule(batch_size: int) -> None:
    images = torch.randn(60, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    model = tiny(3, seed=1)
    cleanser = PatchCleanser(model, 2, masks=3, batch_size=batch_size)
    masks = cleanser.mask_set(6, 6)
    expected = [double_masking(model, image, masks) for image in images]
    found = cleanser.classify(images)
    assert list(zip(found.labels.tolist(), found.passes.tolist(), strict=True)) == expected
    assert torch.equal(cleanser(images).argmax(dim=1), found.labels)
    assert torch.equal(cleanser.predict(images), found.labels)
    # All three cases of the rule occur, or the comparison shows little.
    unanimous = found.passes == len(masks)
    votes = torch.stack([model(torch.where(m, 0.0, images)).argmax(dim=1) for m in masks], dim=1)
    overruled = found.labels != votes.mode(dim=1).values
    assert unanimous.any()
    assert overruled.any()
    assert (~unanimous & ~overruled).any()


@pytest.mark.parametrize(
    ("height", "width", "patch", "k"),
    [(6, 6, 2, 3), (7, 11, 3, 2), (5, 5, 5, 6), (9, 8, 1, 4), (4, 4, 2, 6)],
)
def test_some_mask_covers_every_patch(height: int, width: int, patch: int, k: int) -> None:
    masks = PatchCleanser(nn.Identity(), patch, masks=k).mask_set(height, width)[:, 0]
    assert len(masks) <= k * k
    for top in range(height - patch + 1):
        for left in range(width - patch + 1):
            inside = masks[:, top : top + patch, left : left + patch]
            assert inside.flatten(1).all(dim=1).any()


def test_masks_of_a_224_pixel_image() -> None:
    masks = PatchCleanser(nn.Identity(), 32).mask_set(224, 224)
    # ceil((224 - 32 + 1) / 6) = 33 apart, 32 + 33 - 1 = 64 wide.
    assert len(masks) == 36
    assert set(masks.sum(dim=(2, 3)).flatten().tolist()) == {64 * 64}
    assert torch.equal(PatchCleanser(nn.Identity(), 32 / 224).mask_set(224, 224), masks)


def test_the_certificate_is_all_pairs() -> None:
    images = torch.randn(20, 1, 6, 6, generator=torch.Generator().manual_seed(2))
    model = tiny(2, seed=3)
    cleanser = PatchCleanser(model, 2, masks=2, batch_size=5)
    masks = cleanser.mask_set(6, 6)
    labels = model(images).argmax(dim=1)
    expected = torch.ones(20, dtype=torch.bool)
    for a, b in itertools.combinations_with_replacement(masks, 2):
        expected &= model(torch.where(a | b, 0.0, images)).argmax(dim=1) == labels
    assert torch.equal(cleanser.certify(images, labels), expected)
    assert expected.any()
    assert not expected.all()


def test_a_certificate_costs_666_passes() -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([0.0, 1.0]).expand(len(x), 2)

    model = Counting(Constant())
    image = torch.zeros(1, 3, 32, 32)
    assert PatchCleanser(model, 5).certify(image, torch.tensor([1])).item()
    assert model.seen == 666
    assert PatchCleanser(model, 5).classify(image).passes.item() == 36
    assert model.seen == 666 + 36


def test_no_patch_changes_a_certified_label() -> None:
    """Every place and every content of 2x2 pixels out of three values."""
    images = torch.rand(12, 1, 6, 6, generator=torch.Generator().manual_seed(4))
    model = tiny(2, seed=3)
    cleanser = PatchCleanser(model, 2, masks=2, batch_size=4096)
    labels = model(images).argmax(dim=1)
    certified = cleanser.certify(images, labels)
    assert certified.any()
    contents = torch.tensor(list(itertools.product([-2.0, 0.5, 3.0], repeat=4))).view(-1, 1, 2, 2)
    fooled_undefended = False
    for image, label in zip(images[certified][:2], labels[certified][:2], strict=True):
        for top, left in itertools.product(range(5), repeat=2):
            patched = image.repeat(len(contents), 1, 1, 1)
            patched[:, :, top : top + 2, left : left + 2] = contents
            fooled_undefended |= bool((model(patched).argmax(dim=1) != label).any())
            assert (cleanser.predict(patched) == label).all()
    assert fooled_undefended


def test_counted_passes_are_those_that_ran(small_cnn: SmallCNN) -> None:
    model = Counting(small_cnn)
    images = torch.randn(5, 3, 12, 10, generator=torch.Generator().manual_seed(5))
    found = PatchCleanser(model, 0.3, masks=3).classify(images)
    assert found.passes.sum().item() == model.seen
    alone = [PatchCleanser(small_cnn, 0.3, masks=3).predict(x[None]).item() for x in images]
    assert found.labels.tolist() == alone


def test_fill_by_channel(small_cnn: SmallCNN) -> None:
    seen = []

    class Keep(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return small_cnn(x)

    colour = torch.tensor([0.1, 0.2, 0.3])
    PatchCleanser(Keep(), 12, masks=1, fill=colour).predict(torch.zeros(1, 3, 12, 12))
    assert torch.equal(seen[0], colour.view(1, 3, 1, 1).expand(1, 3, 12, 12))


def test_a_fill_from_around(small_cnn: SmallCNN) -> None:
    images = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(5))
    cleanser = PatchCleanser(small_cnn, 4, masks=2, fill="pull_push")
    masks = cleanser.mask_set(12, 12)
    expected = [small_cnn(pull_push(images, m.expand(3, 1, 12, 12))).argmax(dim=1) for m in masks]
    assert torch.equal(
        cleanser.classify(images).shares.argmax(dim=1), cleanser.classify(images).labels
    )
    logits = [cleanser.under(images, m.expand(3, 1, 12, 12)).argmax(dim=1) for m in masks]
    assert torch.equal(torch.stack(logits), torch.stack(expected))
    with pytest.raises(OptionError, match="fill='grey' is unknown"):
        PatchCleanser(small_cnn, 4, fill="grey")


def test_nothing_in_nothing_out(small_cnn: SmallCNN) -> None:
    found = PatchCleanser(small_cnn, 3).classify(torch.zeros(0, 3, 12, 12))
    assert found.labels.shape == (0,)


@pytest.mark.parametrize(
    "options",
    [{"patch_size": 0}, {"patch_size": 1.5}, {"patch_size": 3, "masks": 0}],
)
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        PatchCleanser(nn.Identity(), **options)


def test_a_patch_larger_than_the_image(small_cnn: SmallCNN) -> None:
    with pytest.raises(OptionError, match="larger than the 12x10 image"):
        PatchCleanser(small_cnn, 11).predict(torch.zeros(1, 3, 12, 10))


def test_nan_logits() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.full((len(x), 2), torch.nan)

    with pytest.raises(ModelError, match="not finite"):
        PatchCleanser(Broken(), 3).predict(torch.zeros(1, 3, 12, 12))
