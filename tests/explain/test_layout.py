"""How images lie in memory while a model is asked about them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interlock import HSets
from interlock.errors import ModelError
from interlock.explain._derivatives import Differentiable
from tests.networks import SmallCNN

PHOTO = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(3))


class Seen(nn.Module):
    """A network that keeps whether its images lay channels last."""

    def __init__(self, reads_memory: bool) -> None:
        super().__init__()
        self.net, self.reads_memory = SmallCNN().requires_grad_(False), reads_memory
        self.last: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.reads_memory:
            x = x.view(len(x), -1).view(x.shape)  # refuses what does not lie row by row
        self.last.append(x.is_contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.net(x)
        return logits


def test_images_lie_channels_last_where_the_model_bears_it() -> None:
    model = Seen(reads_memory=False)
    asked = Differentiable(model, 4)
    both = torch.stack([PHOTO, torch.zeros_like(PHOTO)])
    torch.testing.assert_close(asked.settled(both), model.net(both))
    assert model.last == [False, True]
    model.last.clear()
    asked.along_path(PHOTO, torch.zeros_like(PHOTO), 0, 3)
    asked.answers(both, lambda images: images)
    assert all(model.last)


def test_a_model_that_reads_the_order_of_memory_is_explained_alike() -> None:
    plain, reading = HSets(SmallCNN().requires_grad_(False)), Seen(reads_memory=True)
    expected, found = plain.explain(PHOTO, 0), HSets(reading).explain(PHOTO, 0)
    assert torch.equal(found.regions, expected.regions)
    torch.testing.assert_close(found.drops, expected.drops, rtol=1e-3, atol=1e-4)
    assert not any(reading.last)


def test_a_model_that_answers_otherwise_when_asked_again_is_refused() -> None:
    class Moody(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x.mean(dim=(2, 3)) * self.calls

    with pytest.raises(ModelError, match="from call to call"):
        Differentiable(Moody(), 4).settled(PHOTO[None] + 1)
