from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from interlock.errors import OptionError
from interlock.explain import gini, road
from interlock.explain.measures.faithfulness import impute


def test_gini_of_known_maps():
    assert gini(np.zeros((4, 4))) == 0
    assert gini(np.ones((5, 5))) == pytest.approx(0)
    one = np.zeros(100)
    one[3] = -7.0
    assert gini(one) == pytest.approx(0.99)
    assert gini(np.array([1.0, 3.0])) == pytest.approx(0.25)  # (3 - 1) / (2 * 2 * (1 + 3)) * 2
    assert gini(torch.tensor([1.0, 3.0])) == gini(np.array([10.0, 30.0]))


def dense_imputation(image, removed):
    """The same system, written out pixel by pixel and solved densely."""
    height, width = removed.shape
    n = height * width
    system, right = np.eye(n), image.reshape(len(image), n).T.copy()
    for y in range(height):
        for x in range(width):
            if not removed[y, x]:
                continue
            weights = {
                (y + dy) * width + x + dx: 1 / 6 if dy == 0 or dx == 0 else 1 / 12
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
                if (dy or dx) and 0 <= y + dy < height and 0 <= x + dx < width
            }
            row = y * width + x
            right[row] = 0
            for neighbour, weight in weights.items():
                system[row, neighbour] = -weight / sum(weights.values())
    return np.linalg.solve(system, right).T.reshape(image.shape)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_imputation_solves_the_stated_system(share):
    generator = np.random.default_rng(0)
    image = generator.standard_normal((3, 9, 7))
    removed = generator.random((9, 7)) < share
    found = impute(image, removed, 0.0, generator)
    assert np.allclose(found, dense_imputation(image, removed))
    assert np.array_equal(found[:, ~removed], image[:, ~removed])


def test_imputation_agrees_with_quantus():
    quantus = pytest.importorskip("quantus.functions.perturb_func")
    generator = np.random.default_rng(1)
    image = generator.standard_normal((1, 12, 12))
    removed = generator.random((12, 12)) < 0.4
    theirs = quantus.noisy_linear_imputation(image, np.flatnonzero(removed.ravel()), noise=0.0)
    ours = impute(image, removed, 0.0, generator)
    assert np.allclose(np.asarray(theirs).reshape(1, 12, 12), ours)


class Corner(nn.Module):
    """The class probability depends on the mean of the top left quarter alone."""

    def forward(self, x):
        evidence = 8 * x[:, :, :4, :4].mean(dim=(1, 2, 3))
        return torch.stack([evidence, torch.zeros_like(evidence)], dim=1)


def test_pointing_at_what_the_model_reads_scores_higher():
    x = torch.zeros(3, 8, 8)
    x[:, :4, :4] = 1.0
    right, wrong = torch.zeros(8, 8), torch.zeros(8, 8)
    right[:4, :4], wrong[4:, 4:] = 1.0, 1.0
    good = road(Corner(), x, right, 0, percentages=(10, 25))
    bad = road(Corner(), x, wrong, 0, percentages=(10, 25))
    assert good.drop[25.0] > 0.2
    assert abs(bad.drop[25.0]) < 0.01
    assert good.aopc == pytest.approx(np.mean(list(good.drop.values())))
    assert good.aopc > bad.aopc + 0.05


def test_ties_are_broken_by_the_seed_not_by_place():
    x = torch.rand(3, 8, 8)
    flat = torch.zeros(8, 8)
    first, again, other = (road(Corner(), x, flat, 0, (20,), seed=s).aopc for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_sign_counts_in_the_ranking():
    x = torch.zeros(3, 8, 8)
    x[:, :4, :4] = 1.0
    negative = torch.zeros(8, 8)
    negative[:4, :4] = -1.0
    assert abs(road(Corner(), x, negative, 0, (25,)).aopc) < 0.01


@pytest.mark.parametrize("percentages", [(0,), (100,), (-3, 5)])
def test_percentages_out_of_range(percentages):
    with pytest.raises(OptionError, match="percentages"):
        road(Corner(), torch.rand(3, 8, 8), torch.rand(8, 8), 0, percentages)


def test_saliency_of_another_size():
    with pytest.raises(OptionError, match=r"\(H, W\)"):
        road(Corner(), torch.rand(3, 8, 8), torch.rand(3, 8, 8), 0)
