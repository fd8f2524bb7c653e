"""Methods that score features one by one, on models where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from interlock.errors import ModelError, OptionError
from interlock.explain._baseline import baseline_for
from interlock.explain.peers import make_peer
from interlock.explain.peers.grad_cam import last_features
from interlock.explain.peers.guided_backprop import _Guide
from interlock.explain.peers.xrai import ranked, segments
from tests.explain.peers.models import ONES, QUADRANTS, Parts, image, linear, weights

X = image(3, 6, 5)
LINEAR = linear(X.numel())
W = weights(LINEAR, 1, X)


def close(found, expected, **tolerance):
    torch.testing.assert_close(
        found, expected.float(), **({"rtol": 1e-4, "atol": 1e-6} | tolerance)
    )


@pytest.mark.parametrize("baseline", [0.0, 0.3, "blur"])
def test_ig_of_a_linear_model_is_weight_times_difference(baseline):
    pytest.importorskip("captum")
    expected = W * (X - baseline_for(X, baseline))
    for evidence, reduced in (
        ("signed", expected.sum(0)),
        ("for", expected.sum(0).clamp(min=0)),
        ("absolute", expected.abs().sum(0)),
    ):
        peer = make_peer("ig", LINEAR, baseline=baseline, evidence=evidence)
        close(peer.saliency(X, 1), reduced)


def test_ig_is_complete_on_a_product():
    pytest.importorskip("captum")
    model = Parts(lambda m: 5 * m[:, 0] * m[:, 1])
    found = make_peer("ig", model, steps=20).saliency(ONES, 0)
    # Each factor gets half of the product, evenly over its 16 pixels.
    close(found, torch.from_numpy(np.where(QUADRANTS <= 1, 2.5 / 16, 0.0)))


def test_the_named_variants_of_ig():
    pytest.importorskip("captum")
    signed = W * X
    close(make_peer("ig-absolute", LINEAR).saliency(X, 1), signed.abs().sum(0))
    close(make_peer("ig-positive", LINEAR).saliency(X, 1), signed.sum(0).clamp(min=0))
    blurred = (W * (X - baseline_for(X, "blur"))).sum(0).clamp(min=0)
    close(make_peer("ig-blur-positive", LINEAR).saliency(X, 1), blurred)


def test_gradients_of_a_linear_model():
    pytest.importorskip("captum")
    close(make_peer("gradient-input", LINEAR).saliency(X, 1), (W * X).sum(0))
    difference = X - baseline_for(X, "blur")
    close(make_peer("gradient-blur", LINEAR).saliency(X, 1), (W * difference).sum(0))
    close(make_peer("smoothgrad", LINEAR).saliency(X, 1), W.abs().sum(0))
    noiseless = make_peer("smoothgrad-input", LINEAR, noise=0.0, evidence="signed")
    close(noiseless.saliency(X, 1), (W * X).sum(0))


def test_smoothgrad_of_a_square_is_the_gradient_at_the_image():
    """The gradient is linear in x, so the noise averages out."""
    pytest.importorskip("captum")
    square = Parts(lambda m: m.square().sum(dim=1))
    x = image(1, 8, 8)
    plain = make_peer("smoothgrad", square, samples=400, noise=0.2, evidence="signed")
    # The gradient of the sum of squared means is 2 m_q / 16 on each pixel of q.
    quadrant = x.view(2, 4, 2, 4).mean(dim=(1, 3))
    expected = torch.kron(2 * quadrant / 16, torch.ones(4, 4))
    close(plain.saliency(x, 0), expected, rtol=0, atol=0.02)


def test_occlusion_of_a_linear_model_is_the_drop_of_each_window():
    pytest.importorskip("captum")
    x = image(3, 8, 8)
    model = linear(x.numel())
    found = make_peer("occlusion", model, window=4, stride=4).saliency(x, 1)
    parts = (weights(model, 1, x) * x).sum(0)
    drops = parts.view(2, 4, 2, 4).sum(dim=(1, 3))
    close(found, torch.kron(drops, torch.ones(4, 4)), atol=1e-4)


def test_kernel_shap_of_an_additive_game_is_each_regions_share():
    pytest.importorskip("captum")
    model = Parts(lambda m: m @ torch.tensor([1.0, -2.0, 3.0, 0.5]))
    peer = make_peer("kernel-shap", model, regions=QUADRANTS, samples=60)
    expected = torch.tensor([1.0, -2.0, 3.0, 0.5])[QUADRANTS]
    close(peer.saliency(ONES, 0), expected, atol=1e-3)


def test_kernel_shap_with_one_region():
    pytest.importorskip("captum")
    model = Parts(lambda m: m.sum(dim=1))
    found = make_peer("kernel-shap", model, regions=np.zeros((8, 8), int)).saliency(ONES, 0)
    close(found, torch.full((8, 8), 4.0))


class OneConvolution(nn.Module):
    """Two 1 x 1 feature maps, ReLU, global mean, a linear head with known weights."""

    def __init__(self, classifier_inside: bool = False) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU())
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.features[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor([[3.0, -2.0], [-1.0, 4.0]]))

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))


def test_grad_cam_of_one_convolution_by_hand():
    """Maps max(x, 0) and max(-x, 0), weights w / 16: L = max(0, 3 x+ - 2 x-) / 16."""
    pytest.importorskip("captum")
    x = image(1, 4, 4)
    model = OneConvolution()
    assert last_features(model) is model.features
    positive, negative = x[0].clamp(min=0), (-x[0]).clamp(min=0)
    close(make_peer("grad-cam", model).saliency(x, 0), (3 * positive - 2 * negative).clamp(0) / 16)
    close(make_peer("grad-cam", model).saliency(x, 1), (4 * negative - positive).clamp(0) / 16)
    before_relu = make_peer("grad-cam", model, layer="features.0").saliency(x, 0)
    weight = 3 * (x > 0).float().mean() / 16, -2 * (x < 0).float().mean() / 16
    close(before_relu, (weight[0] * x[0] - weight[1] * x[0]).clamp(min=0))


def test_grad_cam_is_enlarged_bilinearly():
    pytest.importorskip("captum")
    x = image(1, 8, 8)
    model = nn.Sequential(nn.AvgPool2d(2), OneConvolution())
    small = make_peer("grad-cam", OneConvolution()).saliency(F.avg_pool2d(x, 2), 0)
    expected = F.interpolate(small[None, None], (8, 8), mode="bilinear")[0, 0]
    close(make_peer("grad-cam", model).saliency(x, 0), expected)


def test_grad_cam_takes_the_convolution_where_its_block_holds_the_classifier():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    assert last_features(net) is net[0]
    assert last_features(nn.Sequential(net)) is net[0]


def test_grad_cam_without_a_convolution_says_what_to_do():
    pytest.importorskip("captum")
    with pytest.raises(ModelError, match="no Conv2d; name a layer"):
        make_peer("grad-cam", LINEAR).saliency(X, 1)
    with pytest.raises(OptionError, match="'nowhere'"):
        make_peer("grad-cam", LINEAR, layer="nowhere").saliency(X, 1)
    with pytest.raises(ModelError, match="layer="):
        make_peer("grad-cam", LINEAR, layer="0").saliency(X, 1)


class Rectified(nn.Module):
    """Three layers around two rectifications, in the way that is asked for."""

    def __init__(self, way) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(12, 20), nn.Linear(20, 20), nn.Linear(20, 3)])
        self.relu = nn.ReLU()
        self.way = way

    def forward(self, x):
        y = self.layers[0](x.flatten(1)) * 4
        y = self.layers[1](self.way(self, y)) * 4
        return self.layers[2](self.way(self, y))


def by_hand(model, x, target, ceiling):
    """Guided backpropagation written out."""
    a = model.layers[0](x.flatten()) * 4
    b = model.layers[1](a.clamp(0, ceiling)) * 4
    g = model.layers[2].weight[target]
    g = g.clamp(min=0) * ((b > 0) & (b < ceiling))
    g = 4 * (g @ model.layers[1].weight)
    g = g.clamp(min=0) * ((a > 0) & (a < ceiling))
    return (4 * (g @ model.layers[0].weight)).view_as(x).detach()


WAYS = {
    "module": lambda m, z: m.relu(z),
    "in place": lambda m, z: F.relu(z, inplace=True),
    "in place by position": lambda m, z: F.relu(z, True),
    "underscore": lambda m, z: torch.relu_(z + 0),
    "method": lambda m, z: z.relu(),
    "keyword": lambda m, z: F.relu(input=z),
}


@pytest.mark.parametrize("way", WAYS)
def test_guided_backprop_by_hand_however_relu_is_written(way):
    x = image(3, 2, 2)
    model = Rectified(WAYS[way])
    expected = by_hand(model, x, 1, float("inf"))
    close(make_peer("guided-backprop", model, evidence="signed").saliency(x, 1), expected.sum(0))
    with _Guide():
        inside = model(x[None].requires_grad_())
    assert torch.equal(inside, model(x[None])), "the logits moved"


def test_guided_backprop_agrees_with_captum_where_captum_works():
    attr = pytest.importorskip("captum.attr")
    x, model = image(3, 2, 2), Rectified(lambda m, z: m.relu(z))
    separate = nn.Sequential(
        nn.Flatten(), model.layers[0], Scale(), nn.ReLU(), model.layers[1], Scale(), nn.ReLU(),
        model.layers[2],
    )  # fmt: skip
    with pytest.warns(UserWarning, match="hooks"):
        theirs = attr.GuidedBackprop(separate).attribute(x[None].requires_grad_(), target=1)[0]
    close(make_peer("guided-backprop", model, evidence="signed").saliency(x, 1), theirs.sum(0))


class Scale(nn.Module):
    def forward(self, x):
        return x * 4


@pytest.mark.parametrize("way", [lambda m, z: F.relu6(z), lambda m, z: nn.ReLU6(inplace=True)(z)])
def test_guided_backprop_guides_relu6(way):
    x, model = image(3, 2, 2), Rectified(way)
    model.layers[0].weight.data *= 9
    assert (model.layers[0](x.flatten()) * 4 > 6).any()
    expected = by_hand(model, x, 1, 6.0)
    close(make_peer("guided-backprop", model, evidence="signed").saliency(x, 1), expected.sum(0))


def test_xrai_ranks_by_the_density_of_what_is_new():
    """The best mask first; the larger one that holds it adds only its rest; the rest its mean."""
    attribution = np.zeros((4, 4))
    attribution[0, :2] = 5.0
    attribution[0, 2:] = 1.0
    attribution[3] = -2.0
    small, row = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    small[0, :2] = True
    row[0] = True
    bottom = np.zeros((4, 4), bool)
    bottom[3] = True
    found = ranked(attribution, [row, bottom, small], 1)
    assert (found[0, :2] == 5).all()
    assert (found[0, 2:] == 1).all()  # the row comes second, with its two new pixels
    assert (found[3] == -2).all()
    assert (found[1:3] == 0).all()  # in no mask
    coarse = ranked(attribution, [row, bottom, small], 3)
    assert (coarse[0] == 3).all()  # a mask of two pixels is too small to come


def test_xrai_agrees_with_the_algorithm_written_plainly():
    rng = np.random.default_rng(0)
    for _ in range(20):
        attribution, masks = rng.standard_normal((6, 7)), rng.random((9, 6, 7)) < 0.3
        expected, covered, left = np.zeros((6, 7)), np.zeros((6, 7), bool), list(masks)
        while True:
            left = [m for m in left if (m & ~covered).sum() >= 3]
            if not left:
                break
            best = max(left, key=lambda m: attribution[m & ~covered].mean())
            expected[best & ~covered] = attribution[best & ~covered].mean()
            covered |= best
        if (~covered).any():
            expected[~covered] = attribution[~covered].mean()
        assert np.allclose(ranked(attribution, masks, 3), expected)


def test_xrai_covers_the_square_that_the_class_reads():
    """A bright square on a noisy ground; the logit is the mean over the square."""

    class Square(nn.Module):
        def forward(self, x):
            value = 9 * x[:, :, 20:44, 24:48].mean(dim=(1, 2, 3))
            return torch.stack([value, torch.zeros_like(value)], dim=1)

    x = 0.05 * image(3, 64, 64) - 0.5
    x[:, 20:44, 24:48] += 1.2
    found = make_peer("xrai", Square()).saliency(x, 0)
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[20:44, 24:48] = True
    top = found.flatten().argsort(descending=True)[: int(inside.sum())]
    covered = inside.flatten()[top].float().mean()
    assert covered > 0.85
    assert found[inside].min() > found[:12].max()


def test_xrai_segments_are_dilated_and_overlap():
    masks = segments(
        np.kron(np.array([[0.0, 1.0], [0.5, 0.2]]), np.ones((30, 30)))[..., None].repeat(3, 2)
    )
    assert masks.shape[1:] == (60, 60)
    assert masks.any(axis=0).all()
    assert masks.sum(axis=0).max() > 6, "six scales and no overlap"
