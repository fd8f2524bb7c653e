"""Segment Anything end to end, with a tiny random SAM that the test saves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interlock import HSets
from interlock.errors import ModelError
from interlock.explain.sam import SegmentAnything, _distinct, lay_out

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def tiny_sam(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sam")
    torch.manual_seed(0)
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64,
            "patch_size": 8, "output_channels": 16, "mlp_dim": 32, "global_attn_indexes": [1],
            "window_size": 4, "num_pos_feats": 8,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    transformers.SamModel(config).save_pretrained(folder)
    return folder


def test_labels_cover_the_image(tiny_sam):
    image = np.random.default_rng(0).random((30, 45, 3))
    prior = SegmentAnything(tiny_sam, points=3, quality=-10.0, batch=4)
    labels = prior(image)
    assert labels.shape == (30, 45)
    assert len(np.unique(labels)) > 1
    assert np.array_equal(labels, prior(image))
    other_batch = SegmentAnything(tiny_sam, points=3, quality=-10.0, batch=9)(image)
    assert np.array_equal(labels, other_batch)


def test_as_a_prior_it_is_loaded_once(tiny_sam, small_cnn, photo, monkeypatch):
    loads = []
    real = transformers.SamModel.from_pretrained
    monkeypatch.setattr(
        transformers.SamModel,
        "from_pretrained",
        lambda name, **options: loads.append(name) or real(name, **options),
    )
    hs = HSets(small_cnn, prior=SegmentAnything(tiny_sam, points=2, quality=-10.0))
    found = hs.explain(torch.stack([photo, photo.flip(1)]))
    assert len(loads) == 1
    assert all(len(e) >= 1 for e in found)


def test_a_place_without_sam_is_named(tmp_path):
    with pytest.raises(ModelError, match="no SAM model") as caught:
        SegmentAnything(tmp_path)(np.zeros((8, 8, 3)))
    assert "\n" not in str(caught.value)


def test_small_masks_lie_above_large_ones_and_near_copies_go():
    large, small, copy = (torch.zeros(6, 6, dtype=torch.bool) for _ in range(3))
    large[:4], small[1:3, 1:3], copy[:4] = True, True, True
    copy[0, 0] = False
    kept = _distinct(torch.stack([small, large, copy]), torch.tensor([0.7, 0.9, 0.8]), 0.5, 0.7)
    assert len(kept) == 2
    labels = lay_out(kept, (6, 6))
    assert labels[2, 2] == 2
    assert labels[0, 0] == 1
    assert labels[5, 5] == 0
    assert _distinct(torch.stack([small]), torch.tensor([0.4]), 0.5, 0.7) == []
