from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from interlock.explain._derivatives import Differentiable
from interlock.explain._dividends import all_subsets, dividends, sample_subsets

sizes, seeds = st.integers(1, 7), st.integers(0, 10_000)


def case(size: int, seed: int, steps: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    gradients = torch.randn(steps, size, generator=generator, dtype=torch.float64)
    return gradients, torch.randn(size, generator=generator, dtype=torch.float64)


def value(gradients: torch.Tensor, a: torch.Tensor, members: list[int]) -> float:
    """v(I), the sum of dividends over the whole power set of ``members``."""
    subsets = all_subsets(len(members))
    return float(dividends(gradients[:, members], a[members], subsets).sum())


def brute_force(gradients, a, subset, part=abs) -> float:
    """The definition, in loops: mean over steps of |g . a_T / ||a_T|||."""
    norm = math.sqrt(sum(float(a[i]) ** 2 for i in subset))
    if norm == 0:
        return 0.0
    total = 0.0
    for g in gradients:
        total += part(sum(float(g[i]) * float(a[i]) for i in subset) / norm)
    return total / len(gradients)


def test_all_subsets_up_to_twelve_features_equal_the_definition():
    gradients, a = case(12, 0, steps=5)
    a[3] = 0.0  # a feature at its baseline
    subsets = all_subsets(12)
    assert len(subsets) == 4096
    assert len({tuple(s) for s in subsets.tolist()}) == 4096
    found = dividends(gradients, a, subsets)
    for k in range(0, 4096, 41):
        members = subsets[k].nonzero().flatten().tolist()
        assert math.isclose(found[k], brute_force(gradients, a, members), abs_tol=1e-12)
    exact = sum(brute_force(gradients, a, s.nonzero().flatten().tolist()) for s in subsets) / len(
        subsets
    )
    assert math.isclose(float(found.mean()), exact, rel_tol=1e-9)


@given(sizes, seeds)
def test_for_and_against_add_up_to_the_absolute(size, seed):
    gradients, a = case(size, seed)
    subsets = all_subsets(size)
    parts = {e: dividends(gradients, a, subsets, e) for e in ("for", "against", "absolute")}
    assert torch.allclose(parts["for"] + parts["against"], parts["absolute"])
    assert all(bool((p >= 0).all()) for p in parts.values())


@given(sizes, seeds)
def test_non_negativity_and_empty_set(size, seed):
    gradients, a = case(size, seed)
    found = dividends(gradients, a, all_subsets(size))
    assert bool((found >= 0).all())
    assert found[0] == 0  # the empty set


@given(sizes, seeds)
def test_null_player(size, seed):
    gradients, a = case(size + 1, seed)
    gradients[:, size] = 0.0  # the model does not read it
    assert dividends(gradients[:, size:], a[size:], torch.ones(1, 1, dtype=torch.bool)) == 0
    # A feature at its baseline changes no dividend.
    a[size] = 0.0
    subsets = all_subsets(size)
    with_it = torch.cat([subsets, torch.ones(len(subsets), 1, dtype=torch.bool)], dim=1)
    assert torch.allclose(
        dividends(gradients, a, with_it), dividends(gradients[:, :size], a[:size], subsets)
    )


@given(sizes, sizes, seeds)
def test_monotone_and_superadditive(left, right, seed):
    gradients, a = case(left + right, seed)
    first, second = list(range(left)), list(range(left, left + right))
    whole = value(gradients, a, first + second)
    parts = value(gradients, a, first), value(gradients, a, second)
    assert whole >= max(parts) - 1e-9
    assert whole >= sum(parts) - 1e-9


@given(seeds)
def test_symmetric_features_have_equal_dividends(seed):
    gradients, a = case(4, seed)
    gradients[:, 1], a[1] = gradients[:, 0], a[0]
    subsets = torch.tensor([[1, 0, 1, 0], [0, 1, 1, 0]], dtype=torch.bool)
    first, second = dividends(gradients, a, subsets)
    assert torch.isclose(first, second)


class Net(nn.Module):
    """The same function in two ways: hidden units permuted and rescaled."""

    def __init__(self, twisted: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        w = torch.randn(6, 8, generator=generator, dtype=torch.float64)
        u = torch.randn(8, 2, generator=generator, dtype=torch.float64)
        if twisted:
            order = torch.randperm(8, generator=generator)
            scale = torch.rand(8, generator=generator, dtype=torch.float64) + 0.5
            w, u = (w * scale)[:, order], (u / scale.unsqueeze(1))[order]
        self.w, self.u = w, u

    def forward(self, x):
        return torch.relu(x.flatten(1) @ self.w) @ self.u


def test_implementation_invariance():
    x, zero = torch.randn(1, 2, 3, dtype=torch.float64), torch.zeros(1, 2, 3, dtype=torch.float64)
    found = []
    for twisted in (False, True):
        gradients = Differentiable(Net(twisted), 10).along_path(x, zero, 0, 20)
        found.append(dividends(gradients.flatten(1), x.flatten(), all_subsets(6)))
    assert found[0].max() > 0
    assert torch.allclose(found[0], found[1])


@given(seeds)
@settings(max_examples=20)
def test_sensitivity(seed):
    """If x and x' differ in one feature and the logits differ, that feature has a dividend."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 2, 3, generator=generator, dtype=torch.float64)
    baseline = x.clone()
    baseline[0, 0, 1] += 1.0
    model = Net(False)
    differ = (model(x[None]) - model(baseline[None]))[0, 0].abs() > 1e-6
    gradients = Differentiable(model, 64).along_path(x, baseline, 0, 64).flatten(1)
    one = torch.zeros(1, 6, dtype=torch.bool)
    one[0, 1] = True
    dividend = dividends(gradients, (x - baseline).flatten(), one)
    assert not differ or dividend > 0


def test_sampled_score_estimates_the_exact_mean():
    gradients, a = case(10, 1)
    exact = dividends(gradients, a, all_subsets(10))
    sampled = dividends(gradients, a, sample_subsets(10, 4000, torch.Generator().manual_seed(0)))
    standard_error = float(exact.std()) / math.sqrt(4000)
    assert abs(float(sampled.mean() - exact.mean())) < 4 * standard_error
