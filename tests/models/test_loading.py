from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from interlock.errors import ModelError
from interlock.models import Classifier, load_classifier
from interlock.models.loading import EMBEDDED
from tests.networks import SmallCNN

transformers = pytest.importorskip("transformers")


def noise_photo(width=50, height=40):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A tiny ResNet with its processor, as ``save_pretrained`` writes it."""
    folder = tmp_path_factory.mktemp("resnet")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic",
        id2label={0: "cat", 1: "dog", 2: "owl"}, label2id={"cat": 0, "dog": 1, "owl": 2},
    )  # fmt: skip
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.3, 0.4]
    ).save_pretrained(folder)
    return folder


def test_embedded_has_labels_and_reads_photos():
    clf = load_classifier("embedded")
    assert len(clf.labels) == 21
    assert "grand piano" in clf.labels
    assert not clf.model.training
    x = clf.preprocess(noise_photo())
    assert x.shape == (3, 160, 160)
    assert x.dtype == torch.float32
    logits = clf.model(x[None])
    assert logits.shape == (1, 21)


def test_embedded_round_trip_to_pil():
    clf = load_classifier("embedded")
    photo = noise_photo(160, 160)
    back = clf.to_pil(clf.preprocess(photo))
    assert np.abs(np.asarray(back, int) - np.asarray(photo, int)).max() <= 1


def test_bounds_are_what_black_and_white_photos_become(saved):
    for clf in (load_classifier("embedded"), load_classifier(saved)):
        for bound, colour in zip(clf.bounds, ("black", "white"), strict=True):
            x = clf.preprocess(Image.new("RGB", (40, 40), colour))
            assert torch.allclose(x, bound.view(-1, 1, 1).expand_as(x), atol=1e-5)


def test_bounds_are_unknown_where_the_normalisation_is():
    clf = load_classifier(SmallCNN(), preprocess=lambda image: torch.zeros(3, 8, 8), labels=["a"])
    assert clf.bounds is None


def test_embedded_weights_are_small_and_the_card_tells_their_accuracy():
    assert (EMBEDDED / "photo_classifier.safetensors").stat().st_size <= 6_000_000
    config = json.loads((EMBEDDED / "photo_classifier.json").read_text())
    assert config["test_top1"] >= 0.95
    assert config["test_macro_recall"] >= 0.90
    card = (EMBEDDED / "MODEL_CARD.md").read_text()
    assert f"{100 * config['test_top1']:.1f} %" in card


@pytest.mark.slow
def test_embedded_accuracy_is_the_stated_one(shared):
    from interlock.data import LabelledFolder

    clf = load_classifier("embedded")
    folder = LabelledFolder.scan(shared / "data/caltech21/test")
    hits = torch.zeros(21, 2)
    for photo, label in folder:
        with torch.no_grad():
            hits[label, int(clf.model(clf.preprocess(photo)[None]).argmax() == label)] += 1
    config = json.loads((EMBEDDED / "photo_classifier.json").read_text())
    assert hits[:, 1].sum() / hits.sum() == pytest.approx(config["test_top1"], abs=0.005)
    recall = hits[:, 1] / hits.sum(dim=1)
    assert recall.mean() == pytest.approx(config["test_macro_recall"], abs=0.01)


def test_transformers_directory(saved):
    clf = load_classifier(saved)
    assert clf.labels == ["cat", "dog", "owl"]
    assert clf.name == saved.name
    x = clf.preprocess(noise_photo())
    assert x.shape == (3, 32, 32)
    logits = clf.model(x[None])
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (1, 3)
    inverse = clf.to_pil(clf.preprocess(noise_photo(32, 32)))
    assert np.abs(np.asarray(inverse, int) - np.asarray(noise_photo(32, 32), int)).max() <= 1


def test_whole_photo_is_squeezed_not_cropped(tmp_path, saved):
    shutil.copytree(saved, tmp_path / "m")
    transformers.MobileNetV1ImageProcessor(
        size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(tmp_path / "m")
    edge = Image.new("RGB", (90, 30), "black")
    edge.paste("white", (0, 0, 10, 30))  # a stripe at the left that a centre crop cuts off
    cropped = load_classifier(tmp_path / "m").preprocess(edge)
    whole = load_classifier(tmp_path / "m", whole=True).preprocess(edge)
    assert cropped.shape == whole.shape == (3, 32, 32)
    assert cropped.max() < 0
    assert whole[:, :, 0].min() > 0


def test_module_with_parts_as_arguments_or_attributes():
    def preprocess(image):
        return torch.zeros(3, 8, 8)

    clf = load_classifier(SmallCNN().train(), preprocess=preprocess, labels=["a", "b", "c", "d"])
    assert isinstance(clf, Classifier)
    assert not clf.model.training
    assert clf.label(2) == "c"
    assert clf.label(9) == "class 9"
    model = SmallCNN()
    model.preprocess, model.labels = preprocess, ["a", "b", "c", "d"]
    assert load_classifier(model).labels == clf.labels
    stretched = clf.to_pil(torch.linspace(-5, 5, 75).view(3, 5, 5))
    assert np.asarray(stretched).min() == 0
    assert np.asarray(stretched).max() == 255


@pytest.mark.parametrize("part", ["preprocess", "labels"])
def test_module_without_a_part(part):
    given = {"preprocess": lambda image: image, "labels": ["a"]}
    del given[part]
    with pytest.raises(ModelError, match=f"has no {part}"):
        load_classifier(SmallCNN(), **given)


def factory():
    return load_classifier(
        SmallCNN(), preprocess=lambda i: torch.zeros(3, 8, 8), labels=list("abcd")
    )


def factory_of_a_bare_module():
    return SmallCNN()


def test_a_factory_of_a_module_without_its_parts_is_told_which_to_set():
    name = "tests.models.test_loading:factory_of_a_bare_module"
    with pytest.raises(ModelError, match=f"{name}: the SmallCNN .* no preprocess and labels") as e:
        load_classifier(name)
    assert "model.preprocess" in str(e.value)
    assert "model.labels" in str(e.value)
    assert "pass " not in str(e.value)


def test_factory_string():
    assert load_classifier("tests.models.test_loading:factory").labels == list("abcd")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("tests.models.test_loading:nothing", "nothing"),
        ("math:pi", "not callable"),
        (":factory", "ValueError"),
        ("no.such.module:factory", "package.module:factory"),
        ("/no/such/folder", "no such directory"),
        ("./nowhere", "no such directory"),
        (3.5, "float"),
    ],
)
def test_names_that_lead_nowhere(name, word):
    with pytest.raises(ModelError, match=word) as caught:
        load_classifier(name)
    assert "\n" not in str(caught.value)


def broken(saved, tmp_path, change):
    folder = tmp_path / "broken"
    shutil.copytree(saved, folder)
    change(folder)
    with pytest.raises(ModelError) as caught:
        load_classifier(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_wrong_directory(saved, tmp_path):
    assert "config.json" in broken(saved, tmp_path, lambda f: (f / "config.json").unlink())


def test_missing_processor(saved, tmp_path):
    message = broken(saved, tmp_path, lambda f: (f / "preprocessor_config.json").unlink())
    assert "no image processor" in message


def test_missing_weights(saved, tmp_path):
    broken(saved, tmp_path, lambda f: (f / "model.safetensors").unlink())


def test_weights_that_do_not_fit(saved, tmp_path):
    def other_weights(folder):
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        save_file(
            {k: v for k, v in weights.items() if "classifier" not in k},
            folder / "model.safetensors", metadata={"format": "pt"},
        )  # fmt: skip

    assert "do not fit" in broken(saved, tmp_path, other_weights)


def test_weights_of_another_size(saved, tmp_path):
    def resize(folder):
        config = json.loads((folder / "config.json").read_text())
        config["hidden_sizes"] = [8, 32]
        (folder / "config.json").write_text(json.dumps(config))

    broken(saved, tmp_path, resize)


def test_no_image_classifier(tmp_path):
    folder = tmp_path / "text"
    transformers.BertConfig().save_pretrained(folder)
    with pytest.raises(ModelError, match="image classifier"):
        load_classifier(folder)


@pytest.mark.slow
@pytest.mark.parametrize(("whole", "expected", "within"), [(False, 70.3, 0.5), (True, 80, 1)])
def test_mobilenet_accuracy_on_600_photos(whole, expected, within, shared):
    from interlock.data import read_image

    clf = load_classifier(shared / "models/mobilenet_v1_0.75_224", whole=whole)
    folder = shared / "data/imagenet_cc"
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    right = 0
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        batch = torch.stack([clf.preprocess(read_image(folder / r["file"])) for r in part])
        with torch.no_grad():
            answers = clf.model(batch).argmax(dim=1).tolist()
        right += sum(a == int(r["label"]) for a, r in zip(answers, part, strict=True))
    assert abs(100 * right / len(rows) - expected) <= within


def test_parameters_are_left_on_the_device_asked_for():
    clf = load_classifier(nn.Linear(2, 2), preprocess=lambda i: i, labels=["a", "b"], device="meta")
    assert clf.model.weight.device.type == "meta"
