from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from interlock.errors import ModelError
from interlock.explain._derivatives import Differentiable
from tests.networks import Quadratic, SmallCNN


def symmetric(size: int, seed: int = 0) -> torch.Tensor:
    a = torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
    return a + a.T


def test_rows_of_a_quadratic_are_its_matrix():
    matrix = symmetric(12)
    x = torch.randn(3, 2, 2)
    products = Differentiable(Quadratic(matrix), 4).hessian(x, 0, copies=5, tau=1e-3)
    rows = products(torch.eye(12).view(12, 3, 2, 2)).flatten(1)  # 12 rows through 5 copies
    assert torch.allclose(rows, matrix, atol=1e-5)


def test_product_model_interacts_only_in_the_pair():
    matrix = torch.zeros(4, 4)
    matrix[0, 1] = matrix[1, 0] = 1.0  # f = x0 x1
    products = Differentiable(Quadratic(matrix), 1).hessian(torch.rand(1, 2, 2), 0, 1, 1e-3)
    row = products(torch.eye(4)[:1].view(1, 1, 2, 2)).flatten()
    assert row.tolist() == [0, 1, 0, 0]


def test_affine_model_has_a_zero_hessian():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    products = Differentiable(model, 1).hessian(torch.rand(3, 2, 2), 0, 1, 1e-3)
    assert not products(torch.ones(1, 3, 2, 2)).any()


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, dilation=2, padding=2, groups=2, bias=False),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    ],
    ids=str,
)
def test_smooth_networks_agree_with_the_full_hessian_of_autograd(convolution):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(convolution.out_channels)
    norm.running_var.uniform_(0.5, 2)
    norm.running_mean.uniform_(-1, 1)
    norm.weight.data.uniform_(0.5, 2)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), convolution, norm, nn.GELU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(convolution.out_channels, 3), nn.Tanh(),
    ).eval()  # fmt: skip
    x = torch.randn(2, 5, 4)
    full = torch.autograd.functional.hessian(lambda v: model(v[None])[0, 1], x).view(40, 40)
    products = Differentiable(model, 4).hessian(x, 1, copies=8, tau=1e-3)
    rows = products(torch.eye(40).view(40, 2, 5, 4)).flatten(1)
    assert torch.allclose(rows, full, atol=1e-5 * float(full.abs().max()) + 1e-7)


def straight_through_relu(z, tau):
    """Exact value, smooth slope, by plain autograd: the definition, independent of the rules."""
    root = (z * z + tau).sqrt()
    smooth = torch.where(z < 0, z + root, root)
    return torch.relu(z).detach() + smooth - smooth.detach()


def test_relu_network_rows_equal_the_full_hessian_of_the_definition():
    model, tau = SmallCNN().double(), 1e-2
    x = torch.randn(3, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def by_definition(v):
        y = straight_through_relu(model.norm(model.conv1(v[None])), tau)
        y = straight_through_relu(model.conv2(y) + y, tau)
        return model.head(y.mean(dim=(2, 3)))[0, 1]

    full = torch.autograd.functional.hessian(by_definition, x).view(60, 60)
    rows = Differentiable(model, 1).hessian(x, 1, 8, tau)(torch.eye(60).view(60, 3, 5, 4).double())
    assert full.abs().max() > 1e-3
    assert torch.allclose(rows.flatten(1), full, atol=1e-12)


def test_path_gradients_of_a_quadratic_integrate_to_the_difference():
    matrix, slope = symmetric(12), torch.randn(12)
    model = Quadratic(matrix, slope)
    x, baseline = torch.randn(3, 2, 2), torch.randn(3, 2, 2)
    gradients = Differentiable(model, 4).along_path(x, baseline, 0, steps=10)
    gain = (model(x[None]) - model(baseline[None]))[0, 0]
    # The midpoint rule is exact for a gradient that is linear in alpha.
    total = (gradients.mean(dim=0) * (x - baseline)).sum()
    assert torch.isclose(total, gain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_are_derived_in_float32_and_stay_as_they_are(dtype, photo):
    model = SmallCNN().to(dtype)
    reference = SmallCNN()
    reference.load_state_dict({k: v.float() for k, v in model.state_dict().items()})
    x = photo.float()
    one = torch.zeros(1, *x.shape)
    one[0, 1, 5, 5] = 1.0
    found, expected = Differentiable(model, 4), Differentiable(reference, 4)
    assert torch.equal(found.hessian(x, 0, 1, 1e-3)(one), expected.hessian(x, 0, 1, 1e-3)(one))
    zero = torch.zeros_like(x)
    assert torch.equal(found.along_path(x, zero, 0, 5), expected.along_path(x, zero, 0, 5))
    assert all(p.dtype == dtype for p in model.parameters())


class Hungry(SmallCNN):
    """Runs out of memory above a batch of ``limit`` images."""

    limit = 3

    def forward(self, x):
        self.seen = [*getattr(self, "seen", []), len(x)]
        if len(x) > self.limit:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(x)


def test_batches_are_halved_when_memory_runs_out(photo):
    hungry, plain = Hungry(), SmallCNN()
    zero = torch.zeros_like(photo)
    found = Differentiable(hungry, 8).along_path(photo, zero, 0, 9)
    expected = Differentiable(plain, 8).along_path(photo, zero, 0, 9)
    assert torch.allclose(found, expected, atol=1e-6)
    assert hungry.seen[:3] == [8, 4, 2]
    directions = torch.randn(5, *photo.shape)
    rows = Differentiable(hungry, 8).hessian(photo, 0, 5, 1e-3)(directions)
    wanted = Differentiable(plain, 8).hessian(photo, 0, 5, 1e-3)(directions)
    assert torch.allclose(rows, wanted, atol=1e-5)


def test_memory_that_is_short_for_one_image_is_an_error(photo):
    hungry = Hungry()
    hungry.limit = 0
    with pytest.raises(RuntimeError, match="out of memory"):
        Differentiable(hungry, 8).along_path(photo, photo * 0, 0, 9)


def test_a_model_without_gradient_is_named(photo):
    class NoGradient(SmallCNN):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    with pytest.raises(ModelError, match="no gradient"):
        Differentiable(NoGradient(), 4).along_path(photo, photo * 0, 0, 2)


def test_attention_is_derived_twice():
    class Attention(nn.Module):
        def forward(self, x):
            tokens = x.flatten(2).transpose(1, 2)
            mixed = F.scaled_dot_product_attention(tokens, tokens, tokens)
            return mixed.mean(dim=1)[:, :2]

    x = torch.randn(4, 3, 3)
    full = torch.autograd.functional.hessian(
        lambda v: (lambda t: (t @ t.T / 2).softmax(1) @ t)(v.flatten(1).T).mean(0)[0], x
    ).view(36, 36)
    rows = Differentiable(Attention(), 1).hessian(x, 0, 6, 1e-3)(torch.eye(36).view(36, 4, 3, 3))
    assert torch.allclose(rows.flatten(1), full, atol=1e-5)
