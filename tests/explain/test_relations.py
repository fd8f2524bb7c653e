"""What a person reads: a sentence for each set, the graph, two lines in a console."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import combinations
from math import dist

import numpy as np
import pytest
import torch
from PIL import Image

from interlock import Explanation, HSets
from interlock._pictures import png_bytes
from interlock.explain.drawing.figure import draw
from interlock.explain.drawing.graph import lines
from interlock.explain.drawing.layers import COLOURS, Layers
from interlock.explain.drawing.relations import edges, scattered_sentence, sentences, top_sets
from interlock.report import explanation_chapter
from tests.explain.test_figure import explanation, rgb, texts

BLOCKS = [(0, 0), (0, 16), (16, 0), (16, 16)]


def measured(drops, without, pairs=(), **changes) -> Explanation:
    """Quarters of a photo as regions, each with a pixel of the map; class 7 has 93 %."""
    count = len(drops)
    plain = explanation([[(row + 8, column + 8)] for row, column in BLOCKS[:count]])
    regions = torch.zeros(count, 32, 32, dtype=torch.bool)
    for k, (row, column) in enumerate(BLOCKS[:count]):
        regions[k, row : row + 16, column : column + 16] = True
    interactions = torch.zeros(count, count)
    for i, j, value in pairs:
        interactions[i, j] = interactions[j, i] = value
    return replace(
        plain, regions=regions, drops=torch.tensor(drops), without=torch.tensor(without),
        interactions=interactions, **changes,
    )  # fmt: skip


def test_sentences_say_what_falls_what_is_needed_and_what_stands_in():
    shown = measured(
        [3.0, 2.0, 0.5, -0.4], [0.61, 0.7, 0.9, 0.95], [(0, 1, 1.5), (0, 2, -0.6), (2, 3, -0.2)]
    )
    said = sentences(shown, "bighorn")
    assert said == [
        "without this region bighorn falls from 93 % to 61 %; it needs region 2; "
        "region 3 stands in for it",
        "without this region bighorn falls from 93 % to 70 %; it needs region 1",
        "without this region bighorn falls from 93 % to 90 %; region 1 stands in for it",
        "without this region bighorn rises from 93 % to 95 %",
    ]


def test_a_region_with_a_stand_in_whose_loss_shows_in_little_hardly_changes_it():
    shown = measured([3.0, -0.1], [0.61, 0.92], [(0, 1, -0.6)])
    said = sentences(shown, "bighorn")
    assert said[1] == (
        "without this region bighorn hardly changes (93 % to 92 %, +0.1 in the logit); "
        "region 1 stands in for it"
    )


def test_where_the_probability_is_sure_the_logit_tells_what_a_region_is_worth():
    shown = measured([3.0, 1.5], [0.61, 0.92], [])
    assert sentences(shown, "stupa")[1] == (
        "without this region stupa falls from 93 % to 92 % (-1.5 in the logit)"
    )


def test_numbers_of_edges_that_cross_do_not_cover_each_other():
    every = [(i, j, 1.0 + 0.1 * i + 0.01 * j) for i in range(5) for j in range(i + 1, 5)]
    count = 5
    shown = replace(
        measured([3.0, 2.9, 2.8, 2.7], [0.5] * 4, []),
        scores=torch.ones(count),
        drops=torch.full((count,), 3.0),
        interactions=torch.zeros(count, count),
    )
    for i, j, value in every:
        shown.interactions[i, j] = shown.interactions[j, i] = value
    drawn = lines(shown)
    assert [line.edge.logits for line in drawn] == sorted(line.edge.logits for line in drawn)
    numbers = [line.number for line in drawn]
    assert min(dist(a, b) for a, b in combinations(numbers, 2)) > 0.07
    for line in drawn:
        along = dist(line.start, line.number) + dist(line.number, line.end)
        assert along == pytest.approx(dist(line.start, line.end))


def test_several_are_listed_and_an_unmoved_probability_is_not_called_a_fall():
    shown = measured(
        [3.0, 2.0, 1.0, 0.02], [0.6, 0.7, 0.8, 0.934], [(0, 1, 1.0), (0, 2, 2.0), (0, 3, 1.0)]
    )
    said = sentences(shown, "cup")
    assert said[0].endswith("it needs regions 2, 3 and 4")
    assert said[3].startswith("without this region cup stays at 93 % (-0.02 in the logit)")


def test_edges_below_a_tenth_of_the_largest_effect_are_hidden():
    shown = measured([3.0, 2.0, 1.0], [0.5] * 3, [(0, 1, 0.31), (0, 2, 0.29), (1, 2, -0.5)])
    assert [(e.first, e.second, e.needs) for e in edges(shown)] == [(1, 2, False), (0, 1, True)]
    assert edges(shown)[0].share == pytest.approx(0.5 / 3)


def test_only_the_sets_that_cost_most_are_in_the_graph():
    many = explanation([[(k, k)] for k in range(8)])
    many = replace(
        many, drops=torch.arange(8.0), without=torch.full((8,), 0.5), interactions=torch.ones(8, 8)
    )
    assert top_sets(many) == [2, 3, 4, 5, 6, 7]
    assert all({e.first, e.second} <= set(top_sets(many)) for e in edges(many))


def test_nothing_is_said_of_what_was_not_measured():
    old = explanation([[(4, 4)], [(20, 20)]])
    assert edges(old) == []
    assert sentences(old, "cup") == ["score 2", "score 1"]
    assert "not measured" in texts(draw(old))


def test_dust_is_folded_into_one_line():
    shown = measured([1.0], [0.5])
    assert scattered_sentence(shown) == ""
    attribution = shown.attribution.clone()
    attribution[:, 31, 31] = 1.0  # in no set, as strong as the one pixel that is
    shown = replace(shown, attribution=attribution, saliency=attribution.sum(dim=0))
    assert shown.scattered == pytest.approx(0.5)
    line = "scattered · 50 % of the evidence lies in pixels of no region"
    assert scattered_sentence(shown) == line
    assert line in texts(draw(shown))


def test_the_figure_has_the_photo_in_its_colours_numbers_graph_and_sentences():
    photo = torch.zeros(32, 32, 3, dtype=torch.uint8)
    photo[..., 1] = 200  # green; a dimmed photo would be grey
    shown = measured([3.0, 2.0], [0.6, 0.7], [(0, 1, 1.5)], image=photo, label="bighorn")
    figure = draw(shown)
    said = texts(figure)
    assert said[0] == "bighorn"
    assert {"1", "2", "1.5", "needs"} <= set(said)
    assert "stands in for" not in said
    assert any(
        s.startswith("1 · without this region bighorn falls from 93 % to 60 %") for s in said
    )
    drawn = np.asarray(Image.open(io.BytesIO(png_bytes(figure))).convert("RGB")).astype(int)
    green = (drawn[..., 1] > 180) & (drawn[..., 0] < 60) & (drawn[..., 2] < 60)
    assert green.mean() > 0.05


def test_a_region_is_strong_at_its_border_soft_outside_and_light_within():
    layer = Layers(measured([3.0], [0.5])).part(0)  # (512, 512, 4), the region is 256 wide
    alpha = layer[128, :, 3].astype(int)
    assert (layer[layer[..., 3] > 0][:, :3] == rgb(COLOURS[0])).all()
    assert alpha[:256].max() > 200
    assert 0 < alpha[128] < 80
    assert not alpha[270:].any()
    edge = alpha[250:262]
    assert len(set(edge.tolist())) > 4, "a hard edge"
    assert edge[0] > edge[-1]


def test_a_region_at_the_border_of_the_photo_is_outlined_there_too():
    layer = Layers(measured([3.0], [0.5])).part(0)
    assert int(layer[2:6, 128, 3].max()) > 150


def test_the_page_tells_each_set_and_draws_the_graph():
    shown = measured([3.0, 2.0, 1.0], [0.6, 0.7, 0.8], [(0, 1, 1.5), (1, 2, -0.9)])
    body = explanation_chapter(shown, title="a", anchor="a", label="bighorn").body
    assert "bighorn falls from 93\u00a0% to 60\u00a0%; it needs region 2" in body
    assert "<title>1 needs 2: 1.5 logits</title>" in body
    assert "<title>2 stands in for 3: 0.9 logits</title>" in body
    assert body.count("<circle") == 3
    for word in ("drop", "left", "score", "share", "area", "seed"):
        assert f"<dt>{word}</dt>" in body
    alone = explanation_chapter(measured([3.0], [0.6]), title="a", anchor="a").body
    assert "<circle" not in alone


def test_hostile_labels_stay_text_in_the_sentences():
    shown = measured([3.0], [0.6])
    label = "<script>alert(1)</script>"
    assert label not in explanation_chapter(shown, title="a", anchor="a", label=label).body
    assert len(png_bytes(draw(replace(shown, label="$\\frac{")))) > 1000


def test_an_explanation_prints_in_two_lines(small_cnn, photo, tmp_path):
    ex = HSets(small_cnn, size=60, steps=6).explain(photo)
    for shown in (
        ex,
        replace(ex, label="teapot"),
        HSets(small_cnn, growth="rows", max_rows=2, size=60, steps=6).explain(photo),
        explanation([[(4, 4)]]),
        explanation([]),
    ):
        lines = str(shown).splitlines()
        assert len(lines) == 2, lines
        assert all(len(line) < 160 for line in lines)
        assert "tensor" not in str(shown)
        assert repr([shown]) == f"[{shown}]"
        assert f"{shown.probability:.3g}" in lines[0]
    assert str(replace(ex, label="teapot")).startswith("Explanation of teapot: ")
    assert f"{-float(ex.drops[0]):+.2g}" in str(ex).splitlines()[1]
    assert Explanation.load(replace(ex, label="teapot").save(tmp_path / "a.npz")).label == "teapot"


def test_a_class_that_is_not_the_answer_is_called_so(small_cnn, photo):
    ex = HSets(small_cnn, size=60, steps=6).explain(photo)
    other = HSets(small_cnn, size=60, steps=6).explain(photo, (ex.target + 1) % 4)
    assert ex.is_answer
    assert not other.is_answer
    assert f"the model answers {ex.target}" in str(other)
    assert "the model answers" not in str(ex)
    assert any("not the model's own answer" in s for s in texts(draw(other)))
    assert not any("own answer" in s for s in texts(draw(ex)))
