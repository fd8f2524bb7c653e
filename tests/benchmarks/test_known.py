"""Scenes whose parts are known, and what is measured on them."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks import _known, _parts, _small_net

NONE = torch.nn.Identity()


@pytest.fixture(scope="module")
def scenes() -> _parts.Scenes:
    return _parts.draw(400, "xor", seed=3)


def test_the_same_seed_draws_the_same_scenes(scenes: _parts.Scenes) -> None:
    again = _parts.draw(400, "xor", seed=3)
    assert torch.equal(again.images, scenes.images)
    assert torch.equal(again.labels, scenes.labels)
    assert not torch.equal(_parts.draw(400, "xor", seed=4).images, scenes.images)


def test_parts_have_their_size_and_touch_nothing(scenes: _parts.Scenes) -> None:
    sizes = scenes.parts.flatten(2).sum(dim=2)
    assert bool((sizes == _parts.GLYPH**2).all())
    assert bool((scenes.distractors.flatten(1).sum(dim=1) == 3 * _parts.GLYPH**2).all())
    layers = torch.cat([scenes.parts, scenes.distractors[:, None]], dim=1).sum(dim=1)
    assert int(layers.max()) == 1


def ink(scenes: _parts.Scenes, n: int, part: int) -> torch.Tensor:
    """(GLYPH, GLYPH) bool: the glyph as it is drawn."""
    values = scenes.images[n, 0][scenes.parts[n, part]]
    return values.view(_parts.GLYPH, _parts.GLYPH) > 0


def named(scenes: _parts.Scenes, n: int, part: int, names: str) -> int:
    found = [
        bool((ink(scenes, n, part) == torch.from_numpy(_parts.PATTERNS[k])).all()) for k in names
    ]
    assert sum(found) == 1
    return found.index(True)


@pytest.mark.parametrize("rule", ["xor", "and"])
def test_the_glyphs_that_are_drawn_decide_the_label(rule: _parts.Rule) -> None:
    drawn = _parts.draw(40, rule, held_out=True, seed=1)
    for n in range(40):
        left, right = named(drawn, n, 0, "AC"), named(drawn, n, 1, "BD")
        assert int(drawn.labels[n]) == (left ^ right if rule == "xor" else 2 * left + right)


def test_under_xor_no_part_alone_says_anything(scenes: _parts.Scenes) -> None:
    left = torch.tensor([named(scenes, n, 0, "AC") for n in range(400)])
    for which in (0, 1):
        assert float(scenes.labels[left == which].double().mean()) == pytest.approx(0.5, abs=0.12)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """An image with two parts of ten pixels each, and ten pixels of distractors."""
    parts = torch.zeros(2, 10, 10, dtype=torch.bool)
    parts[0, :2, :5], parts[1, 8:, :5] = True, True
    distractors = torch.zeros(10, 10, dtype=torch.bool)
    distractors[5] = True
    x = torch.zeros(3, 10, 10)
    monkeypatch.setattr(_known, "_truths", lambda: {_known._name(x): (parts, distractors)})
    return x


def test_measures_by_hand(known: Tensor) -> None:
    saliency = torch.zeros(10, 10)
    saliency[0, :5] = 4.0  # half of the first part
    saliency[5, :5] = 3.0  # distractors
    saliency[9, :2] = 2.0  # a fifth of the second part
    saliency[3, 3] = -9.0

    def of(metric: str, **options: int) -> float:
        return getattr(_known, metric)(NONE, known, 0, saliency, explain=None, seed=0, **options)

    assert of("found", pixels=20) == pytest.approx(7 / 20)
    assert of("found", pixels=5) == pytest.approx(5 / 20)
    assert of("distracted", pixels=20) == pytest.approx(5 / 12)  # only 12 are marked
    assert of("distracted", pixels=5) == 0.0
    assert (of("joint", pixels=20), of("joint", pixels=5)) == (1.0, 0.0)
    assert of("mass") == pytest.approx((20 + 4) / (20 + 15 + 4))


def test_a_map_that_marks_nothing_scores_zero(known: Tensor) -> None:
    for metric in (_known.found, _known.distracted, _known.joint, _known.mass):
        assert metric(NONE, known, 0, torch.zeros(10, 10)) == 0.0


def test_an_image_of_no_study_is_refused(known: Tensor) -> None:
    with pytest.raises(KeyError):
        _known.truth(known + 0.5)


def test_scenes_come_back_from_their_files_with_their_truth(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(_known, "FOLDER", tmp_path_factory.mktemp("known") / "scenes")
    _known.write_scenes()
    _known.write_scenes()
    files = sorted(_known.FOLDER.iterdir())
    assert len(files) == _known.SCENES
    drawn = _parts.draw(_known.SCENES, "xor", held_out=True, seed=_known.SEED)  # the same images
    for n in (0, 7, 49):
        x = _known.preprocess(Image.open(files[n]))
        assert torch.allclose(x, drawn.images[n], atol=1 / 255 + 1e-6)
        parts, distractors = _known.truth(x)
        assert torch.equal(parts, drawn.parts[n])
        assert torch.equal(distractors, drawn.distractors[n])


def test_a_network_that_was_not_trained_says_how(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(_known, "OUT", tmp_path_factory.mktemp("none"))
    with pytest.raises(FileNotFoundError, match=r"run python -m benchmarks\.explain_scenes"):
        _known.xor()


def test_auroc_by_hand() -> None:
    assert _known.auroc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 2.0])) == 3.5 / 4


class Product(torch.nn.Module):
    """Class 1: the product of the two parts' means; distractors count for themselves alone."""

    def forward(self, x: Tensor) -> Tensor:
        left, right = x[:, :, :2, :5].mean(dim=(1, 2, 3)), x[:, :, 8:, :5].mean(dim=(1, 2, 3))
        alone = x[:, :, 5].square().mean(dim=(1, 2))
        return torch.stack([torch.zeros_like(left), left * right + alone], dim=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_row_points_to_the_partner_where_only_it_interacts(
    monkeypatch: pytest.MonkeyPatch, known: Tensor, seed: int
) -> None:
    truth = _known.truth(known)
    x = torch.rand(3, 10, 10, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(_known, "_truths", lambda: {_known._name(x): truth})
    saliency = _known.row(Product(), tau=1e-3, seed=seed)(x, 1)
    assert not saliency[truth[0][seed]].any()
    assert bool((saliency[truth[0][1 - seed]] > 0).all())
    assert _known.partner(NONE, x, 1, saliency) == 1.0
    assert _known.partner(NONE, x, 1, saliency.masked_fill(truth[0][1 - seed], 0)) == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["xor", "and"])
def test_the_small_network_learns_the_rule(rule: _parts.Rule) -> None:
    model = _small_net.train(rule)
    held_out = _parts.draw(300, rule, held_out=True, seed=9)
    assert _small_net.accuracy(model, held_out.images, held_out.labels) >= 0.95
