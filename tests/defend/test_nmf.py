from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls as scipy_nnls

from interlock.defend.concepts.nmf import factorise, nnls


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


@given(seed=st.integers(0, 10_000), rank=st.integers(1, 6), signed=st.booleans())
def test_codes_are_scipys(seed, rank, signed) -> None:
    factors = rand(rank, 12, seed=seed)
    rows = rand(7, 12, seed=seed + 1) - (0.5 if signed else 0.0)
    codes = nnls(rows, factors)
    expected = np.stack([scipy_nnls(factors.T.numpy(), row.numpy())[0] for row in rows])
    np.testing.assert_allclose(codes.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("spread", [0.1, 0.01, 0.003])  # Gram matrices of condition 8e3 to 8e6
def test_codes_of_factors_that_are_nearly_alike_are_scipys(spread) -> None:
    factors = (rand(1, 64) + spread * rand(10, 64, seed=1)).float()
    factors /= factors.norm(dim=1, keepdim=True)
    rows = rand(50, 10, seed=2).float() @ factors + 0.05 * rand(50, 64, seed=3).float()
    exact = factors.T.double().numpy()
    expected = np.stack([scipy_nnls(exact, row.double().numpy())[0] for row in rows])
    np.testing.assert_allclose(nnls(rows, factors).numpy(), expected, atol=1e-6 * expected.max())


def test_codes_of_mixtures_are_the_mixture() -> None:
    factors, codes = rand(4, 10), rand(20, 4, seed=1)
    codes[codes < 0.3] = 0
    torch.testing.assert_close(nnls(codes @ factors, factors), codes, atol=1e-6, rtol=0)


def test_orthogonal_factors_clip_the_projection() -> None:
    factors = torch.diag(torch.tensor([1.0, 2.0, 4.0]))
    rows = torch.tensor([[3.0, -1.0, 2.0], [-1.0, -2.0, -3.0]])
    assert nnls(rows, factors).tolist() == [[3.0, 0.0, 0.5], [0.0, 0.0, 0.0]]


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    factors, rows = rand(5, 9).float(), rand(6, 9, seed=2).float()
    alone = torch.cat([nnls(row[None], factors) for row in rows])
    torch.testing.assert_close(nnls(rows, factors), alone, atol=1e-5, rtol=1e-5)


def test_many_rows_are_solved_part_by_part_and_none_is_no_row() -> None:
    factors, rows = rand(3, 8), rand(5000, 8, seed=1)
    torch.testing.assert_close(nnls(rows, factors)[4990:], nnls(rows[4990:], factors))
    assert nnls(rows[:0], factors).shape == (0, 3)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_row_that_is_not_finite_has_no_codes(bad: float) -> None:
    rows = rand(3, 8)
    rows[1, 2] = bad
    codes = nnls(rows, rand(3, 8, seed=1))
    assert codes[1].isnan().all()
    assert codes[[0, 2]].isfinite().all()


def test_a_dead_factor_is_not_used() -> None:
    factors = torch.stack([torch.ones(3), torch.zeros(3)])
    assert nnls(torch.ones(1, 3), factors).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_separable_rows_give_their_factors_back(seed: int) -> None:
    # Channels and rows of its own for every factor: the factorisation is unique.
    truth = torch.zeros(3, 9, dtype=torch.float64)
    truth[0, :3], truth[1, 3:6], truth[2, 6:] = rand(3), rand(3, seed=1), rand(3, seed=2)
    truth /= truth.norm(dim=1, keepdim=True)
    codes = torch.cat([torch.eye(3, dtype=torch.float64).repeat(10, 1), rand(50, 3, seed=3)])
    found = factorise(codes @ truth, 3, seed=seed, iterations=2000)
    alike = found @ truth.T
    assert sorted(alike.argmax(dim=1).tolist()) == [0, 1, 2]
    assert (alike.amax(dim=1) > 0.999).all()


def test_factors_are_unit_rows_and_repeat_with_the_seed() -> None:
    rows, state = rand(30, 8), torch.get_rng_state()
    found = factorise(rows, 4)
    assert (found >= 0).all()
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4, dtype=torch.float64))
    assert torch.equal(found, factorise(rows, 4))
    assert not torch.equal(found, factorise(rows, 4, seed=1))
    assert torch.equal(torch.get_rng_state(), state)


def test_each_update_reduces_the_error() -> None:
    rows = rand(40, 10)
    errors = []
    for iterations in (1, 5, 20, 100):
        factors = factorise(rows, 3, iterations=iterations)
        errors.append((rows - nnls(rows, factors) @ factors).norm().item())
    assert errors == sorted(errors, reverse=True)
    # The best of rank 3 with any signs bounds it from below.
    assert errors[-1] >= torch.linalg.svdvals(rows)[3:].norm().item()
