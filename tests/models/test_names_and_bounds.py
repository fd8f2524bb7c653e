"""Labels and pixel ranges as real checkpoints and processors state them."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from transformers import (
    EfficientNetImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
)

from interlock.errors import OptionError
from interlock.models import load_classifier
from interlock.models.labels import class_index
from tests.networks import SmallCNN

CATS = ["Egyptian cat", "tiger cat", "Persian cat, or cat", "crate", "oxcart", "catamaran"]


def test_a_word_names_the_labels_that_have_it():
    with pytest.raises(OptionError) as caught:
        class_index("Cat", CATS)
    said = str(caught.value)
    assert "Egyptian cat; tiger cat; Persian cat, or cat" in said
    assert "crate" not in said
    assert "catamaran" not in said
    with pytest.raises(OptionError, match="and 15 more"):
        class_index("dog", [f"dog {k}" for k in range(25)])
    with pytest.raises(OptionError, match="did you mean crate"):
        class_index("crte", CATS)
    assert class_index("TIGER CAT", CATS) == 1


def saved(path, processor, **config):
    network = ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1], num_channels=3, **config)
    ResNetForImageClassification(network).save_pretrained(path)
    processor.save_pretrained(path)
    return str(path)


@pytest.mark.parametrize(
    "processor",
    [
        EfficientNetImageProcessor(size={"height": 32, "width": 32}),
        ViTImageProcessor(size={"height": 32, "width": 32}, rescale_factor=1 / 127.5),
        ViTImageProcessor(size={"height": 32, "width": 32}, do_normalize=False),
        ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=0.4, image_std=0.2),
    ],
    ids=["offset", "rescale", "plain", "one number"],
)
def test_bounds_are_what_black_and_white_become(processor, tmp_path):
    clf = load_classifier(saved(tmp_path / "m", processor, num_labels=3))
    for level, end in zip((0, 255), clf.bounds, strict=True):
        flat = clf.preprocess(Image.new("RGB", (40, 40), (level,) * 3))
        assert torch.allclose(flat, end.view(3, 1, 1).expand_as(flat), atol=1e-4)
    picture = Image.effect_mandelbrot((32, 32), (-3, -2.5, 2, 2.5), 60).convert("RGB")
    back = clf.to_pil(clf.preprocess(picture))
    difference = torch.tensor(list(back.tobytes())).int() - torch.tensor(list(picture.tobytes()))
    assert int(difference.abs().max()) <= 1


def test_holes_among_labels_shift_nothing_and_numbers_are_names(tmp_path):
    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    name = saved(tmp_path / "m", processor, id2label={0: "a", 2: "c"}, label2id={"a": 0, "c": 2})
    labels = load_classifier(name).labels
    assert labels[0] == "a"
    assert labels[2:] == ["c"] or len(labels) == 2  # the library may refuse a head with a hole
    network = SmallCNN()
    network.preprocess, network.labels = (lambda image: torch.zeros(3, 8, 8)), [10, 11, 12, 13]
    clf = load_classifier(network)
    assert clf.labels == ["10", "11", "12", "13"]
    assert class_index("12", clf.labels) == 2
