"""Captum and Quantus take ``HSets.attribute`` where they take their own methods."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interlock import HSets
from tests.networks import SmallCNN


@pytest.fixture
def batch(photo):
    return torch.stack([photo, photo.flip(1)])


def test_captum_metrics_call_it(small_cnn, batch):
    metrics = pytest.importorskip("captum.metrics")
    hs = HSets(small_cnn, steps=5)
    found = metrics.sensitivity_max(
        hs.attribute, batch, perturb_radius=0.01, n_perturb_samples=2, target=1
    )
    assert found.shape == (2,)
    assert found.isfinite().all()


def test_captum_infidelity_accepts_its_attributions(small_cnn, batch):
    metrics = pytest.importorskip("captum.metrics")

    def perturb(x):
        noise = torch.randn_like(x) * 0.01
        return noise, x - noise

    attributions = HSets(small_cnn, steps=5).attribute(batch, target=1)
    found = metrics.infidelity(
        small_cnn, perturb, batch, attributions, target=1, n_perturb_samples=4
    )
    assert found.shape == (2,)


def test_quantus_calls_it(small_cnn, batch):
    quantus = pytest.importorskip("quantus")
    metric = quantus.Sparseness(disable_warnings=True, display_progressbar=False)
    scores = metric(
        model=small_cnn, x_batch=batch.numpy(), y_batch=np.array([1, 2]), a_batch=None,
        explain_func=HSets(small_cnn, steps=5).attribute, device="cpu",
    )  # fmt: skip
    assert len(scores) == 2
    assert all(0 < s < 1 for s in scores)


def test_a_model_given_to_attribute_is_the_one_explained(small_cnn, batch):
    other = SmallCNN(seed=5)
    hs = HSets(small_cnn, steps=5)
    assert torch.equal(hs.attribute(batch, model=other), HSets(other, steps=5).attribute(batch))
    assert not torch.equal(hs.attribute(batch), hs.attribute(batch, model=other))
    assert hs.model is small_cnn


def test_gini_agrees_with_quantus(small_cnn, photo):
    quantus = pytest.importorskip("quantus")
    from interlock.explain import gini

    found = HSets(small_cnn, steps=5).explain(photo)
    metric = quantus.Sparseness(disable_warnings=True, display_progressbar=False)
    (theirs,) = metric(
        model=small_cnn, x_batch=photo[None].numpy(), y_batch=np.array([found.target]),
        a_batch=found.saliency[None, None].numpy(), device="cpu",
    )  # fmt: skip
    assert gini(found.saliency) == pytest.approx(float(theirs), abs=1e-3)
