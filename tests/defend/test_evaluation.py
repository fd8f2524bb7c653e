"""Counting who is right under patches, against a model whose answers are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interlock.defend import PatchAttack
from interlock.defend.evaluation import Evaluator, Rate
from interlock.defend.shield import Answer
from interlock.errors import DataError, OptionError


class Redness(nn.Module):
    """Class 1 where red outweighs green over the image; the attacker wins by a bright patch."""

    def forward(self, x: Tensor) -> Tensor:
        difference = (x[:, 0] - x[:, 1]).mean(dim=(1, 2))
        return torch.stack([-difference, difference], dim=1)


class Blind(nn.Module):
    """A shield that answers class 0 to everything and hides the top half of what it dislikes."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def answer(self, x: Tensor) -> Answer:
        masks = torch.zeros(len(x), 1, *x.shape[-2:], dtype=torch.bool)
        masks[x.amax(dim=(1, 2, 3)) > 0.9, :, : x.shape[-2] // 2] = True
        first = torch.tensor([[1.0, 0.0]]).expand(len(x), 2)
        passes = 1 + masks.flatten(1).any(dim=1).long()
        votes = torch.zeros(len(x), 1, dtype=torch.long)
        return Answer(first, self.model(x), masks.float(), masks, votes, passes)


def greenish(count: int) -> Tensor:
    """Class 0 by a margin that a patch of a tenth of the image overcomes."""
    x = torch.full((count, 3, 20, 20), 0.5)
    x[:, 1] += 0.02
    return x


def test_wilson_s_interval_as_published() -> None:
    low, high = Rate(8, 10).interval()
    assert (low, high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert Rate(0, 0).interval() == (0.0, 1.0)
    assert Rate(0, 0).to_dict()["value"] is None


def test_who_is_right_is_counted() -> None:
    shield = Blind(Redness().eval())
    evaluator = Evaluator(shield, [0.1], PatchAttack(steps=5, bounds=(0.0, 1.0)), examples=2)
    x = greenish(5)
    truth = torch.tensor([0, 0, 0, 0, 1])  # the last is wrong whatever happens
    evaluator.add(x[:3], truth[:3])
    evaluator.add(x[3:], truth[3:])
    found = evaluator.result()
    assert (found.images, found.clean_undefended.hits, found.clean.hits) == (5, 4, 4)
    assert found.clean_masked.hits == 0
    assert found.clean_passes == 1
    (row,) = found.areas
    assert row.undefended == Rate(0, 5)  # every patch wins; the last image is wrong already
    assert row.robust == Rate(4, 5)
    assert row.ceiling == Rate(4, 5)
    assert row.masked.hits == 5  # every patch is bright
    assert row.passes == 2
    assert [case.kind for case in found.cases] == ["saved", "saved"]
    assert all(case.undefended == 1 and case.label == case.truth == 0 for case in found.cases)
    assert [case.index for case in found.cases] == [0, 1]


def test_batches_do_not_share_their_patches_and_a_seed_repeats_them() -> None:
    def patches(seed: int) -> list[Tensor]:
        evaluator = Evaluator(
            Blind(Redness().eval()), [0.1], PatchAttack(steps=5, bounds=(0.0, 1.0), seed=seed)
        )
        for _ in range(2):
            evaluator.add(greenish(2), torch.zeros(2, dtype=torch.long))
        return [case.image for case in evaluator.result().cases]

    first = patches(0)
    assert len(first) == 4
    assert not torch.equal(first[0], first[2])
    assert all(torch.equal(a, b) for a, b in zip(first, patches(0), strict=True))


def test_a_model_without_gradients_of_its_own_stays_so() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 400, 2)).eval()
    Evaluator(Blind(model), [0.1], PatchAttack(steps=1)).add(
        greenish(1), torch.zeros(1, dtype=torch.long)
    )
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_what_cannot_be_evaluated_is_refused() -> None:
    shield = Blind(Redness())
    with pytest.raises(OptionError, match="areas is empty"):
        Evaluator(shield, [])
    with pytest.raises(OptionError, match="untargeted"):
        Evaluator(shield, [0.1], PatchAttack(targeted=True))
    with pytest.raises(DataError, match="no labelled images"):
        Evaluator(shield, [0.1]).result()
