"""Labels and pixel ranges as real checkpoints and processors state them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BitImageProcessor,
    EfficientNetImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
)

from interlock.errors import ModelError, OptionError
from interlock.models import Classifier, load_classifier
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


def saved(path, processor, channels=3, **config):
    network = ResNetConfig(
        embedding_size=8, hidden_sizes=[8], depths=[1], num_channels=channels, **config
    )
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


def test_a_name_of_several_classes_asks_for_a_number():
    labels = ["crane", "kite", "crane"]
    with pytest.raises(OptionError, match="classes 0, 2 have that name; give a number"):
        class_index("crane", labels)
    assert class_index("2", labels) == 2


def test_a_classifier_takes_names_and_numbers_as_people_have_them():
    def preprocess(image):
        return torch.zeros(3, 8, 8)

    for labels in ([10, 11], np.array(["10", "11"]), ("10", "11"), {1: "11", "0": 10}):
        clf = load_classifier(Classifier(SmallCNN(), preprocess, labels))
        assert clf.labels == ["10", "11"]
        assert class_index("11", clf.labels) == 1
    for mean, std in ((0.5, 0.25), (np.array([0.5] * 3), torch.tensor([0.25] * 3))):
        clf = Classifier(SmallCNN(), preprocess, ["a"], mean=mean, std=std)
        low, high = (torch.as_tensor(end).expand(3).tolist() for end in clf.bounds)
        assert (low, high) == ([-2.0] * 3, [2.0] * 3)
        assert clf.to_pil(torch.full((3, 2, 2), -2.0)).getpixel((0, 0)) == (0, 0, 0)
    with pytest.raises(ModelError, match="deviations above 0"):
        Classifier(SmallCNN(), preprocess, ["a"], mean=0.5, std=0.0)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"image_mean": [0.5], "image_std": [0.5]}, "mean must have 3 elements"),
        ({"resample": 99}, "Unknown resampling filter"),
        ({"image_processor_type": "Siglip2ImageProcessor"}, r"makes \(\d+, \d+\) of a photo"),
        ({"image_processor_type": "NoSuchImageProcessor"}, "no image processor"),
    ],
)
def test_a_processor_that_makes_no_image_is_one_line_when_it_is_loaded(stated, said, tmp_path):
    name = saved(tmp_path / "m", ViTImageProcessor(size={"height": 32, "width": 32}))
    written = tmp_path / "m" / "preprocessor_config.json"
    written.write_text(json.dumps(json.loads(written.read_text()) | stated))
    with pytest.raises(ModelError, match=said) as caught:
        load_classifier(name)
    line = str(caught.value)
    assert line.startswith(name)
    assert "\n" not in line
    assert len(line) < 700


def test_a_photo_that_a_processor_cannot_take_is_one_line(tmp_path):
    processor = ViTImageProcessor(size={"shortest_edge": 32, "longest_edge": 40})
    clf = load_classifier(saved(tmp_path / "m", processor, num_labels=3))
    with pytest.raises(ModelError, match="fails on a photo of 1x5000 pixels"):
        clf.preprocess(Image.new("RGB", (1, 5000)))


def test_a_processor_that_does_nothing_gives_floats(tmp_path):
    size = {"height": 32, "width": 32}
    processor = ViTImageProcessor(size=size, do_rescale=False, do_normalize=False)
    clf = load_classifier(saved(tmp_path / "m", processor, num_labels=3))
    x = clf.preprocess(Image.new("RGB", (40, 40), (10, 20, 200)))
    assert x.dtype == torch.float32
    assert clf.model(x[None]).shape == (1, 3)
    assert clf.to_pil(x).getpixel((5, 5)) == (10, 20, 200)


def test_bounds_are_those_of_the_photo_not_of_what_is_put_around_it(tmp_path):
    processor = BitImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 64, "width": 64}, image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
    )  # fmt: skip
    clf = load_classifier(saved(tmp_path / "m", processor, num_labels=3))
    assert [end.tolist() for end in clf.bounds] == [[-2.0] * 3, [2.0] * 3]


def test_a_model_of_one_channel_is_shown_grey_photos(tmp_path):
    processor = ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.5], image_std=[0.25]
    )
    clf = load_classifier(saved(tmp_path / "m", processor, num_labels=3, channels=1))
    for mode in ("RGB", "L", "RGBA"):
        x = clf.preprocess(Image.new("L", (40, 40), 51).convert(mode))
        assert x.shape == (1, 32, 32)
        assert torch.allclose(x, torch.tensor((0.2 - 0.5) / 0.25))
    assert clf.model(x[None]).shape == (1, 3)
    assert clf.to_pil(x).getpixel((5, 5)) == (51, 51, 51)
