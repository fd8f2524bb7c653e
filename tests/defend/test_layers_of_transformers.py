"""Layers of transformers whose rows are windows or folded patches are no maps of images."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import (
    MobileViTConfig,
    MobileViTForImageClassification,
    SwinConfig,
    SwinForImageClassification,
    Swinv2Config,
    Swinv2ForImageClassification,
)

from interlock.defend import ConceptShield
from interlock.defend.concepts.features import Taps, find_layers
from interlock.errors import ModelError
from interlock.models.loading import LogitsOnly

SWIN = {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2],
        "window_size": 4, "num_labels": 4}  # fmt: skip
MODELS = {
    "swin": (SwinForImageClassification, SwinConfig(**SWIN)),
    "swin2": (Swinv2ForImageClassification, Swinv2Config(**SWIN)),
    "mobilevit": (
        MobileViTForImageClassification,
        MobileViTConfig(image_size=32, hidden_sizes=[8, 8, 8], neck_hidden_sizes=[4] * 7,
                        num_attention_heads=2, output_stride=8, num_labels=4),
    ),
}  # fmt: skip


def made(kind: str) -> nn.Module:
    network, config = MODELS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LogitsOnly(network(config)).eval()


@pytest.mark.parametrize("kind", MODELS)
def test_a_shield_fits(kind: str) -> None:
    model = made(kind)
    x = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        _, maps = Taps(model, find_layers(model, x[:1]))(x[:3])
    assert all(len(m) == 3 for m in maps)
    shield = ConceptShield.fit(model, x, concepts=2, seed=0)
    assert shield.predict(x[:2]).shape == (2,)


def test_a_layer_of_windows_is_named() -> None:
    model = made("swin")
    windows = next(n for n, _ in model.named_modules() if n.endswith(".attention"))
    with pytest.raises(ModelError, match=r"puts out no map of positions; choose another"):
        Taps(model, [windows])(torch.rand(2, 3, 32, 32))
