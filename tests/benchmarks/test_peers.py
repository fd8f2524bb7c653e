import pytest
import torch
from captum.attr import GuidedBackprop, Saliency
from torch import nn

import _peers


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=1)]
    net = nn.Sequential(
        nn.Sequential(*convolutions, nn.ReLU6()),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    with torch.no_grad():
        net[0][0].weight.mul_(8)  # so that both kinks of ReLU6 are in play
    return net.eval().requires_grad_(False)


def photo() -> torch.Tensor:
    """Regions of different colours, so that there are superpixels to be found."""
    noise = torch.Generator().manual_seed(1)
    patches = torch.rand(3, 6, 6, generator=noise).repeat_interleave(8, 1).repeat_interleave(8, 2)
    return (patches + 0.1 * torch.rand(3, 48, 48, generator=noise)) * 1.8 - 1


X = photo()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", _peers.PEERS)
def test_every_peer_gives_a_finite_map(name: str, model: nn.Module) -> None:
    saliency = _peers.PEERS[name](model, X, 1)
    assert saliency.shape == (48, 48)
    assert bool(saliency.isfinite().all())
    assert not saliency.requires_grad
    if "positive" in name or "absolute" in name:
        assert bool((saliency >= 0).all())


def test_splitting_relu6_changes_no_logit_and_not_the_model(model: nn.Module) -> None:
    split = _peers.relu6_split(model)
    hidden = model[0][0](X[None])
    assert bool((hidden > 6).any())
    torch.testing.assert_close(split(X[None]), model(X[None]), rtol=0, atol=1e-6)
    assert not any(isinstance(m, nn.ReLU6) for m in split.modules())
    assert sum(isinstance(m, nn.ReLU6) for m in model.modules()) == 2


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_captum_does_not_guide_relu6_by_itself(model: nn.Module) -> None:
    plain = Saliency(model).attribute(X[None], target=1, abs=False)
    assert torch.equal(GuidedBackprop(model).attribute(X[None], target=1), plain)
    guided = _peers.guided_backprop(model, X, 1)
    assert not torch.allclose(guided, _peers.absolute(plain))


def test_ig_has_the_closed_form_of_a_linear_model() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    x = X[:, :8, :8].contiguous()
    expected = linear[1].weight[1].view(3, 8, 8) * x
    found = _peers.integrated_gradients(linear, x, 1)[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_last_features_are_the_block_around_the_last_convolution(model: nn.Module) -> None:
    assert _peers.last_features(model) is model[0]
