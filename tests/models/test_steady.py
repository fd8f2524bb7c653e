"""Models that are no classifiers: one line from each method, and the caller's things as they were."""

from __future__ import annotations

import warnings
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interlock import ConceptShield, HSets
from interlock.defend import CertifiedShield, PatchAttack, PatchCleanser
from interlock.errors import ModelError
from interlock.explain import road
from interlock.explain.measures.curves import deletion
from interlock.models.steady import ask, first_line
from tests.networks import SmallCNN

Answer = namedtuple("Answer", "logits hidden")


class Around(nn.Module):
    """Something done to what a network takes or returns."""

    def __init__(self, forward, network=None):
        super().__init__()
        self.network, self.how = network or SmallCNN(), forward
        self.eval()

    def forward(self, x: Tensor):
        return self.how(self.network, x)


@pytest.fixture(scope="module")
def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(18, 3, 8, 8, generator=generator)
    return F.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)


def explain(model, images):
    HSets(model, prior="grid", sets=2, size=60, steps=3, samples=3).explain(images[0])


def fit(model, images):
    ConceptShield.fit(model, images, concepts=2)


def certify(model, images):
    CertifiedShield(model, area=0.02, masks=2).verdict(images[:2])


def attack(model, images):
    PatchAttack(area=0.02, steps=2)(model, images[:2], torch.zeros(2, dtype=torch.long))


def cleanse(model, images):
    PatchCleanser(model, 6, masks=2).predict(images[:1])


def measure(model, images):
    road(model, images[0], torch.rand(32, 32), 0)


EVERY = [explain, fit, certify, attack, cleanse, measure]


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: Around(lambda net, x: {"logits": net(x)}), "returned a dict"),
        (lambda: Around(lambda net, x: (net(x), x)), "returned a tuple"),
        (lambda: Around(lambda net, x: net(x).argmax(dim=1)), "logits of shape"),
        (lambda: Around(lambda net, x: net(x)[:, :, None, None, None]), "logits of shape"),
        (lambda: Around(lambda net, x: net(x)[:, :0]), "logits of shape"),
        (lambda: Around(lambda net, x: net(x) > 0), "floating-point logits"),
        (lambda: Around(lambda net, x: net(x) * torch.nan), "not finite"),
        (lambda: SmallCNN(channels=4), "does not take images of shape"),
    ],
    ids=["dict", "tuple", "labels", "5-d", "no class", "bool", "nan", "channels"],
)
def test_what_is_no_classifier_is_one_line_from_every_method(method, model, said, images):
    with pytest.raises(ModelError, match=said) as caught:
        method(model(), images)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", EVERY)
def test_objects_with_logits_are_unwrapped(method, images):
    method(Around(lambda net, x: Answer(net(x), x)), images)


@pytest.mark.parametrize("method", [fit, certify, attack, cleanse])
def test_a_lone_logit_has_no_other_class(method, images):
    with pytest.raises(ModelError, match="of a sigmoid z: -z and z"):
        method(SmallCNN(classes=1), images)


@pytest.mark.parametrize("method", [explain, fit, certify])
def test_an_answer_that_changes_from_call_to_call_is_named(method, images):
    with torch.random.fork_rng(), pytest.raises(ModelError, match="differently from call to call"):
        method(Around(lambda net, x: 9 * net(F.dropout(x, 0.5))), images)


@pytest.mark.parametrize("method", [explain, fit, certify])
def test_an_answer_that_depends_on_the_batch_is_named(method, images):
    def normed(net, x):
        return net(F.batch_norm(x, None, None, training=True)) * torch.arange(1.0, 5.0)

    with pytest.raises(ModelError, match="depends on what else is in the batch"):
        method(Around(normed), images)


@pytest.mark.parametrize("method", EVERY)
def test_a_model_left_in_training_mode_is_refused_before_it_learns(method, images):
    model = SmallCNN().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ModelError, match="in training mode"):
        method(model, images)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("method", EVERY)
def test_a_model_that_writes_into_its_input_spoils_no_image_of_the_caller(method, images):
    given = images.clone()
    method(Around(lambda net, x: net(x.mul_(0.5).clamp_(-1, 1))), given)
    assert torch.equal(given, images)


@pytest.mark.parametrize("cut", [lambda x: x.detach(), lambda x: (9 * x).round() / 9])
def test_a_logit_that_moves_without_a_gradient_is_no_explanation(cut, images):
    model = Around(lambda net, x: 50 * net(cut(x)))
    with pytest.raises(ModelError, match="with a gradient of 0"):
        explain(model, images)


@pytest.mark.parametrize("method", [explain, attack])
def test_what_cannot_be_derived_is_one_line(method, images):
    def without(net, x):
        with torch.no_grad():
            return net(x)

    with pytest.raises(ModelError, match="carry no gradient"):
        method(Around(without), images)

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x.clone()

        @staticmethod
        def backward(context, gradient):
            raise RuntimeError("no derivative\nof this")

    with pytest.raises(ModelError, match=r"cannot be derived: no derivative$"):
        method(Around(lambda net, x: net(Once.apply(x))), images)


def test_a_scripted_program_has_no_layers_to_watch(images):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is deprecated, and people have such models
        scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten()))
    for model in (scripted, Around(lambda net, x: net(x)[:, :3], scripted)):
        with pytest.raises(ModelError, match="scripted program, whose layers cannot be watched"):
            fit(model, images)


def test_measures_of_a_lone_and_of_independent_logits_are_of_the_sigmoid(images):
    lone = Around(lambda net, x: 20 * net(x)[:, :1])
    several = Around(lambda net, x: 20 * net(x))
    several.config = type("Config", (), {"problem_type": "multi_label_classification"})()
    saliency = images[0].abs().sum(dim=0)
    logits = 20 * SmallCNN()(images[:1])[0, 0].detach()
    for model in (lone, several):
        assert any(road(model, images[0], saliency, 0).drop.values())
        curve = deletion(model, images[0], saliency, 0, steps=4)
        assert curve.probabilities[0] == pytest.approx(float(logits.sigmoid()), abs=1e-5)


def test_lines_of_other_libraries_are_short_and_name_a_missing_key():
    assert first_line(ValueError("two\nlines")) == "two"
    assert first_line(KeyError("pixel_values")) == "KeyError('pixel_values')"
    assert first_line(ValueError("")) == "ValueError"
    assert len(first_line(ValueError("x" * 5000))) < 400


def test_a_function_may_stand_for_a_model():
    assert ask(lambda x: x.mean(dim=(2, 3)), torch.ones(2, 3, 4, 4)).shape == (2, 3)
    with pytest.raises(ModelError, match="does not take images"):
        ask(lambda x: np.float64("no"), torch.ones(2, 3, 4, 4))
