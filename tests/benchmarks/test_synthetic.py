import pytest
import torch

import _parts
import _small_net
import explain_synthetic


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


def test_scores_of_sets_by_hand() -> None:
    parts = torch.zeros(2, 10, 10, dtype=torch.bool)
    parts[0, :2, :5], parts[1, 8:, :5] = True, True  # 10 pixels each
    distractors = torch.zeros(10, 10, dtype=torch.bool)
    distractors[5] = True
    masks = torch.zeros(2, 10, 10, dtype=torch.bool)
    masks[0, 0, :5] = True  # half of the first part
    masks[0, 5, :5] = True  # distractors
    masks[1, 9, :2] = True  # a fifth of the second part
    found = explain_synthetic.found_of(masks, parts, distractors)
    assert found["pixels"] == 12
    assert found["precision"] == pytest.approx(7 / 12)
    assert found["recall"] == pytest.approx(7 / 20)
    assert found["f1"] == pytest.approx(2 * 7 / (12 + 20))
    assert found["distractors"] == pytest.approx(5 / 12)
    assert (found["joint"], found["joint_first"]) == (1.0, 0.0)


def test_no_sets_score_zero() -> None:
    parts = torch.ones(2, 4, 4, dtype=torch.bool)
    found = explain_synthetic.found_of(torch.zeros(0, 4, 4, dtype=torch.bool), parts, parts[0])
    assert set(found.values()) == {0.0}


def test_auroc_by_hand() -> None:
    assert explain_synthetic.auroc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 2.0])) == 3.5 / 4


def test_partner_auroc_is_one_where_only_the_partner_interacts() -> None:
    class Product(torch.nn.Module):
        """Class 1: the product of the two parts' means; distractors count for themselves alone."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            left, right = x[:, :, :4, :4].mean(dim=(1, 2, 3)), x[:, :, 8:, 8:].mean(dim=(1, 2, 3))
            alone = x[:, :, :4, 8:].square().mean(dim=(1, 2, 3))
            return torch.stack([torch.zeros_like(left), left * right + alone], dim=1)

    parts = torch.zeros(2, 12, 12, dtype=torch.bool)
    parts[0, :4, :4], parts[1, 8:, 8:] = True, True
    distractors = torch.zeros(12, 12, dtype=torch.bool)
    distractors[:4, 8:] = True
    x = torch.rand(3, 12, 12) + 0.5
    found = explain_synthetic.partner_auroc(Product(), x, 1, parts, distractors, 1e-3)
    assert found == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["xor", "and"])
def test_the_small_network_learns_the_rule(rule: _parts.Rule) -> None:
    model = _small_net.train(rule)
    held_out = _parts.draw(300, rule, held_out=True, seed=9)
    assert _small_net.accuracy(model, held_out.images, held_out.labels) >= 0.95
