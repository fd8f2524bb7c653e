"""H-Sets on the kinds of network that people have: nothing is taught about any of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interlock import HSets
from interlock.explain import road
from interlock.explain._derivatives import Differentiable
from interlock.explain._kinks import SmoothKinks
from interlock.models import load_classifier

transformers = pytest.importorskip("transformers")

LABELS = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}


def mobilenet_v1():
    config = transformers.MobileNetV1Config(depth_multiplier=0.25, image_size=64, **LABELS)
    return transformers.MobileNetV1ForImageClassification(config)


def mobilenet_v2():
    config = transformers.MobileNetV2Config(depth_multiplier=0.35, image_size=64, **LABELS)
    return transformers.MobileNetV2ForImageClassification(config)


def resnet():
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **LABELS
    )
    return transformers.ResNetForImageClassification(config)


def vit(attention="sdpa"):
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        image_size=64, patch_size=16, attn_implementation=attention, **LABELS,
    )  # fmt: skip
    return transformers.ViTForImageClassification(config)


@pytest.mark.parametrize("make", [mobilenet_v1, mobilenet_v2, resnet, vit])
def test_sets_are_found_through_real_second_derivatives(make):
    torch.manual_seed(0)
    model = make().eval()
    x = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        plain = model(x[None]).logits
    with SmoothKinks():
        assert torch.equal(model(x[None].clone().requires_grad_()).logits, plain)
    one = torch.zeros(1, 3, 64, 64)
    one[0, 1, 30, 30] = 1.0
    assert Differentiable(model, 4).hessian(x, 0, 1, 1e-3)(one).any()
    joint = HSets(model, steps=4, growth="joint")
    assert len(HSets(model, steps=4).explain(x)) >= 1
    for explainer in (joint, HSets.paper(model, steps=4, max_rows=2)):
        found = explainer.explain(x)
        assert len(found) >= 1
        assert found.saliency.any()
        assert (found.rows >= 1).all()
    assert not any(m._forward_hooks for m in model.modules())


def test_eager_and_sdpa_attention_have_one_hessian():
    torch.manual_seed(0)
    eager, sdpa = vit("eager").eval(), vit("sdpa").eval()
    sdpa.load_state_dict(eager.state_dict())
    x, v = torch.rand(3, 64, 64), torch.randn(1, 3, 64, 64)
    products = [Differentiable(m, 4).hessian(x, 0, 1, 1e-3)(v) for m in (eager, sdpa)]
    assert torch.allclose(*products, atol=1e-6)


def test_embedded_classifier_needs_what_its_sets_point_at():
    """The drop in probability is far above that of random pixels, on a photo it knows."""
    from PIL import Image
    from skimage import data

    clf = load_classifier("embedded")
    x = clf.preprocess(Image.fromarray(data.coffee()))
    cup = clf.labels.index("cup")
    found = HSets(clf.model).explain(x, cup)
    assert found.masks.flatten(1).sum() <= 5 * found.parameters["size"]
    pointed = road(clf.model, x, found.saliency, cup).aopc
    random = road(clf.model, x, np.zeros((160, 160)), cup).aopc
    assert pointed > random + 0.1
