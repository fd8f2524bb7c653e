import pytest
import torch
from torch import Tensor, nn

import _measure
from interlock.explain import PERCENTAGES


class Brightness(nn.Module):
    """Two classes whose logit difference is ten times the mean of the image."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(mean), 10 * mean], dim=1)


def test_cut_keeps_the_largest_and_their_values() -> None:
    saliency = torch.tensor([[0.0, 5.0, -1.0], [2.0, 3.0, 1.0]])
    assert _measure.cut(saliency, 2).tolist() == [[0, 5, 0], [0, 3, 0]]


def test_cut_does_not_invent_pixels() -> None:
    saliency = torch.zeros(4, 4)
    saliency[1, 2] = 1.0
    assert torch.equal(_measure.cut(saliency, 5), saliency)


def test_ties_are_not_broken_by_position() -> None:
    kept = _measure.cut(torch.ones(20, 20), 100)
    assert 10 < int(kept[:10].sum()) < 90


def test_grey_aopc_has_the_closed_form_of_a_linear_model() -> None:
    x = torch.ones(3, 20, 20)
    saliency = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    share = torch.tensor([round(400 * p / 100) / 400 for p in PERCENTAGES])
    expected = (torch.sigmoid(torch.tensor(10.0)) - torch.sigmoid(10 * (1 - share))).mean()
    found = _measure.grey_aopc(Brightness(), x, saliency, target=1)
    assert found == pytest.approx(float(expected), abs=1e-6)


def test_grey_aopc_leaves_the_image_alone() -> None:
    x = torch.rand(3, 20, 20)
    before = x.clone()
    _measure.grey_aopc(Brightness(), x, torch.rand(20, 20), target=1)
    assert torch.equal(x, before)


def test_a_map_on_the_evidence_scores_above_one_beside_it() -> None:
    x = torch.zeros(3, 20, 20)
    x[:, 4:8, 4:8] = 25.0
    on, beside = torch.zeros(2, 20, 20)
    on[4:8, 4:8] = 1.0
    beside[12:16, 12:16] = 1.0
    good = _measure.scores(Brightness(), x, on, target=1)
    bad = _measure.scores(Brightness(), x, beside, target=1)
    assert good.grey > bad.grey + 0.1
    assert good.road > bad.road
    assert good.nonzero == pytest.approx(16 / 400)
