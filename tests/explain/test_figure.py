"""The figure: every pixel of a set can be seen, and nothing breaks it."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib._pylab_helpers import Gcf
from PIL import Image
from skimage.color import rgb2lab

from interlock._pictures import png_bytes
from interlock.explain import Explanation
from interlock.explain.drawing.figure import draw, inline_png, percent
from interlock.explain.drawing.layers import COLOURS, Layers, colour

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}  # fmt: skip


def rgb(name: str) -> list[int]:
    return list(bytes.fromhex(name[1:]))


def explanation(
    pixels: list[list[tuple[int, int]]], height: int = 32, width: int = 32
) -> Explanation:
    """One set for each list of (row, column)."""
    count = len(pixels)
    masks = torch.zeros(count, 3, height, width, dtype=torch.bool)
    for k, places in enumerate(pixels):
        for row, column in places:
            masks[k, :, row, column] = True
    saliency = masks.any(dim=0).any(dim=0).float()
    return Explanation(
        masks=masks,
        scores=torch.arange(count, 0, -1).float(),
        saliency=saliency,
        target=7,
        seeds=torch.tensor([(0, *p[0]) for p in pixels], dtype=torch.int64).reshape(-1, 3),
        segments=(torch.arange(width) >= width // 2).long().expand(height, width).clone(),
        attribution=saliency.expand(3, -1, -1),
        shares=torch.full((count,), 0.1),
        quantiles=torch.linspace(0, 1, 5).expand(count, 5),
        against=torch.zeros(count),
        rows=torch.ones(count, dtype=torch.int64),
        image=torch.full((height, width, 3), 128, dtype=torch.uint8),
        # Class 7 of 8 has probability 0.934.
        logits=torch.tensor([2.0 - math.log(7 * 0.934 / 0.066)] * 7 + [2.0]),
        baseline_logit=0.0,
        completeness_gap=0.0,
    )


def texts(figure: Any) -> list[str]:
    found = [t.get_text() for t in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(loc="left"), *(t.get_text() for t in axes.texts)]
    for legend in figure.legends:
        found += [t.get_text() for t in legend.get_texts()]
    return found


@pytest.mark.parametrize("side", [32, 224, 1024, 1500])
def test_a_single_pixel_shows_as_a_dot_of_half_to_two_percent(side: int) -> None:
    layers = Layers(explanation([[(side // 3, side // 2)]], side, side))
    shown = layers.set(0)[..., 3] > 0
    rows, columns = shown.nonzero()
    height = shown.shape[0]
    smallest = max(0.005, 1 / side)
    assert smallest <= np.ptp(rows) / height + 1 / height <= max(0.02, 1.6 / side)
    assert rows.mean() / height == pytest.approx((side // 3 + 0.5) / side, abs=0.01)
    assert columns.mean() / height == pytest.approx((side // 2 + 0.5) / side, abs=0.01)
    assert (layers.set(0)[shown][:, :3] == rgb(COLOURS[0])).all()


def test_enlarging_a_pixel_never_covers_a_pixel_of_another_set() -> None:
    layers = Layers(explanation([[(8, 8)], [(8, 9)]], 256, 256))
    for k, place in ((0, (8, 8)), (1, (8, 9))):
        y, x = 2 * place[0], 2 * place[1]
        assert layers.set(k)[y : y + 2, x : x + 2, 3].all()
        assert not layers.set(1 - k)[y : y + 2, x : x + 2, 3].any()


def test_a_pixel_in_two_sets_shows_in_both() -> None:
    layers = Layers(explanation([[(4, 4)], [(4, 4)]]))
    assert layers.set(0)[4 * 16, 4 * 16, 3] == 255
    assert layers.set(1)[4 * 16, 4 * 16, 3] == 255


def test_the_prior_shows_its_one_border_and_saliency_only_the_sets_places() -> None:
    layers = Layers(explanation([[(16, 4)]]))
    assert (layers.borders[..., 3].any(axis=0).nonzero()[0] == [256]).all()
    painted = layers.saliency[..., 3] > 0
    assert painted[16 * 16 + 8, 4 * 16 + 8]
    assert not painted[:, 256:].any()


def test_labels_of_neighbouring_sets_do_not_cover_each_other() -> None:
    block = [(r, c) for r in range(10, 14) for c in range(10, 14)]
    anchors = Layers(explanation([block, block, block])).anchors()
    for i, (x, y) in enumerate(anchors):
        for other_x, other_y in anchors[:i]:
            assert np.hypot(x - other_x, y - other_y) > 0.08


def test_the_first_colours_stay_apart_with_every_colour_blindness() -> None:
    linear = (np.array([rgb(c) for c in COLOURS[:5]]) / 255) ** 2.2
    for name, matrix in BLINDNESS.items():
        seen = np.clip(linear @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        lab = rgb2lab(seen[None])[0]
        distances = np.linalg.norm(lab[:, None] - lab[None], axis=2)[np.triu_indices(5, 1)]
        assert distances.min() > 15, name
    assert colour(0) == colour(len(COLOURS))


def test_the_figure_says_what_was_decided_and_how_strong_the_sets_are() -> None:
    said = texts(draw(explanation([[(4, 4)], [(20, 20)]])))
    assert {"class 7", "1", "2"} <= set(said)
    assert "probability 93 %, logit 2.00" in said
    assert [s for s in said if "score" in s] == ["1   score 2", "2   score 1"]


def test_without_sets_the_figure_says_so() -> None:
    said = " ".join(texts(draw(explanation([]))))
    assert "No feature speaks for this class" in said
    assert len(png_bytes(draw(explanation([])))) > 1000


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (3, 2000), (1200, 2), (64, 90)])
def test_any_shape_makes_a_figure_of_reasonable_size(height: int, width: int) -> None:
    png = png_bytes(draw(explanation([[(0, 0)]], height, width)))
    drawn = Image.open(io.BytesIO(png)).size
    assert 300 < min(drawn) <= max(drawn) < 2500


@pytest.mark.filterwarnings("error")
def test_a_title_is_taken_literally() -> None:
    for title in ("$\\frac{", "写真.png" + "x" * 500):
        assert len(png_bytes(draw(explanation([[(4, 4)]]), title))) > 1000
    assert texts(draw(explanation([]), "$x$"))[0] == "$x$"


def test_the_same_explanation_gives_the_same_bytes_and_no_global_figure() -> None:
    shown = explanation([[(4, 4)]])
    assert png_bytes(draw(shown)) == png_bytes(draw(shown))
    assert inline_png(draw(shown)).startswith("data:image/png;base64,")
    assert not Gcf.get_all_fig_managers()


def test_percentages_read_well() -> None:
    shares = {0.0: "0.0 %", 0.005: "0.5 %", 0.42: "42 %", 0.9934: "99.3 %", 1.0: "100 %"}
    assert {share: percent(share) for share in shares} == shares
