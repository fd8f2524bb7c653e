"""Models as people have them: the same explanation as of the plain module, or one line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from interlock import HSets
from interlock.errors import ImageError, ModelError, OptionError
from interlock.explain._derivatives import Differentiable
from tests.networks import SmallCNN

GROWTHS = ("merge", "joint", "rows")


def explained(model, photo, growth="joint", **options):
    return HSets(model, growth=growth, size=60, steps=6, max_rows=3, **options).explain(photo, 1)


def alike(first, second):
    assert torch.equal(first.masks, second.masks)
    assert torch.equal(first.regions, second.regions)
    assert torch.allclose(first.saliency, second.saliency, atol=1e-6)
    assert torch.allclose(first.drops, second.drops, atol=1e-5)


def hessian_row(model, photo):
    direction = torch.zeros(1, *photo.shape)
    direction[0, 1, 10, 10] = 1.0
    return Differentiable(model, 4).hessian(photo, 1, 1, 1e-1)(direction)


@pytest.mark.parametrize("growth", GROWTHS)
def test_a_compiled_model_is_explained_as_the_module_it_was_made_from(growth, photo):
    plain = explained(SmallCNN(), photo, growth)
    in_place = SmallCNN()
    in_place.compile(backend="eager")
    for compiled in (torch.compile(SmallCNN(), backend="eager"), in_place):
        alike(explained(compiled, photo, growth), plain)
        assert hessian_row(compiled, photo).any()
        compiled(photo[None])  # and goes on being compiled


@pytest.mark.parametrize("growth", ["joint", "rows"])
def test_an_exported_or_scripted_program_is_refused_where_kinks_count(growth, photo):
    batch = torch.export.Dim("batch", min=1, max=64)
    example = photo.expand(2, -1, -1, -1).clone()
    exported = torch.export.export(SmallCNN(), (example,), dynamic_shapes={"x": {0: batch}})
    with pytest.raises(ModelError, match="exported program") as caught:
        explained(exported.module(), photo, growth)
    assert "\n" not in str(caught.value)


def test_a_traced_program_is_refused_where_kinks_count(photo):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, and people have such models
        traced = torch.jit.trace(SmallCNN(), photo[None])
    with pytest.raises(ModelError, match="scripted program"):
        explained(traced, photo, "joint")


def test_an_exported_program_is_explained_by_forward_passes(photo):
    batch = torch.export.Dim("batch", min=1, max=64)
    example = photo.expand(2, -1, -1, -1).clone()
    exported = torch.export.export(SmallCNN(), (example,), dynamic_shapes={"x": {0: batch}})
    ex, plain = (explained(m, photo, "merge") for m in (exported.module(), SmallCNN()))
    assert torch.equal(ex.segments, plain.segments)
    assert float(((ex.saliency > 0) == (plain.saliency > 0)).float().mean()) > 0.97
    assert float(ex.drops.max()) == pytest.approx(float(plain.drops.max()), rel=0.1)


@pytest.mark.parametrize("growth", GROWTHS)
def test_the_callers_autocast_changes_nothing(growth, photo):
    plain = explained(SmallCNN(), photo, growth)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = explained(SmallCNN(), photo, growth)
    alike(within, plain)
    assert torch.equal(within.saliency, plain.saliency)


def test_autocast_inside_the_model_is_explained_by_forward_passes_or_named(photo):
    class Inside(SmallCNN):
        def forward(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return super().forward(x)

    for growth in ("joint", "rows"):
        with pytest.raises(ModelError, match="cannot be derived") as caught:
            explained(Inside(), photo, growth)
        assert "\n" not in str(caught.value)
    ex = explained(Inside(), photo, "merge")
    assert ex.saliency.any()
    assert ex.saliency.isfinite().all()
    assert ex.saliency.dtype == ex.logits.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("growth", GROWTHS)
def test_weights_of_another_precision_are_derived_in_float32(growth, dtype, photo):
    other = SmallCNN().to(dtype)
    single = SmallCNN()
    single.load_state_dict({k: v.float() for k, v in other.state_dict().items()})
    ex = explained(other, photo, growth)
    alike(ex, explained(single, photo, growth))
    assert ex.saliency.dtype == torch.float32
    assert next(other.parameters()).dtype == dtype


@pytest.mark.parametrize("growth", GROWTHS)
def test_a_model_that_writes_into_its_input_gets_a_copy(growth, photo):
    class Writes(SmallCNN):
        def forward(self, x):
            x.mul_(0.5).add_(0.1)
            return super().forward(x)

    class Reads(SmallCNN):
        def forward(self, x):
            return super().forward(x * 0.5 + 0.1)

    before = photo.clone()
    alike(explained(Writes(), photo, growth), explained(Reads(), photo, growth))
    assert torch.equal(photo, before)


def test_dropout_that_is_always_on_is_named(photo):
    class Forgetful(SmallCNN):
        def forward(self, x):
            return super().forward(F.dropout(x, 0.3))

    with pytest.raises(ModelError, match="differently from call to call") as caught:
        explained(Forgetful(), photo)
    assert "\n" not in str(caught.value)


def test_a_part_in_training_mode_is_named(photo):
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x) if self.training else x

    model = nn.Sequential(Noisy(), SmallCNN()).eval()
    explained(model, photo)
    model[0].train()
    with pytest.raises(ModelError, match="training"):
        explained(model, photo)


def test_a_lone_logit_and_many_labels_are_read_by_sigmoids(photo):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3,
        problem_type="multi_label_classification",
    )  # fmt: skip
    torch.manual_seed(0)
    many = transformers.ResNetForImageClassification(config).eval()
    x = F.interpolate(photo[None], (64, 64))[0]
    ex = HSets(many, steps=4).explain(x, 2)
    assert ex.independent
    assert ex.probability == pytest.approx(float(ex.logits[2].sigmoid()))
    assert not HSets(SmallCNN(), steps=4).explain(photo).independent


@pytest.mark.parametrize("name", ["Swin", "MobileViT"])
def test_attention_in_windows_and_in_folds(name):
    transformers = pytest.importorskip("transformers")
    small = {"num_labels": 3, "image_size": 64}
    if name == "Swin":
        small |= {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4}
    else:
        small |= {"hidden_sizes": [8, 12, 16], "neck_hidden_sizes": [8, 8, 8, 8, 8, 8, 16]}
        small |= {"num_attention_heads": 2}
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**small)
    model = getattr(transformers, f"{name}ForImageClassification")(config).eval()
    for parameter in model.parameters():  # as made, all its logits are 0
        nn.init.normal_(parameter, 0.0, 0.3)
    x = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for growth in ("merge", "joint"):
        ex = HSets(model, steps=3, growth=growth).explain(x)
        assert len(ex) >= 1
        assert ex.drops.isfinite().all()
        assert ex.saliency.any()


def test_pictures_arrays_and_targets_that_are_none_are_one_line(photo):
    sets = HSets(SmallCNN(), prior="grid", sets=2, size=60, steps=2, samples=2)
    for given in (photo.numpy(), [photo], None, photo[:, :0]):
        with pytest.raises(ImageError):
            sets.explain(given)
    for target in ("1", 1.5, [0], float("nan")):
        with pytest.raises(OptionError, match="give the number of a class"):
            sets.explain(photo, target)
    with pytest.raises(OptionError, match="give the number of a class"):
        sets.attribute(photo[None], [1.7])
    for target in (np.int64(2), torch.tensor(2), np.array(2)):
        assert sets.explain(photo, target).target == 2
    assert sets.attribute(photo[None][:0]).shape == (0, *photo.shape)


@pytest.mark.parametrize("options", [{"sets": 2.5}, {"steps": float("nan")}, {"sets": "5"}])
def test_counts_are_whole_numbers(options):
    with pytest.raises(OptionError, match="whole number"):
        HSets(SmallCNN(), **options)


def test_seeds_and_baselines_of_other_types_are_one_line(photo):
    for seed in ("a", 2**70, -1):
        with pytest.raises(OptionError, match=r"seed=.*whole number"):
            HSets(SmallCNN(), seed=seed)
    with pytest.raises(OptionError, match="baseline=a ndarray is unknown"):
        HSets(SmallCNN(), prior="grid", baseline=photo.numpy()).explain(photo)
