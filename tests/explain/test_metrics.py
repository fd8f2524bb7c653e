"""Metrics of an explanation: closed forms on linear models, and against Quantus."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from interlock.errors import ImageError, ModelError, OptionError
from interlock.explain import (
    METRICS,
    PERCENTAGES,
    Deletion,
    Grey,
    Insertion,
    Road,
    RoadLeast,
    Stability,
    WeightSensitivity,
    deletion,
    gini,
    grey,
    insertion,
    nonzero,
    randomised_weights,
    road,
    stability,
)
from interlock.explain.measures._ranking import cut, ranking
from interlock.explain.measures.sanity import spearman, ssim
from interlock.explain.peers import explainer
from tests.explain.peers.models import image, linear, weights
from tests.networks import SmallCNN


class Summing(nn.Module):
    """log(p / (1 - p)) of class 0 is the weighted sum of all pixels."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x):
        value = (x * self.weight).flatten(1).sum(dim=1)
        return torch.stack([value, torch.zeros_like(value)], dim=1)


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values)))


# Insertion and deletion


def test_curves_of_a_linear_model_in_closed_form():
    """Filled with 0, the log-odds are the running sum of the sorted contributions."""
    x = image(3, 4, 4)
    model = Summing(image(3, 4, 4, seed=2))
    parts = (x * model.weight).sum(dim=0).detach()
    ordered = np.sort(parts.numpy().ravel())[::-1]
    running = np.concatenate([[0], np.cumsum(ordered)])
    came = insertion(model, x, parts, 0, steps=16, fill=0.0)
    assert came.fractions == pytest.approx(np.arange(17) / 16)
    assert came.probabilities == pytest.approx(sigmoid(running), abs=1e-5)
    gone = deletion(model, x, parts, 0, steps=16)
    assert gone.probabilities == pytest.approx(sigmoid(running[-1] - running), abs=1e-5)
    assert gone.auc == pytest.approx(np.trapezoid(gone.probabilities, gone.fractions))
    assert 0 <= gone.auc < came.auc <= 1


def test_the_true_order_of_a_linear_model_is_the_best():
    x, model = image(3, 4, 4), Summing(image(3, 4, 4, seed=2))
    parts = (x * model.weight).sum(dim=0).detach()
    best = insertion(model, x, parts, 0, steps=16, fill=0.0).auc
    least = deletion(model, x, parts, 0, steps=16).auc
    for seed in range(20):
        other = image(4, 4, seed=seed)
        assert insertion(model, x, other, 0, steps=16, fill=0.0).auc <= best
        assert deletion(model, x, other, 0, steps=16).auc >= least


@pytest.mark.parametrize("measure", [insertion, deletion])
def test_curves_run_between_the_image_and_the_fill(measure, small_cnn, photo):
    def probability(x):
        return small_cnn(x[None]).softmax(dim=1)[0, 1].item()

    ends = [probability(photo), probability(torch.full_like(photo, 0.25))]
    found = measure(small_cnn, photo, torch.rand(24, 20), 1, fill=0.25)
    first, last = found.probabilities[0], found.probabilities[-1]
    assert sorted([first, last]) == pytest.approx(sorted(ends), abs=1e-5)
    assert (first == pytest.approx(ends[0], abs=1e-5)) == (measure is deletion)
    assert len(found.fractions) == 51
    assert len(measure(small_cnn, photo, torch.rand(24, 20), 1, steps=10**6).fractions) == 481


def test_insertion_starts_from_the_authors_blur(small_cnn):
    from scipy.ndimage import gaussian_filter

    x = image(3, 112, 40)
    blurred = torch.from_numpy(gaussian_filter(x.double().numpy(), (0, 2.5, 2.5))).float()
    expected = small_cnn(blurred[None]).softmax(dim=1)[0, 2].item()
    found = insertion(small_cnn, x, torch.rand(112, 40), 2, steps=1)
    assert found.probabilities[0] == pytest.approx(expected, abs=1e-6)


def test_deletion_agrees_with_quantus(small_cnn):
    quantus = pytest.importorskip("quantus")
    model, x = SmallCNN(channels=1), image(1, 8, 8)
    saliency = torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
    metric = quantus.PixelFlipping(
        features_in_step=4, perturb_baseline=0.3, abs=False, normalise=False,
        disable_warnings=True, display_progressbar=False,
    )  # fmt: skip
    (theirs,) = metric(
        model=model, x_batch=x[None].numpy(), y_batch=np.array([1]),
        a_batch=saliency[None, None].numpy(), device="cpu", softmax=True,
    )  # fmt: skip
    ours = deletion(model, x, saliency, 1, steps=16, fill=0.3)
    assert ours.probabilities[1:] == pytest.approx(np.asarray(theirs).ravel(), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"steps": 0}, "steps=0"), ({"fill": "grey"}, "fill='grey'"), ({"fill": np.nan}, "fill=nan")],
)
def test_options_of_curves(options, match, small_cnn, photo):
    with pytest.raises(OptionError, match=match):
        insertion(small_cnn, photo, torch.rand(24, 20), 1, **options)


@pytest.mark.parametrize("measure", [insertion, deletion, road])
def test_bad_maps_and_images(measure, small_cnn, photo):
    with pytest.raises(OptionError, match=r"\(H, W\)"):
        measure(small_cnn, photo, torch.rand(20, 24), 1)
    with pytest.raises(OptionError, match="not finite"):
        measure(small_cnn, photo, torch.full((24, 20), float("nan")), 1)


def test_curves_refuse_bad_images_targets_and_models(small_cnn, photo):
    with pytest.raises(ImageError, match="finite"):
        deletion(small_cnn, photo * float("inf"), torch.rand(24, 20), 1)
    with pytest.raises(OptionError, match="target=7"):
        deletion(small_cnn, photo, torch.rand(24, 20), 7)
    with pytest.raises(ModelError, match="training"):
        deletion(SmallCNN().train(), photo, torch.rand(24, 20), 1)


# ROAD


def test_road_of_a_linear_model_by_order():
    """Least relevant first leaves the class, most relevant first takes it."""
    x, weight = torch.zeros(1, 8, 8), torch.zeros(1, 8, 8)
    x[:, 2:4, 2:4], weight[:, 2:4, 2:4] = 1.0, 2.0
    model = Summing(weight)
    most = road(model, x, x[0], 0, (10,), noise=0.0)
    least = road(model, x, x[0], 0, (10, 50), noise=0.0, order="least")
    assert most.aopc > 0.2
    assert type(least) is RoadLeast
    assert least.aopc == pytest.approx(0.0, abs=1e-6)
    upside_down = road(model, x, -x[0], 0, (10, 50), noise=0.0)
    assert type(upside_down) is Road
    assert upside_down.drop == least.drop, "least first is most first of the negative map"


def test_road_orders_are_mirror_images_without_ties():
    saliency = image(9, 7, seed=3)
    x = image(2, 9, 7)
    assert (ranking(x, saliency, 0)[::-1] == ranking(x, saliency, 1, least_first=True)).all()


def test_road_of_an_unknown_order(small_cnn, photo):
    with pytest.raises(OptionError, match="order='middle'"):
        road(small_cnn, photo, torch.rand(24, 20), 1, order="middle")


def test_road_agrees_with_quantus_on_one_channel_and_one_batch():
    """Quantus counts whether the class is still predicted; ours says with what probability."""
    quantus = pytest.importorskip("quantus")
    model = Summing(image(1, 10, 10, seed=2)).eval()
    flips = 0
    for seed in range(6):
        x, w = image(1, 10, 10, seed=seed), model.weight.detach()
        x = x + (7 - (x * w).sum()) / w.square().sum() * w  # a logit of 7 before removal
        saliency = (x * model.weight).detach()[0]
        metric = quantus.ROAD(
            percentages=[5, 10, 20, 40], noise=1e-9, abs=False, normalise=False,
            disable_warnings=True, display_progressbar=False,
        )  # fmt: skip
        theirs = metric(
            model=model, x_batch=x[None].numpy(), y_batch=np.array([0]),
            a_batch=saliency[None, None].numpy(), device="cpu",
        )  # fmt: skip
        ours = road(model, x, saliency, 0, percentages=(5, 10, 20, 40), noise=0.0)
        whole = model(x[None]).softmax(dim=1)[0, 0].item()
        kept = {p: float(whole - drop > 0.5) for p, drop in ours.drop.items()}
        assert kept == {float(p): float(share) for p, share in theirs.items()}
        flips += len(set(kept.values())) - 1
    assert flips > 0, "no image changes its class, so nothing was compared"


# Randomised weights


def edges(model, x, target):
    """The length of the image's own gradient: looks like an explanation, asks no model."""
    across = F.pad(x[:, :, 1:] - x[:, :, :-1], (0, 1)).square()
    down = F.pad(x[:, 1:] - x[:, :-1], (0, 0, 0, 1)).square()
    return (across + down).sum(dim=0).sqrt()


@pytest.mark.parametrize("scheme", ["cascading", "independent"])
@pytest.mark.parametrize("similarity", ["spearman", "ssim"])
def test_an_edge_detector_fails_the_sanity_check(scheme, similarity, small_cnn, photo):
    found = randomised_weights(small_cnn, photo, 1, edges, scheme=scheme, similarity=similarity)
    assert found.similarities == (1.0,) * 4
    assert found.score == 1.0
    assert not found.passes()


def test_a_random_map_fails_the_sanity_check_too(small_cnn, photo):
    assert not randomised_weights(small_cnn, photo, 1, explainer("random")).passes()


@pytest.fixture(scope="module")
def cup():
    """The embedded classifier, a photo, its class."""
    from PIL import Image
    from skimage import data

    from interlock.models import load_classifier

    clf = load_classifier("embedded")
    return clf.model, clf.preprocess(Image.fromarray(data.coffee())), clf.labels.index("cup")


@pytest.mark.parametrize("name", ["gradient-input", "gradient-blur", "ig"])
def test_gradient_methods_pass_it_on_a_trained_network(name, cup):
    if name == "ig":
        pytest.importorskip("captum")
    model, x, target = cup
    explain = explainer(name, **({"steps": 5} if name == "ig" else {}))
    for scheme in ("cascading", "independent"):
        found = randomised_weights(model, x, target, explain, scheme=scheme, stages=2)
        assert found.passes(0.25)
    assert randomised_weights(model, x, target, explain, similarity="ssim", stages=1).score < 0.8
    assert not randomised_weights(model, x, target, edges, stages=1).passes()


@pytest.mark.slow
def test_guided_backprop_hardly_notices_a_new_output_layer(cup):
    """The finding of Adebayo et al. 2018, which the plain gradient does not share."""
    guided, plain = (
        randomised_weights(*cup, explainer(name, **options), stages=28).similarities[0]
        for name, options in (("guided-backprop", {}), ("gradient-input", {}))
    )
    assert guided > 0.9
    assert plain < 0.5


def test_an_inverted_map_counts_as_the_same():
    assert WeightSensitivity((-1.0, 1.0), ((), ())).score == 1.0


def test_a_linear_model_gives_the_correlation_of_its_weights():
    """Gradient times 1 is the weight: the new map is the new weights, drawn from their law."""
    x = torch.ones(1, 20, 20)
    model = linear(400)

    def explain(model, x, target):
        return weights(model, target, x)[0]

    found = randomised_weights(model, x, 1, explain, stages=1, seed=3)
    again = torch.Generator().manual_seed(3)
    old = model[1].weight.detach()
    new = old.mean() + old.std(correction=0) * torch.randn(old.shape, generator=again)
    expected = scipy.stats.spearmanr(old[1].numpy(), new[1].numpy())[0]
    assert found.similarities[0] == pytest.approx(expected, abs=1e-6)
    assert abs(found.score) < 0.2


def test_layers_are_drawn_anew_from_the_output_down(small_cnn, photo):
    seen = []

    def explain(model, x, target):
        state = model.state_dict()
        seen.append(
            {
                name.rpartition(".")[0]
                for name, value in small_cnn.state_dict().items()
                if not torch.equal(value, state[name])
            }
        )
        return image(24, 20, seed=len(seen))

    cascade = randomised_weights(small_cnn, photo, 1, explain, stages=4)
    names = ["head", "conv2", "norm", "conv1"]
    assert cascade.layers == tuple((n,) for n in names)
    # A normalisation that was never trained has weights without any spread.
    changed = [set(), {"head"}, {"head", "conv2"}, {"head", "conv2"}, {"head", "conv2", "conv1"}]
    assert seen == changed
    seen.clear()
    randomised_weights(small_cnn, photo, 1, explain, scheme="independent", stages=4)
    assert seen == [set(), {"head"}, {"conv2"}, set(), {"conv1"}]
    assert randomised_weights(small_cnn, photo, 1, explain, stages=2).layers == (
        ("head", "conv2"), ("norm", "conv1"),
    )  # fmt: skip
    assert len(randomised_weights(small_cnn, photo, 1, explain, stages=99).layers) == 4


def test_the_callers_model_keeps_its_weights(small_cnn, photo):
    before = copy.deepcopy(small_cnn.state_dict())
    rng = torch.get_rng_state()
    first = randomised_weights(small_cnn, photo, 1, explainer("gradient-input"), seed=1)
    again = randomised_weights(small_cnn, photo, 1, explainer("gradient-input"), seed=1)
    other = randomised_weights(small_cnn, photo, 1, explainer("gradient-input"), seed=2)
    assert first == again != other
    assert all(torch.equal(v, before[k]) for k, v in small_cnn.state_dict().items())
    assert torch.equal(torch.get_rng_state(), rng)


def test_similarities_agree_with_quantus():
    quantus = pytest.importorskip("quantus")
    for seed in range(5):
        a, b = image(12, 11, seed=seed).numpy(), image(12, 11, seed=seed + 50).numpy()
        b = a + b
        assert spearman(a, b) == pytest.approx(
            quantus.correlation_spearman(a.ravel(), b.ravel()), abs=1e-9
        )
    a, b = ((m - m.min()) / (m.max() - m.min()) for m in (a, b))
    theirs = quantus.functions.similarity_func.ssim(a[None].repeat(2, 0)[0], b)
    # Quantus takes the range of the second map for that of both; here it is 1 for both.
    assert ssim(a, b) == pytest.approx(theirs, abs=1e-6)


@given(st.integers(0, 2**16), st.integers(1, 5))
def test_spearman_with_ties_is_scipys(seed, levels):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, levels + 1, (2, 5, 6))
    expected = scipy.stats.spearmanr(a.ravel(), b.ravel())[0] if np.ptp(a) and np.ptp(b) else None
    if expected is None:
        assert spearman(a, b) in (0.0, 1.0)
    else:
        assert spearman(a, b) == pytest.approx(expected, abs=1e-9)


def test_constant_maps_are_alike_only_to_each_other():
    assert spearman(np.zeros((3, 3)), np.ones((3, 3))) == 1.0
    assert spearman(np.zeros((3, 3)), np.eye(3)) == 0.0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"stages": 0}, "stages=0"),
        ({"scheme": "all"}, "scheme='all'"),
        ({"similarity": "pearson"}, "similarity='pearson'"),
    ],
)
def test_options_of_the_sanity_check(options, match, small_cnn, photo):
    with pytest.raises(OptionError, match=match):
        randomised_weights(small_cnn, photo, 1, edges, **options)


def test_a_model_without_weights_has_none_to_draw(photo):
    with pytest.raises(ModelError, match="no weights"):
        randomised_weights(nn.Flatten(), photo, 1, edges)


def test_ssim_of_a_map_too_small_for_its_window():
    with pytest.raises(OptionError, match="too small; use 'spearman'"):
        ssim(np.eye(2), np.ones((2, 2)))


# Stability


def test_stability_of_gradient_times_input_of_a_linear_model():
    """The map is w x, so it moves by w times the noise."""
    x = image(1, 6, 5)
    model = linear(x.numel())
    w = weights(model, 1, x)[0]
    found = stability(model, x, 1, explainer("gradient-input"), radius=0.05, samples=4, seed=2)
    drawn = torch.Generator().manual_seed(2)
    reach = 0.05 * float(x.max() - x.min())
    noises = [(torch.rand(x.shape, generator=drawn) * 2 - 1) * reach for _ in range(4)]
    moved = [float((w * n[0]).norm()) for n in noises]
    assert found.changes == pytest.approx([m / float((w * x[0]).norm()) for m in moved], rel=1e-4)
    slopes = [m / float(n.norm()) for m, n in zip(moved, noises, strict=True)]
    assert found.slopes == pytest.approx(slopes, rel=1e-4)
    assert found.score == found.maximum == max(found.changes)
    assert found.mean == pytest.approx(np.mean(found.changes))
    assert found.lipschitz == max(found.slopes) <= float(w.abs().max())


def test_a_map_that_ignores_the_image_is_perfectly_stable(small_cnn, photo):
    found = stability(small_cnn, photo, 1, lambda m, x, t: torch.eye(24, 20))
    assert found.score == found.lipschitz == 0.0


def test_a_map_of_zeros_that_becomes_another_has_changed_wholly(small_cnn, photo):
    def explain(model, x, target):
        return (x - photo).abs().sum(dim=0)

    assert stability(small_cnn, photo, 1, explain, samples=3).changes == (1.0, 1.0, 1.0)
    zero = stability(small_cnn, photo, 1, lambda m, x, t: torch.zeros(24, 20), samples=2)
    assert zero.changes == (0.0, 0.0)


def test_stability_agrees_with_quantus():
    """On the same noise: Quantus is handed ours."""
    quantus = pytest.importorskip("quantus")
    model, x = SmallCNN(channels=1), image(1, 8, 8)
    reach = 0.02 * float(x.max() - x.min())
    drawn = torch.Generator().manual_seed(0)

    def perturb(arr, indices, **_):
        noise = (torch.rand(x.shape, generator=drawn) * 2 - 1) * reach
        return arr + noise.numpy().reshape(arr.shape)

    explain = explainer("gradient-input")

    def explain_batch(model, inputs, targets, **_):
        return np.stack(
            [explain(model, torch.as_tensor(i), int(t)).numpy()[None]
             for i, t in zip(inputs, targets, strict=True)]
        )  # fmt: skip

    metric = quantus.MaxSensitivity(
        nr_samples=6, perturb_func=perturb, abs=False, normalise=False, return_nan_when_prediction_changes=False,
        disable_warnings=True, display_progressbar=False,
    )  # fmt: skip
    (theirs,) = metric(
        model=model, x_batch=x[None].numpy(), y_batch=np.array([2]), a_batch=None,
        explain_func=explain_batch, device="cpu",
    )  # fmt: skip
    ours = stability(model, x, 2, explain, samples=6)
    assert ours.score == pytest.approx(float(theirs), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "match"), [({"samples": 0}, "samples=0"), ({"radius": 0.0}, "radius=0.0")]
)
def test_options_of_stability(options, match, small_cnn, photo):
    with pytest.raises(OptionError, match=match):
        stability(small_cnn, photo, 1, edges, **options)
    with pytest.raises(OptionError, match="one value"):
        stability(small_cnn, torch.ones(3, 8, 8), 1, edges)


# The registry


def test_every_metric_is_one_call(small_cnn, photo):
    explain = explainer("gradient-input")
    saliency = explain(small_cnn, photo, 1)
    before = copy.deepcopy(small_cnn.state_dict())
    x, rng = photo.clone(), torch.get_rng_state()
    for name, metric in METRICS.items():
        assert metric.name == name
        first, again = (
            metric(small_cnn, photo, 1, saliency, explain=explain, seed=3) for _ in range(2)
        )
        assert isinstance(first, float)
        assert first == again
        assert np.isfinite(first)
        if not metric.explains:
            assert metric(small_cnn, photo, 1, saliency, seed=3) == first
        else:
            with pytest.raises(OptionError, match=f"'{name}' explains again"):
                metric(small_cnn, photo, 1, saliency)
    assert all(torch.equal(v, before[k]) for k, v in small_cnn.state_dict().items())
    assert torch.equal(x, photo)
    assert torch.equal(torch.get_rng_state(), rng)


def test_metrics_are_the_functions_scores(small_cnn, photo):
    explain = explainer("gradient-input")
    saliency = explain(small_cnn, photo, 1)
    expected = {
        "road": road(small_cnn, photo, saliency, 1, seed=3).aopc,
        "road-least": road(small_cnn, photo, saliency, 1, seed=3, order="least").aopc,
        "insertion": insertion(small_cnn, photo, saliency, 1, seed=3).auc,
        "deletion": deletion(small_cnn, photo, saliency, 1, seed=3).auc,
        "randomised-weights": randomised_weights(small_cnn, photo, 1, explain, seed=3).score,
        "stability": stability(small_cnn, photo, 1, explain, seed=3).score,
    }
    for name, score in expected.items():
        assert METRICS[name](small_cnn, photo, 1, saliency, explain=explain, seed=3) == score


def test_results_are_frozen_and_say_which_way_is_better():
    directions = {
        Road: True, RoadLeast: False, Grey: True, Insertion: True, Deletion: False,
        WeightSensitivity: False, Stability: False,
    }  # fmt: skip
    for kind, higher in directions.items():
        assert kind.higher_is_better is higher
        assert "higher_is_better" not in {f.name for f in dataclasses.fields(kind)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        Road({}, 0.0).aopc = 1.0
    assert {n: m.higher_is_better for n, m in METRICS.items()} == {
        "gini": True, "road": True, "road-least": False, "grey": True, "nonzero": False,
        "insertion": True, "deletion": False, "randomised-weights": False, "stability": False,
    }  # fmt: skip


# Maps at the same number of pixels, and removal that owes nothing to the neighbours


class Brightness(nn.Module):
    """Two classes whose logit difference is ten times the mean of the image."""

    def forward(self, x):
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(mean), 10 * mean], dim=1)


def test_cut_keeps_the_largest_and_their_values():
    saliency = torch.tensor([[0.0, 5.0, -1.0], [2.0, 3.0, 1.0]])
    x = torch.zeros(3, 2, 3)
    assert cut(x, saliency, 2 / 6, 0).tolist() == [[0, 5, 0], [0, 3, 0]]
    assert torch.equal(cut(x, saliency, 1.0, 0), saliency)
    one = torch.zeros(4, 4)
    one[1, 2] = 1.0
    assert torch.equal(cut(torch.zeros(3, 4, 4), one, 5 / 16, 0), one)  # invents no pixels


def test_ties_of_a_cut_are_not_broken_by_position():
    kept = cut(torch.zeros(3, 20, 20), torch.ones(20, 20), 0.25, 0)
    assert int(kept.sum()) == 100
    assert 10 < int(kept[:10].sum()) < 90


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_no_share_to_keep(share):
    with pytest.raises(OptionError, match="keep="):
        METRICS["gini"](nn.Identity(), torch.zeros(3, 4, 4), 0, torch.ones(4, 4), keep=share)


def test_metrics_of_a_cut_are_those_of_the_cut_map():
    x, saliency = torch.rand(3, 20, 20), torch.rand(20, 20)
    short = cut(x, saliency, 0.1, 3)
    for name in ("gini", "road", "grey", "nonzero", "deletion"):
        assert METRICS[name].options == ("keep",)
        whole = METRICS[name](Brightness(), x, 1, short, seed=3)
        assert METRICS[name](Brightness(), x, 1, saliency, seed=3, keep=0.1) == whole
    assert nonzero(short) == 40 / 400
    assert gini(short) > gini(saliency)
    with pytest.raises(OptionError, match="explains again"):
        METRICS["stability"](
            Brightness(), x, 1, saliency, explain=lambda model, x, t: x[0], keep=0.1
        )


def test_grey_has_the_closed_form_of_a_linear_model():
    x = torch.ones(3, 20, 20)
    before = x.clone()
    saliency = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    share = torch.tensor([round(400 * p / 100) / 400 for p in PERCENTAGES])
    expected = (torch.sigmoid(torch.tensor(10.0)) - torch.sigmoid(10 * (1 - share))).mean()
    assert grey(Brightness(), x, saliency, 1).aopc == pytest.approx(float(expected), abs=1e-6)
    assert torch.equal(x, before)


def test_a_map_on_the_evidence_scores_above_one_beside_it():
    x = torch.zeros(3, 20, 20)
    x[:, 4:8, 4:8] = 25.0
    on, beside = torch.zeros(2, 20, 20)
    on[4:8, 4:8] = 1.0
    beside[12:16, 12:16] = 1.0
    assert grey(Brightness(), x, on, 1).aopc > grey(Brightness(), x, beside, 1).aopc + 0.1
    assert road(Brightness(), x, on, 1).aopc > road(Brightness(), x, beside, 1).aopc
    assert nonzero(on) == 16 / 400
