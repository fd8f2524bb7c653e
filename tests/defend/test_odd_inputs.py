"""Images, labels, bounds and files as they should not be: one line each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock import ConceptShield
from interlock.defend import CertifiedShield, PatchAttack, PatchCleanser, harden
from interlock.defend.attacks.cleanser_attack import CleanserAttack
from interlock.errors import DataError, ModelError, OptionError
from tests.networks import SmallCNN

LABELS = torch.zeros(2, dtype=torch.long)


@pytest.fixture(scope="module")
def images() -> Tensor:
    coarse = torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)


class NeverNone(nn.Module):
    """Its reshaping cannot take a batch of none, as that of many models."""

    def __init__(self) -> None:
        super().__init__()
        self.own = SmallCNN()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.own(x.view(len(x), -1).view(x.shape))


def test_a_model_that_takes_no_batch_of_none(images: Tensor) -> None:
    model, none = NeverNone(), images[:0]
    with pytest.raises(RuntimeError, match="0 elements"):
        model(none)
    shield = ConceptShield.fit(model, images, concepts=3)
    defences = (
        PatchCleanser(model, 8, 3), CertifiedShield(model, area=0.05, masks=3), shield,
        CertifiedShield(model, area=0.05, masks=3, shield=shield),
    )  # fmt: skip
    for defence in defences:
        assert defence.predict(none).shape == (0,)
    labels = model(images).argmax(dim=1)
    cleanser, certified = defences[:2]
    cleanser.predict(images)  # some are in doubt, and then settled before their last mask
    assert certified.certified(images, labels).shape == labels.shape
    CleanserAttack(area=0.05, steps=2, restarts=2)(cleanser, images, labels)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_clean_images_that_are_not_finite_are_named(value: float, images: Tensor) -> None:
    spoilt = images.clone()
    spoilt[7, 1, 3, 3] = value
    with pytest.raises(DataError, match="not finite"):
        ConceptShield.fit(SmallCNN(), spoilt, concepts=2)
    with pytest.raises(DataError, match="not finite"):
        harden(SmallCNN(), spoilt, steps=1)


def test_activations_that_are_not_finite_are_named(images: Tensor) -> None:
    network = SmallCNN()
    network.conv1.weight.data.mul_(1e38)
    with pytest.raises(ModelError, match="not finite"):
        ConceptShield.fit(network, images * 1e30, layers=("conv1",), concepts=2)


def test_what_is_no_tensor_or_no_class_is_one_line(images: Tensor) -> None:
    safe, attack = CertifiedShield(SmallCNN(), area=0.02, masks=2), PatchAttack(area=0.02, steps=1)
    for labels in ([0, 0], np.zeros(2, int), None):
        with pytest.raises(OptionError, match=r"labels: a .*give a tensor"):
            safe.certified(images[:2], labels)  # type: ignore[arg-type]
        with pytest.raises(OptionError, match=r"labels: a .*give a tensor"):
            attack(safe.model, images[:2], labels)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="images: a ndarray; give a tensor"):
        safe.verdict(images[:2].numpy())  # type: ignore[arg-type]
    for mode in ("recover", "detect"):
        strict = CertifiedShield(safe.model, area=0.02, masks=2, mode=mode)  # type: ignore[arg-type]
        for answer in (strict.certified, strict.measured):
            with pytest.raises(OptionError, match="label 9; the model has 4 classes"):
                answer(images[:2], LABELS + torch.tensor([0, 9]))


def test_colours_of_another_number_of_channels(images: Tensor) -> None:
    with pytest.raises(OptionError, match="fill: 2 values for images of 3 channels"):
        CertifiedShield(SmallCNN(), area=0.02, masks=2, fill=torch.zeros(2)).verdict(images[:1])
    bounds = (torch.zeros(2), torch.ones(2))
    with pytest.raises(OptionError, match="bounds of 2 and 2 values for images of 3 channels"):
        PatchAttack(area=0.02, steps=1, bounds=bounds)(SmallCNN(), images[:2], LABELS)


def test_an_attack_needs_no_gradients_of_the_caller(images: Tensor) -> None:
    attack, network = PatchAttack(area=0.02, steps=3), SmallCNN()
    plain = attack(network, images[:2], LABELS)
    with torch.no_grad():
        within = attack(network, images[:2], LABELS)
    assert torch.equal(within.images, plain.images)


def test_no_damage_to_a_file_makes_another_shield(images: Tensor, tmp_path: Path) -> None:
    network = SmallCNN()
    shield = ConceptShield.fit(network, images, concepts=2)
    stored = shield.save(tmp_path / "s.safetensors").read_bytes()
    rng, damaged = np.random.default_rng(0), tmp_path / "d.safetensors"
    for _ in range(40):
        spoilt = bytearray(stored)
        spoilt[int(rng.integers(len(spoilt)))] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(spoilt)
        with pytest.raises((DataError, ModelError)) as caught:
            ConceptShield.load(damaged, network)
        assert "\n" not in str(caught.value)
