from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from interlock import HSets, InterlockError
from interlock.errors import ImageError, ModelError, OptionError
from interlock.explain import priors
from tests.networks import Quadratic, SmallCNN

FIELDS = (
    "masks", "scores", "saliency", "seeds", "segments", "attribution", "shares", "quantiles",
    "regions", "drops", "interactions", "without",
)  # fmt: skip


def same(first, second):
    return all(torch.equal(getattr(first, f), getattr(second, f)) for f in FIELDS)


def test_the_documented_call(small_cnn, photo):
    hs = HSets(
        small_cnn, prior="slic", sets=5, size=60, threshold=0.5, steps=50, samples=50,
        baseline=0.0, growth="joint", seed=0,
    )  # fmt: skip
    found = hs.explain(photo)
    count = len(found)
    assert 1 <= count <= 5
    assert found.masks.shape == (count, 3, 24, 20)
    assert found.masks.dtype == torch.bool
    assert found.scores.shape == (count,)
    assert found.saliency.shape == found.segments.shape == (24, 20)
    assert found.seeds.shape == (count, 3)
    assert found.target == int(small_cnn(photo[None]).argmax())
    assert (found.masks.flatten(1).sum(dim=1) <= 60).all()
    assert all(found.masks[k][tuple(seed)] for k, seed in enumerate(found.seeds.tolist()))
    assert (found.masks.sum(dim=0) <= 1).all(), "sets overlap"
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert (found.scores >= 0).all()
    assert not found.saliency[~found.masks.any(dim=0).any(dim=0)].any()
    assert torch.allclose(found.attribution.sum(dim=0), found.saliency)
    assert found.shares.sum() == pytest.approx(1.0)


def joint(model, **options):
    return HSets(model, growth="joint", **options)


@pytest.mark.parametrize("make", [HSets, joint, HSets.paper])
def test_same_seed_same_bytes_and_batches_equal_singles(make, small_cnn, photo):
    other = photo.flip(2) * 0.5
    hs = make(small_cnn, size=60)
    single = [hs.explain(photo), hs.explain(other)]
    again = make(small_cnn, size=60).explain(photo)
    assert same(single[0], again)
    batch = hs.explain(torch.stack([photo, other]))
    assert isinstance(batch, list)
    assert all(same(a, b) for a, b in zip(single, batch, strict=True))
    attributed = hs.attribute(torch.stack([photo, other]))
    assert torch.equal(attributed[1], single[1].attribution)


def test_another_seed_samples_other_subsets(small_cnn, photo):
    first, second = (HSets(small_cnn, seed=s).explain(photo) for s in (0, 1))
    assert torch.equal(first.saliency, second.saliency)
    assert not torch.equal(first.scores, second.scores)


def test_model_input_and_global_random_state_stay_as_they_are(small_cnn, photo):
    small_cnn.conv1.weight.requires_grad_(False)
    before = copy.deepcopy(small_cnn)
    x = photo.clone()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    HSets(small_cnn).explain(x)
    assert torch.equal(x, photo)
    assert not x.requires_grad
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    for (name, p), q in zip(small_cnn.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(p, q)
        assert p.requires_grad == q.requires_grad, name
        assert p.grad is None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in small_cnn.modules())


def test_quadratic_with_one_interacting_pair_of_blocks():
    """f = (sum over block A) * (sum over block B): every other pixel is irrelevant."""
    a, b = torch.zeros(8, 8), torch.zeros(8, 8)
    a[1:3, 1:3], b[5:7, 4:6] = 1.0, 1.0
    matrix = torch.outer(a.flatten(), b.flatten())
    model = Quadratic(matrix + matrix.T)
    x = 0.1 + a.view(1, 8, 8) + b.view(1, 8, 8)
    found = HSets.paper(model, prior="grid", sets=1, size=8).explain(x, target=0)
    union = found.masks[0, 0]
    assert torch.equal(union, (a + b).bool())
    assert found.rows.tolist() == [2]  # a seed in A finds all of B, whose row finds all of A
    default = HSets(model, prior="grid", sets=2, size=4, baseline=0.0).explain(x, target=0)
    assert torch.equal(default.masks.any(dim=0)[0], (a + b).bool())


def test_constant_model_gives_no_sets(photo):
    class Constant(nn.Module):
        def forward(self, x):
            return torch.tensor([[0.0, 1.0]]).expand(len(x), 2) + 0 * x.sum()

    found = HSets(Constant()).explain(photo)
    assert len(found) == 0
    assert found.masks.shape == (0, 3, 24, 20)
    assert not found.saliency.any()
    assert found.boxes.shape == (0, 4)
    assert found.to_dict()["sets"] == []


def test_image_equal_to_its_baseline_gives_no_sets(small_cnn):
    assert len(HSets(small_cnn).explain(torch.full((3, 16, 16), 0.3))) == 0


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 40), (3, 7, 3)])
def test_tiny_images(shape, small_cnn):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    for hs in (HSets(small_cnn), HSets(small_cnn, baseline=0.0), HSets.paper(small_cnn)):
        assert hs.explain(x).saliency.shape == shape[1:]


@pytest.mark.parametrize("prior", ["slic", "felzenszwalb", "quickshift", "grid", "none"])
def test_priors_by_name(prior, small_cnn, photo):
    found = HSets(small_cnn, prior=prior, sets=3).explain(photo)
    assert found.segments.shape == (24, 20)
    assert found.segments.dtype == torch.int64
    homes = found.segments[found.seeds[:, 1], found.seeds[:, 2]]
    assert len(homes.unique()) == len(found)


def test_the_prior_groups_pixels_and_does_not_choose_them(small_cnn, photo):
    """Which pixels joint growth marks is asked of the whole image; the prior says in which sets.

    So two priors may well give the same map. Growth by rows starts from the prior's seeds, and
    gives others.
    """
    slic, grid = (HSets(small_cnn, prior=p, size=60).explain(photo) for p in ("slic", "grid"))
    assert len(slic) == len(grid) == 5
    assert not torch.equal(slic.segments, grid.segments)
    assert not torch.equal(slic.masks, grid.masks)
    assert torch.equal(slic.saliency, grid.saliency)
    assert slic.saliency.count_nonzero() > 5
    one, other = (HSets.paper(small_cnn, prior=p, size=60).explain(photo) for p in ("slic", "grid"))
    assert not torch.equal(one.saliency, other.saliency)


def test_label_map_and_function_as_prior(small_cnn, photo):
    labels = torch.zeros(24, 20, dtype=torch.int64)
    labels[12:] = 7
    found = HSets(small_cnn, prior=labels).explain(photo)
    assert found.segments.unique().tolist() == [0, 1]
    assert len(found) <= 2
    again = HSets(small_cnn, prior=lambda image: labels.numpy()).explain(photo)
    assert torch.equal(found.segments, again.segments)


def test_the_prior_is_computed_once_for_an_image(small_cnn, photo):
    calls = []

    def prior(image):
        calls.append(image.shape)
        return priors.grid(image)

    hs = HSets(small_cnn, prior=prior)
    for target in (0, 1, 2):
        hs.explain(photo, target)
    assert calls == [(24, 20, 3)]
    hs.explain(photo.flip(1))
    assert len(calls) == 2


@pytest.mark.parametrize(
    "baseline",
    [0.0, 0.5, "blur", torch.zeros(3, 1, 1), torch.linspace(0, 1, 3 * 24 * 20).view(3, 24, 20)],
    ids=["zero", "half", "blur", "black", "picture"],
)
def test_baselines(baseline, small_cnn, photo):
    found = HSets(small_cnn, baseline=baseline, steps=100).explain(photo)
    gain = found.logit - found.baseline_logit
    assert abs(found.completeness_gap) < 0.1 * abs(gain) + 0.02


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"prior": "sleek"}, "slic"),
        ({"sets": 0}, "sets"),
        ({"size": 0}, "size"),
        ({"steps": 0}, "steps"),
        ({"samples": -1}, "samples"),
        ({"threshold": 1.0}, "threshold"),
        ({"tau": 0.0}, "tau"),
        ({"growth": "moss"}, "growth"),
        ({"evidence": "both"}, "evidence"),
        ({"max_rows": 0}, "max_rows"),
        ({"internal_batch_size": 0}, "internal_batch_size"),
    ],
)
def test_bad_options_are_named(options, word, small_cnn):
    with pytest.raises(OptionError, match=word) as caught:
        HSets(small_cnn, **options)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, InterlockError)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"baseline": "mean"}, "blur"),
        ({"baseline": float("nan")}, "finite"),
        ({"baseline": torch.zeros(5)}, "baseline of shape"),
        ({"prior": torch.zeros(3, 3, dtype=torch.int64)}, "labels of shape"),
        ({"prior": torch.zeros(24, 20)}, "whole numbers"),
    ],
)
def test_options_that_do_not_fit_the_image_are_named(options, word, small_cnn, photo):
    with pytest.raises(OptionError, match=word):
        HSets(small_cnn, **options).explain(photo)


def test_a_gradient_that_is_not_finite_is_an_error(photo):
    class Root(nn.Module):
        def forward(self, x):
            flat = x.flatten(1).abs().sqrt().sum(dim=1)
            return torch.stack([flat, 0 * flat], dim=1)

    x = photo.clone()
    x[:, 3] = 0.0
    with pytest.raises(ModelError, match="gradients are not finite"):
        HSets(Root(), baseline=0.0).explain(x)


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(0.5)], ids=str)
def test_layers_in_training_mode_are_refused(layer, photo):
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(photo.numel(), 2))
    with pytest.raises(ModelError, match="training mode"):
        HSets(model).explain(photo)
    HSets(model.eval()).explain(photo)


@pytest.mark.parametrize("evidence", ["for", "against"])
def test_signed_growth_by_rows(evidence, small_cnn, photo):
    found = HSets(small_cnn, growth="rows", evidence=evidence, max_rows=3).explain(photo)
    assert len(found) >= 1
    assert found.saliency.any()
    assert (found.saliency >= 0).all()


def test_the_blurred_baseline_differs_from_a_small_image(photo):
    from interlock.explain._baseline import baseline_for

    small = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert (small - baseline_for(small, "blur")).norm() > 0.3 * small.norm()


def test_remembered_segments_cannot_be_changed_from_outside(small_cnn, photo):
    hs = HSets(small_cnn)
    first = hs.explain(photo)
    first.segments.zero_()
    assert len(hs.explain(photo)) == len(first) > 1
    turned = photo.reshape(3, 20, 24)
    assert hs.explain(turned).segments.shape == (20, 24)


@pytest.mark.parametrize("target", [-1, 4, 1000])
def test_class_out_of_range(target, small_cnn, photo):
    with pytest.raises(OptionError, match="classes 0 to 3"):
        HSets(small_cnn).explain(photo, target)


def test_inputs_that_no_model_takes(small_cnn, photo):
    hs = HSets(small_cnn)
    with pytest.raises(ImageError, match="expected"):
        hs.explain(photo[0])
    with pytest.raises(ImageError, match="finite"):
        hs.explain(photo * float("nan"))
    with pytest.raises(ImageError, match="finite"):
        hs.explain((photo * 100).to(torch.uint8))
    with pytest.raises(ModelError, match=r"images of shape \(1, 24, 20\)"):
        hs.explain(photo[:1])
    with pytest.raises(ImageError, match="expected"):
        hs.attribute(photo)
    with pytest.raises(OptionError, match="3 targets for 1 images"):
        hs.attribute(photo[None], torch.tensor([0, 1, 2]))


class Returning(SmallCNN):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x):
        return self.change(super().forward(x))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda logits: logits * float("nan"), "not finite"),
        (lambda logits: (logits, logits), "tuple"),
        (lambda logits: logits.detach(), "no gradient"),
        (lambda logits: logits.sum(), "shape"),
        (lambda logits: logits[:, :, None, None], "shape"),
        (lambda logits: {"logits": logits}, "dict"),
    ],
)
def test_models_that_are_no_classifiers_are_named(change, word, photo):
    with pytest.raises(ModelError, match=word) as caught:
        HSets(Returning(change)).explain(photo)
    assert "\n" not in str(caught.value)


def test_evidence_against_a_class_is_evidence_for_its_negation(photo):
    class Negated(SmallCNN):
        def forward(self, x):
            return -super().forward(x)

    against = HSets(SmallCNN(), evidence="against").explain(photo, 1)
    negated = HSets(Negated(), evidence="for").explain(photo, 1)
    assert torch.equal(against.masks, negated.masks)
    assert torch.allclose(against.saliency, negated.saliency, atol=1e-6)
    assert torch.allclose(against.scores, negated.scores, atol=1e-6)


def test_evidence_for_and_against_lie_in_different_pixels_and_absolute_in_both(small_cnn, photo):
    shown = {
        e: HSets(small_cnn, evidence=e, size=600).explain(photo, 1).saliency
        for e in ("for", "against", "absolute")
    }
    assert all(bool((s >= 0).all()) and s.any() for s in shown.values())
    assert not (shown["for"] * shown["against"]).any()
    assert (shown["absolute"] * shown["for"]).any()
    assert (shown["absolute"] * shown["against"]).any()


def test_batch_norm_in_bfloat16_explains_like_the_same_weights_in_float32(photo):
    low = SmallCNN().to(torch.bfloat16)
    high = SmallCNN()
    high.load_state_dict({k: v.float() for k, v in low.state_dict().items()})
    assert same(HSets(low).explain(photo), HSets(high).explain(photo))
