"""The certified answer: against every patch, an attacker who knows everything, and any batch."""

from __future__ import annotations

import itertools
from dataclasses import replace
from hashlib import sha256

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from interlock.defend import CertifiedShield, ConceptShield, PatchCleanser
from interlock.errors import ModelError, OptionError
from tests.defend.test_patch_cleanser import Counting, tiny
from tests.networks import SmallCNN

FEW = {"area": 4 / 36, "masks": 3, "allowance": 0}
"""Patches of 2x2 pixels on 6x6."""


class Sticker(nn.Module):
    """The worst classifier there is: a red pixel anywhere decides, else the sum of few others.

    Class of the first pixel above 1 by its value, otherwise 0 or 1 by a hash of what is visible.
    """

    def __init__(self, rare: int = 7) -> None:
        super().__init__()
        self.rare = rare

    def forward(self, x: Tensor) -> Tensor:
        labels = []
        for image in x:
            loud = image[image > 1]
            digest = sha256(image.numpy().tobytes()).digest()
            odd = digest[0] % self.rare == 0
            labels.append(2 + int(loud[0]) % 3 if len(loud) else int(odd))
        return nn.functional.one_hot(torch.tensor(labels, dtype=torch.long), 5).float()


def patched(image: Tensor, top: int, left: int, values: Tensor) -> Tensor:
    h, w = values.shape[-2:]
    attacked = image.clone()
    attacked[:, top : top + h, left : left + w] = values
    return attacked


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 4), st.integers(0, 4), st.sampled_from([3, 40, 10**9]))
def test_who_knows_everything_changes_no_certified_answer_and_forges_no_verdict(
    seed: int, top: int, left: int, rare: int
) -> None:
    """The model's label is an arbitrary function of all visible pixels, the patch included."""
    g = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 6, 6, generator=g)
    safe = CertifiedShield(Sticker(rare), fill="pull_push", **FEW)
    clean = safe.verdict(image[None])
    label = int(clean.labels)
    certified = bool(safe.certified(image[None], clean.labels))
    places = safe.safe_places(image, label)
    values = torch.rand(12, 1, 2, 2, generator=g) * torch.tensor([1, 1, 1, 3, 4, 5] * 2).view(
        -1, 1, 1, 1
    )
    attacked = torch.stack([patched(image, top, left, v) for v in values])
    seen = safe.verdict(attacked)
    if certified or bool(places[top : top + 2, left : left + 2].any()):
        assert (seen.labels == label).all()
    assert (seen.labels[seen.assured] == label).all()
    watch = CertifiedShield(Sticker(rare), mode="detect", **FEW)
    if watch.certified(image[None], clean.labels):
        seen = watch.verdict(attacked)
        assert ((seen.labels == label) | seen.alarm).all()


def test_the_attacker_of_that_test_does_fool_the_model_and_hold_certified_images() -> None:
    image = torch.rand(1, 6, 6, generator=torch.Generator().manual_seed(0))
    model = Sticker(10**9)
    safe = CertifiedShield(model, **FEW)
    attacked = patched(image, 1, 2, torch.full((1, 2, 2), 4.0))
    assert int(model(image[None]).argmax()) == 0
    assert int(model(attacked[None]).argmax()) == 3
    assert safe.certified(image[None], torch.tensor([0])).item()
    assert safe.verdict(image[None]).assured.item()
    assert safe.predict(attacked[None]).item() == 0
    assert not safe.verdict(attacked[None]).assured.item()


def test_no_patch_of_any_place_and_content_changes_what_is_certified() -> None:
    """All places, all contents of 2x2 pixels out of three values, all images of a few seeds."""
    images = torch.randn(24, 1, 6, 6, generator=torch.Generator().manual_seed(4))
    model = tiny(2, seed=3)
    with torch.no_grad():
        model[-1].bias -= model(images).mean(dim=0)
    safe = CertifiedShield(model, **FEW | {"masks": 2}, batch_size=4096)
    labels = model(images).argmax(dim=1)
    certified = safe.certified(images, labels)
    maps = [safe.safe_places(x, int(y)) for x, y in zip(images, labels, strict=True)]
    assert certified.any()
    assert not certified.all()
    assert [bool(m.all()) for m in maps] == certified.tolist()
    contents = torch.tensor(list(itertools.product([-2.0, 0.5, 3.0], repeat=4))).view(-1, 1, 2, 2)
    fooled = False
    partly = next(k for k, m in enumerate(maps) if m.any() and not m.all())
    for k in [*certified.nonzero()[:1, 0].tolist(), partly]:
        for top, left in itertools.product(range(5), repeat=2):
            attacked = torch.stack([patched(images[k], top, left, v) for v in contents])
            fooled |= bool((model(attacked).argmax(dim=1) != labels[k]).any())
            seen = safe.predict(attacked)
            if maps[k][top : top + 2, left : left + 2].any():
                assert (seen == labels[k]).all()
    assert fooled


def test_certified_is_every_pair_of_masks_right() -> None:
    images = torch.randn(40, 1, 7, 6, generator=torch.Generator().manual_seed(1))
    model = nn.Sequential(nn.Flatten(), nn.Linear(42, 3)).eval()
    with torch.no_grad():
        labels = model(images).argmax(dim=1)
        safe = CertifiedShield(model, area=0.05, masks=3, fill=0.0, allowance=0)
        masks = safe.mask_set(7, 6)
        expected = torch.ones(40, dtype=torch.bool)
        single = expected.clone()
        for a, b in itertools.combinations_with_replacement(masks, 2):
            right = model(torch.where(a | b, 0.0, images)).argmax(dim=1) == labels
            expected &= right
            single &= right | (a is not b)
    assert torch.equal(safe.certified(images, labels), expected)
    assert expected.any()
    assert not expected.all()
    watch = CertifiedShield(model, area=0.05, masks=3, fill=0.0, allowance=0, mode="detect")
    assert torch.equal(watch.certified(images, labels), single)
    assert single.sum() > expected.sum()
    for k in range(6):
        bad = [
            m for m in masks
            if any(int(model(torch.where(m | o, 0.0, images[k : k + 1])).argmax()) != labels[k] for o in masks)
        ]  # fmt: skip
        unsafe = torch.stack([torch.zeros_like(masks[0]), *bad]).any(dim=0)[0]
        assert torch.equal(safe.safe_places(images[k], int(labels[k])), ~unsafe)


def test_it_says_what_patchcleanser_says_where_their_masks_are_the_same() -> None:
    images = torch.randn(40, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    model = tiny(3, seed=1)
    cleanser = PatchCleanser(model, 2, masks=5, fill="pull_push")
    safe = CertifiedShield(model, area=4 / 36, masks=5, allowance=0, inner="plain")
    assert torch.equal(cleanser.mask_set(6, 6), safe.mask_set(6, 6))
    assert torch.equal(safe.predict(images), cleanser.predict(images))
    labels = model(images).argmax(dim=1)
    assert torch.equal(safe.certified(images, labels), cleanser.certify(images, labels))


@pytest.fixture(scope="module")
def wavering() -> tuple[nn.Module, Tensor]:
    """A model whose labels hang by a rounding, and images for it."""
    network = SmallCNN()
    x = torch.rand(6, 3, 20, 16, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        network.head.weight[1] = network.head.weight[0]
        network.head.bias[0] += 1
        network.head.bias[1] = network.head.bias[0]
        network.head.weight[1, 0] += 3e-6

    class Shaky(nn.Module):
        """Rounds otherwise in each batch."""

        def forward(self, images: Tensor) -> Tensor:
            logits = network(images)
            return logits + 1e-5 * torch.sin(len(images) * torch.arange(1.0, 5.0))

    return Shaky(), x


def test_no_label_turns_with_the_batch(wavering: tuple[nn.Module, Tensor]) -> None:
    model, x = wavering
    kinds = []
    for size in (1, 5, 64):
        safe = CertifiedShield(model, area=0.04, masks=3, batch_size=size)
        together = safe.verdict(x)
        alone = [safe.verdict(image[None]) for image in x]
        kinds.append((together.labels.tolist(), together.assured.tolist()))
        kinds.append(([int(v.labels) for v in alone], [bool(v.assured) for v in alone]))
        assert not safe.certified(x, together.labels).any()  # near ties are no certificate
    assert all(kind == kinds[0] for kind in kinds)
    with torch.no_grad():  # the labels do turn if nobody minds
        naive = {
            tuple(model(x[torch.arange(6).repeat(n)])[:6].argmax(dim=1).tolist())
            for n in range(1, 9)
        }
    assert len(naive) > 1


def test_any_batch_the_same_on_a_real_network(small_cnn: SmallCNN) -> None:
    x = torch.randn(5, 3, 20, 28, generator=torch.Generator().manual_seed(5))
    labels = small_cnn(x).argmax(dim=1)
    expected = None
    for size in (1, 7, 500):
        safe = CertifiedShield(small_cnn, area=0.03, masks=2, batch_size=size, aspect=2)
        seen = safe.verdict(x)
        facts = (
            seen.labels.tolist(),
            seen.assured.tolist(),
            seen.alarm.tolist(),
            safe.certified(x, labels).tolist(),
        )
        expected = expected or facts
        assert facts == expected
        assert torch.equal(safe(x).argmax(dim=1), seen.labels)
        assert [safe.predict(one[None]).item() for one in x] == seen.labels.tolist()
    assert seen.hidden.shape == (5, 1, 20, 28)
    assert safe.mask_set(20, 28).shape == (8, 1, 20, 28)


def test_passes_are_those_that_ran_and_few_where_masks_agree() -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([0.0, 1.0]).expand(len(x), 2)

    model, x = Counting(Constant()), torch.zeros(1, 3, 32, 32)
    safe = CertifiedShield(model, area=0.02)
    safe.predict(x)
    model.seen = 0
    assert safe.passes(x).item() == model.seen == 36
    assert safe.certified(x, torch.tensor([1])).item()
    assert model.seen == 36 + 666
    seen = safe.verdict(x)
    assert (seen.passes.item(), model.seen) == (666, 36 + 2 * 666)
    assert (seen.assured.item(), seen.decided.item(), seen.alarm.item()) == (True, True, False)
    assert not safe.certified(x, torch.tensor([0])).item()
    assert model.seen == 36 + 2 * 666 + 8  # left after a chunk of single masks


@pytest.fixture(scope="module")
def shielded() -> tuple[ConceptShield, Tensor]:
    x = torch.rand(40, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    return ConceptShield.fit(SmallCNN(), x, concepts=2, seed=0), x


def test_a_shield_orders_and_falls_back_and_overrules_no_row(
    shielded: tuple[ConceptShield, Tensor],
) -> None:
    shield, x = shielded
    shield = ConceptShield(
        shield.model, shield.foreignness, shield.bank, replace(shield.settings, trigger=1.0)
    )
    x = x[:12].clone()
    x[:, :, 4:9, 10:15] = (
        torch.rand(12, 3, 5, 5, generator=torch.Generator().manual_seed(1)) * 6 - 3
    )
    plain = CertifiedShield(shield.model, area=0.03, masks=3)
    safe = CertifiedShield(shield.model, area=0.03, masks=3, shield=shield)
    without, seen = plain.verdict(x, assure=False), safe.verdict(x, assure=False)
    both = without.decided & seen.decided
    assert torch.equal(without.labels[both], seen.labels[both])
    free = ~seen.decided
    assert torch.equal(seen.labels[free], shield.predict(x)[free])
    full = safe.verdict(x)
    assert torch.equal(full.labels, seen.labels)
    labels = without.labels
    assert torch.equal(safe.certified(x, labels), plain.certified(x, labels))


def test_foreign_cells_name_the_row_that_decides(shielded: tuple[ConceptShield, Tensor]) -> None:
    """Where the patch is loud, one row is asked: 9 passes at k = 3, beside the shield's look."""
    shield, x = shielded

    class Loud(nn.Module):
        """Whatever is loud decides, or else class 0."""

        def forward(self, images: Tensor) -> Tensor:
            loud = (images.flatten(1).amax(dim=1) > 2).long()
            return nn.functional.one_hot(loud, 4) + 1e-3 * shield.model(images)

    model = Loud()
    model.network = shield.model
    fitted = ConceptShield.fit(model, x, layers=("network.conv1",), concepts=2, seed=0)
    image = x[:1].clone()
    image[:, :, 12:15, 3:6] = 5.0
    assert model(image).argmax() == 1
    safe = CertifiedShield(model, area=9 / 576, masks=3, allowance=0, shield=fitted)
    seen = safe.verdict(image, assure=False)
    assert (seen.labels.item(), seen.passes.item(), seen.decided.item()) == (0, 9 + 1, True)
    assert seen.hidden[0, 0, 12:15, 3:6].all()
    assert CertifiedShield(model, area=9 / 576, masks=3, allowance=0).passes(image).item() > 10


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_any_precision(small_cnn: SmallCNN, dtype: torch.dtype) -> None:
    x = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(5)).to(dtype)
    safe = CertifiedShield(SmallCNN().to(dtype), area=0.02, masks=2)
    assert safe.verdict(x).labels.tolist() == [safe.verdict(one[None]).labels.item() for one in x]


def test_nothing_in_nothing_out(small_cnn: SmallCNN) -> None:
    safe = CertifiedShield(small_cnn, area=0.02, masks=2)
    seen = safe.verdict(torch.zeros(0, 3, 16, 12))
    assert (seen.labels.shape, seen.hidden.shape) == ((0,), (0, 1, 16, 12))
    assert safe(torch.zeros(0, 3, 16, 12)).shape == (0, 4)


class Batchy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)[:, :4]
        return flat - flat.mean(dim=0)


class Sigmoid(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :1]


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x), 2), torch.nan)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Batchy(), "depends on what else is in the batch"),
        (SmallCNN().train(), "is in training mode; call model.eval()"),
        (Sigmoid(), "two classes or more"),
        (Broken(), "not finite"),
    ],
)
def test_models_that_cannot_be_certified(model: nn.Module, message: str) -> None:
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ModelError, match=message):
        CertifiedShield(model, area=0.02, masks=2).verdict(x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"area": 0}, "area=0 is not a share"),
        ({"area": 0.02, "masks": 1}, "masks=1; use at least 2"),
        ({"area": 0.02, "masks": 40}, "masks=40: a patch of 5x5 pixels has 12 places"),
        ({"area": 0.9}, "leaves nothing of an image side of 16"),
        ({"area": 0.02, "aspect": 0.5}, "aspect=0.5; use 1 for squares"),
        ({"area": 0.02, "allowance": -1}, "allowance=-1"),
        (
            {"area": 0.02, "fill": "grey"},
            "fill='grey' is unknown; use pull_push, drop, or a number",
        ),
        ({"area": 0.02, "mode": "alarm"}, "mode='alarm' is unknown; use 'recover' or 'detect'"),
    ],
)
def test_one_line_for_each_option(
    small_cnn: SmallCNN, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        CertifiedShield(small_cnn, **options).predict(torch.zeros(1, 3, 16, 16))


def test_a_shield_of_another_model(shielded: tuple[ConceptShield, Tensor]) -> None:
    with pytest.raises(OptionError, match="around another model"):
        CertifiedShield(SmallCNN(), area=0.02, shield=shielded[0])


def test_one_image_of_a_map(small_cnn: SmallCNN) -> None:
    safe = CertifiedShield(small_cnn, area=0.02, masks=2)
    with pytest.raises(OptionError, match="takes one image"):
        safe.safe_places(torch.zeros(2, 3, 16, 16), 0)
