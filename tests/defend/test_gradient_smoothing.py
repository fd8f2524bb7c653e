"""Local gradients smoothing against values by hand and against loops over its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from interlock.defend import LocalGradientsSmoothing, PatchAttack
from interlock.errors import ModelError, OptionError
from tests.networks import SmallCNN


class Mean(nn.Module):
    """Class 1 where the image is brighter than a half."""

    def forward(self, x: Tensor) -> Tensor:
        bright = x.mean(dim=(1, 2, 3)) - 0.5
        return torch.stack([-bright, bright], dim=1)


def test_two_edges_by_hand() -> None:
    # Differences to the right: 0.4, 0, 0.04, and 0 at the end; stretched: 1, 0, 0.1, 0. The left
    # block's mean is 1/2, the right one's 1/20.
    x = torch.tensor([0.5, 0.9, 0.9, 0.94]).expand(1, 3, 2, 4)
    unit = {"window": 2, "overlap": 0, "bounds": (0.0, 1.0), "smoothing": 0.5}
    seen = LocalGradientsSmoothing(Mean(), **unit).smoothed(x)  # type: ignore[arg-type]
    assert torch.allclose(seen[0, 0, 0], torch.tensor([0.25, 0.9, 0.9, 0.94]))
    all_blocks = LocalGradientsSmoothing(Mean(), threshold=0.04, **unit)  # type: ignore[arg-type]
    assert torch.allclose(all_blocks.smoothed(x)[0, 0, 0], torch.tensor([0.25, 0.9, 0.855, 0.94]))
    assert torch.equal(all_blocks.smoothed(x)[0, 0, 0], all_blocks.smoothed(x)[0, 2, 1])
    strong = LocalGradientsSmoothing(Mean(), window=2, overlap=0, bounds=(0.0, 1.0))
    assert torch.allclose(strong.smoothed(x)[0, 0, 0], torch.tensor([0.0, 0.9, 0.9, 0.94]))
    assert LocalGradientsSmoothing(Mean(), bounds=(0.0, 1.0)).smoothing == 2.3


def by_loops(
    x: np.ndarray, window: int, overlap: int, smoothing: float, threshold: float
) -> np.ndarray:
    """The definition, pixel by pixel and block by block, for values in [0, 1]; (C, H, W)."""
    grey = x.mean(axis=0)
    height, width = grey.shape
    steep = np.zeros_like(grey)
    for i in range(height):
        for j in range(width):
            across = grey[i, j + 1] - grey[i, j] if j + 1 < width else 0.0
            down = grey[i + 1, j] - grey[i, j] if i + 1 < height else 0.0
            steep[i, j] = np.hypot(across, down)
    spread = steep.max() - steep.min()
    steep = (steep - steep.min()) / spread if spread > 0 else np.zeros_like(steep)
    kept = np.zeros_like(steep)

    def starts(length: int) -> list[int]:
        found = list(range(0, length - window, window - overlap))
        return [*found, length - window]

    for i in starts(height):
        for j in starts(width):
            block = slice(i, i + window), slice(j, j + window)
            if steep[block].mean() > threshold:
                kept[block] = steep[block]
    return x * (1 - np.clip(smoothing * kept, 0, 1))


@given(
    seed=st.integers(0, 10_000), height=st.integers(5, 14), width=st.integers(5, 14),
    window=st.integers(2, 5), data=st.data(),
)  # fmt: skip
def test_equal_to_the_definition(
    seed: int, height: int, width: int, window: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, window - 1))
    rng = np.random.default_rng(seed)
    x = rng.random((3, height, width)) * (rng.random((1, height, width)) < 0.3)
    defence = LocalGradientsSmoothing(
        Mean(), smoothing=1.3, threshold=0.17, window=window, overlap=overlap, bounds=(0.0, 1.0)
    )
    expected = by_loops(x, window, overlap, 1.3, 0.17)
    assert np.allclose(defence.smoothed(torch.from_numpy(x)[None])[0].numpy(), expected, atol=1e-9)
    # In a model's own values nothing else happens: black is where weights pull to.
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])
    scaled = (torch.from_numpy(x)[None] - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    own = LocalGradientsSmoothing(
        Mean(), smoothing=1.3, threshold=0.17, window=window, overlap=overlap,
        bounds=(-mean.double() / std.double(), (1 - mean.double()) / std.double()),
    )  # fmt: skip
    back = own.smoothed(scaled) * std.view(1, 3, 1, 1) + mean.view(1, 3, 1, 1)
    assert np.allclose(back[0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "blocks"),
    [((299, 299), (15, 5)), ((224, 224), (15, 5)), ((160, 160), (11, 4)), ((160, 320), (11, 4)),
     ((64, 64), (4, 1)), ((32, 32), (3, 1)), ((2, 9), (2, 1)), ((1, 1), (1, 0))],
)  # fmt: skip
def test_blocks_of_each_size(size: tuple[int, int], blocks: tuple[int, int]) -> None:
    assert LocalGradientsSmoothing(Mean()).blocks(*size) == blocks
    fixed = LocalGradientsSmoothing(Mean(), window=15, overlap=5)
    assert fixed.blocks(*size) == (min(15, *size), min(5, min(15, *size) - 1))
    LocalGradientsSmoothing(Mean()).predict(torch.rand(1, 3, *size))


def test_a_noisy_patch_loses_its_say_and_the_rest_stays_bit_for_bit() -> None:
    """A patch of noise makes a dark picture bright on average; without it the answer returns."""
    x = torch.full((1, 3, 32, 32), 0.42)
    noise = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)).round()
    patched = x.clone()
    patched[..., 8:24, 8:24] = 0.9 * noise + 0.1 + (1 - noise) * 0.45
    defence = LocalGradientsSmoothing(Mean(), bounds=(0.0, 1.0))
    assert Mean()(patched).argmax(dim=1).item() == 1
    assert defence.predict(patched).item() == 0
    assert defence.predict(x).item() == 0
    seen = defence.smoothed(patched)
    away = torch.ones(32, 32, dtype=torch.bool)
    away[7:24, 7:24] = False
    assert torch.equal(seen[..., away], patched[..., away])
    assert torch.equal(defence.smoothed(x), x)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    x = torch.rand(4, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    defence = LocalGradientsSmoothing(SmallCNN(), bounds=(0.0, 1.0))
    apart = torch.cat([defence.smoothed(x[k : k + 1]) for k in range(4)])
    assert torch.equal(defence.smoothed(x), apart)


def test_attacks_can_go_through_it(small_cnn: SmallCNN) -> None:
    x = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    x[:, :, :12] = 0.3  # flat: its gradients have no direction
    defence = LocalGradientsSmoothing(small_cnn, bounds=(0.0, 1.0))
    labels = defence.predict(x)
    x.requires_grad_(True)
    (slope,) = torch.autograd.grad(defence(x).sum(), x)
    assert slope.isfinite().all()
    assert slope.abs().sum() > 0
    PatchAttack(area=0.1, steps=2, bounds=(0.0, 1.0))(defence, x.detach(), labels)


@pytest.mark.parametrize(
    "options",
    [{"smoothing": -1.0}, {"threshold": 1.1}, {"window": 0}, {"overlap": -1},
     {"window": 3, "overlap": 3}, {"overlap": 6}],
)  # fmt: skip
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(reversed(options))):
        LocalGradientsSmoothing(Mean(), **options)  # type: ignore[arg-type]


def test_nan_logits() -> None:
    with pytest.raises(ModelError, match="not finite"):
        LocalGradientsSmoothing(Mean())(torch.full((1, 3, 8, 8), float("nan")))
