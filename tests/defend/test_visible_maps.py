"""Inner maps without what is hidden: what is filled, what is weighed, and what is never read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from interlock.defend import CertifiedShield
from interlock.defend.certified.visible_maps import HIDDEN_WEIGHT, visible_maps
from interlock.defend.concepts.features import stage_ends
from interlock.defend.fill import Fill, pull_push
from interlock.errors import ModelError, OptionError

AVERAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(dim=(2, 3)),
    "mean, from the end": lambda x: torch.mean(x, [-1, -2]),
    "mean, kept": lambda x: x.mean((2, 3), keepdim=True).flatten(1),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "adaptive, a layer": lambda x: nn.AdaptiveAvgPool2d((1, 1))(x).flatten(1),
    "window": lambda x: F.avg_pool2d(x, (x.shape[2], x.shape[3])).flatten(1),
    "window, a layer": lambda x: nn.AvgPool2d(64, ceil_mode=True)(x).flatten(1),
}
OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "all that there is": lambda x: x.mean(),
    "over channels": lambda x: x.mean(dim=1),
    "over one side": lambda x: x.mean(dim=2),
    "to two values": lambda x: F.adaptive_avg_pool2d(x, 2),
    "small windows": lambda x: F.avg_pool2d(x, 2),
    "tokens": lambda x: x.flatten(2).mean(dim=2),
    "another number of images": lambda x: x[:1].mean(dim=(2, 3)),
}


class Pooled(nn.Module):
    """A convolution at half the side, an average, a linear head."""

    def __init__(self, average: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Conv2d(3, 6, 3, 2, 1)
        self.head = nn.Linear(6, 4)
        self.average = average
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.average(self.features(x).relu()))
        return logits


@pytest.mark.parametrize("name", AVERAGES)
def test_a_cell_counts_by_how_much_of_it_is_visible(name: str) -> None:
    cells = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    hidden[0, :, :4, :3] = True  # of the first image two cells altogether, two by half in each row
    weights = torch.ones(2, 1, 4, 4)
    weights[0, 0, :2] = torch.tensor([HIDDEN_WEIGHT, 0.5, 1.0, 1.0])
    with visible_maps(hidden) as maps:
        pooled = AVERAGES[name](cells)
    expected = (cells * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3))
    assert torch.allclose(pooled, expected, atol=1e-6)
    assert torch.allclose(pooled[1], cells[1].mean(dim=(1, 2)), atol=1e-6)
    assert maps.pooled == 1
    assert torch.equal(AVERAGES[name](cells), AVERAGES[name](cells.clone()))  # as ever outside it


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is_touched(name: str) -> None:
    cells = torch.randn(2, 5, 4, 4)
    hidden = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    hidden[:, :, :5] = True
    with visible_maps(hidden) as maps:
        pooled = OTHERS[name](cells)
    assert torch.equal(pooled, OTHERS[name](cells))
    assert maps.pooled == 0


@settings(max_examples=20)
@given(
    st.integers(0, 10**6),
    st.sampled_from(sorted(AVERAGES)),
    st.sampled_from(["pull_push", 0.3]),
    st.sampled_from([float("nan"), float("inf"), -1e30, 7.0]),
)
def test_what_is_hidden_is_not_read(seed: int, name: str, fill: Fill, loud: float) -> None:
    g = torch.Generator().manual_seed(seed)
    images = torch.rand(3, 3, 12, 10, generator=g)
    hidden = torch.rand(3, 1, 12, 10, generator=g) < 0.4
    safe = CertifiedShield(Pooled(AVERAGES[name]), area=0.1, fill=fill)
    other = torch.where(hidden, torch.full_like(images, loud), images)
    assert torch.equal(safe.under(images, hidden), safe.under(other, hidden))


class Largest(nn.Module):
    """No layer, no average."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(dim=(2, 3))


@pytest.mark.parametrize("model", [Largest(), torch.jit.script(Largest())], ids=["plain", "script"])
def test_a_model_without_maps_is_left_alone(model: nn.Module) -> None:
    images, hidden = some()
    filled, plain = (
        CertifiedShield(model.eval(), area=0.1, inner=inner).under(images, hidden)
        for inner in ("filled", "plain")
    )
    assert torch.equal(filled, plain)


def test_maps_are_left_alone_where_that_is_asked_for() -> None:
    images, hidden = some()
    model = Pooled(AVERAGES["mean"])
    plain = CertifiedShield(model, area=0.1, inner="plain").under(images, hidden)
    assert torch.equal(plain, model(pull_push(images, hidden)))
    assert not torch.equal(plain, CertifiedShield(model, area=0.1).under(images, hidden))
    with pytest.raises(OptionError, match="inner='some' is unknown; use 'filled' or 'plain'"):
        CertifiedShield(model, area=0.1, inner="some")  # type: ignore[arg-type]


def test_images_that_were_refused_before_change_no_answer() -> None:
    images, hidden = some()
    safe = CertifiedShield(Pooled(AVERAGES["mean"]), area=0.1)
    with pytest.raises(ModelError, match=r"images in torch\.float64 for a model in torch\.float32"):
        safe.under(images.double(), hidden)
    fresh = CertifiedShield(Pooled(AVERAGES["mean"]), area=0.1)
    assert torch.equal(safe.under(images, hidden), fresh.under(images, hidden))


def some() -> tuple[Tensor, Tensor]:
    images = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(3, 1, 12, 12, dtype=torch.bool)
    hidden[:, :, 2:9, 3:9] = True
    return images, hidden


def test_mostly_hidden_cells_of_a_layer_are_filled_from_around_and_others_stay() -> None:
    layer = nn.AvgPool2d(2)
    images, hidden = some()
    with visible_maps(hidden, [layer]):
        maps = layer(images)
    mostly = F.avg_pool2d(hidden.float(), 2) > 0.5
    assert 0 < mostly.float().mean() < 1
    assert torch.equal(maps, pull_push(F.avg_pool2d(images, 2), mostly))
    assert torch.equal(layer(images), F.avg_pool2d(images, 2))  # no hook is left behind
    assert not layer._forward_hooks


@pytest.mark.parametrize(
    "shape", [(3, 4, 2, 2), (3, 4, 1, 2), (3, 4, 1, 1), (1, 4, 6, 6), (3, 9, 4)]
)
def test_a_layer_with_a_tiny_map_or_none_of_these_images(shape: tuple[int, ...]) -> None:
    """Filling averages small maps on its way, which are no averages of the model's."""
    layer, output = nn.Identity(), torch.rand(shape)
    with visible_maps(some()[1], [layer]) as maps:
        seen = layer(output)
    assert maps.pooled == 0
    assert seen.shape == output.shape
    assert torch.isfinite(seen).all()
    if shape[:2] != (3, 4) or shape[-2:] == (1, 1):
        assert torch.equal(seen, output)


def test_real_families_answer_by_their_visible_maps() -> None:
    from transformers import (
        MobileNetV1Config,
        MobileNetV1ForImageClassification,
        ResNetConfig,
        ResNetForImageClassification,
    )

    torch.manual_seed(0)
    resnet = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32])
    mobile = MobileNetV1Config(image_size=64, depth_multiplier=0.25)
    networks = {
        ("network.resnet.encoder.stages.1", "network.resnet.encoder.stages.2"): (
            ResNetForImageClassification(resnet)
        ),
        ("network.mobilenet_v1.layer.9", "network.mobilenet_v1.layer.21"): (
            MobileNetV1ForImageClassification(mobile)
        ),
    }
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    hidden[:, :, 8:40, 8:40] = True
    other = torch.where(hidden, torch.full_like(images, torch.nan), images)
    for ends, network in networks.items():
        model = Logits(network).eval().requires_grad_(False)
        assert stage_ends(model, images[:1]) == ends
        safe = CertifiedShield(model, area=0.1)
        logits = safe.under(images, hidden)
        assert torch.equal(logits, safe.under(other, hidden))
        plain = CertifiedShield(model, area=0.1, inner="plain").under(images, hidden)
        assert not torch.equal(logits, plain)
        assert not any(layer._forward_hooks for layer in model.modules())


@pytest.mark.parametrize(
    ("model", "ends"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.Flatten()), ()),
        (nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()), ("1",)),
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 12, 4)), ()),
    ],
    ids=["one resolution", "two", "none"],
)
def test_what_ends_a_resolution(model: nn.Module, ends: tuple[str, ...]) -> None:
    assert stage_ends(model, torch.zeros(1, 3, 16, 12)) == ends


class Logits(nn.Module):
    """Of a model of ``transformers``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x).logits
        return logits


def test_what_a_mask_shows_has_little_say_left() -> None:
    """Of a bright fill the plain average is drawn up, the other is not."""
    shown = torch.zeros(1, 3, 8, 8)
    shown[..., :4, :] = 1
    hidden = shown[:, :1] > 0
    with visible_maps(hidden):
        weighed = shown.mean(dim=(2, 3))
    assert shown.mean(dim=(2, 3))[0].tolist() == [0.5] * 3
    assert weighed[0, 0] == pytest.approx(HIDDEN_WEIGHT / (1 + HIDDEN_WEIGHT))


def test_half_precision_and_gradients() -> None:
    cells = torch.rand(2, 5, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    hidden = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    hidden[:, :, :, :4] = True
    with visible_maps(hidden):
        pooled = cells.mean(dim=(2, 3))
    assert pooled.dtype == torch.bfloat16
    pooled.float().sum().backward()
    assert cells.grad is not None
    assert (cells.grad[..., 2:] > 10 * cells.grad[..., :2]).all()
