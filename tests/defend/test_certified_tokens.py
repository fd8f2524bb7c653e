"""Dropped tokens: equal to attention that ignores them, and nothing hidden is read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    DeiTConfig,
    DeiTForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from interlock.defend import CertifiedShield
from interlock.defend.certified.tokens import TokenDropper
from interlock.errors import ModelError
from interlock.models.loading import LogitsOnly
from tests.networks import SmallCNN

SIZES = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "image_size": (24, 16), "patch_size": 4, "num_labels": 5,
}  # fmt: skip


def transformer(kind: str) -> nn.Module:
    config, network = {
        "vit": (ViTConfig, ViTForImageClassification),
        "deit": (DeiTConfig, DeiTForImageClassification),
    }[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = network(config(**SIZES, attn_implementation="sdpa"))
        for p in made.parameters():  # the library's own start is so small that all labels agree
            p.data += 0.3 * torch.randn_like(p)
    return LogitsOnly(made).eval()


def attended(model: nn.Module, images: Tensor, visible: Tensor) -> Tensor:
    """Logits where all tokens run, and none pays attention to those of hidden cells."""
    keys = torch.nn.functional.pad(visible, (count(model) - visible.shape[1], 0), value=True)

    def masked(query: Tensor, key: Tensor, value: Tensor, *_: object, **more: object) -> Tensor:
        more.pop("attn_mask", None)
        return plain(query, key, value, attn_mask=keys[:, None, None, :], **more)

    plain = torch.nn.functional.scaled_dot_product_attention
    torch.nn.functional.scaled_dot_product_attention = masked
    try:
        return model(images)
    finally:
        torch.nn.functional.scaled_dot_product_attention = plain


def count(model: nn.Module) -> int:
    """Tokens, those of the model's own included."""
    (embeddings,) = (m for m in model.modules() if type(m).__name__.endswith("TEmbeddings"))
    return int(embeddings.position_embeddings.shape[1])


@pytest.mark.parametrize("kind", ["vit", "deit"])
def test_dropping_is_attention_that_ignores(kind: str) -> None:
    model = transformer(kind)
    g = torch.Generator().manual_seed(1)
    images = torch.randn(5, 3, 24, 16, generator=g)
    hidden = torch.zeros(5, 1, 24, 16, dtype=torch.bool)
    hidden[0, :, 3:9, 2:7] = hidden[1, :, 20:, 12:] = hidden[2, :, :16, :] = True
    hidden[3, :, 5, 5] = True  # one pixel takes its token along
    cells = torch.nn.functional.max_pool2d(hidden.float(), 4).flatten(1) == 0
    assert cells.sum(dim=1).tolist() == [24 - 6, 24 - 1, 24 - 16, 24 - 1, 24]
    with torch.no_grad():
        dropped = TokenDropper(model)(images, hidden)
        assert torch.allclose(dropped, attended(model, images, cells), atol=1e-5)
        assert torch.equal(dropped[4], TokenDropper(model)(images[4:], hidden[4:])[0])
        assert torch.allclose(dropped[4], model(images[4:])[0], atol=1e-5)
        assert (dropped[:3] - model(images[:3])).abs().amax(dim=1).min() > 1e-3
        noisy = torch.where(hidden, torch.full_like(images, torch.nan), images)
        assert torch.equal(TokenDropper(model)(noisy, hidden), dropped)
        with pytest.raises(ModelError, match="hides all tokens"):
            TokenDropper(model)(images, torch.ones_like(hidden))


@pytest.mark.parametrize("batch_size", [1, 9, 400])
def test_a_certified_transformer(batch_size: int) -> None:
    model = transformer("vit")
    images = torch.randn(4, 3, 24, 16, generator=torch.Generator().manual_seed(3))
    safe = CertifiedShield(model, area=0.02, masks=3, fill="drop", batch_size=batch_size)
    seen = safe.verdict(images)
    with torch.no_grad():
        labels = model(images).argmax(dim=1)
        masks = safe.mask_set(24, 16)
        right = torch.stack(
            [
                safe.under(images, (a | b)[None].expand(4, -1, -1, -1)).argmax(dim=1) == labels
                for a in masks
                for b in masks
            ]
        )
    assert torch.equal(safe.certified(images, labels), right.all(dim=0))
    assert seen.labels.tolist() == [safe.predict(x[None]).item() for x in images]


def test_no_tokens_to_drop() -> None:
    with pytest.raises(ModelError, match="has no tokens that can be dropped"):
        CertifiedShield(SmallCNN(), area=0.02, fill="drop")
