"""What several explanations have in common: of one class, and of one photo by two models."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from interlock.explain.several import agreement, summarise_class
from interlock.report import class_chapter, explanation_chapter, pair_chapter
from tests.explain.test_relations import measured


def at(rows: slice, columns: slice, **changes):
    """One region of a photo, without which 93 % falls to 20 %."""
    one = measured([2.0], [0.2], **changes)
    regions = torch.zeros(1, 32, 32, dtype=torch.bool)
    regions[0, rows, columns] = True
    return replace(one, regions=regions)


def test_a_class_is_carried_by_the_regions_that_its_photos_need():
    middle = at(slice(8, 24), slice(8, 24))
    border = at(slice(0, 3), slice(0, 32))
    weak = measured([0.5, 0.4], [0.8, 0.85])
    nothing = measured([-0.1, 0.0], [0.94, 0.93])
    summary = summarise_class([weak, middle, nothing, border])
    assert summary.photos == 4
    assert summary.carried == 2  # weak keeps 80 of 93 %, and nothing loses nothing
    assert {lead.photo for lead in summary.leads} == {0, 1, 3}
    assert [lead.photo for lead in summary.leads][-1] == 0  # the cheapest
    assert [lead.photo for lead in summary.at_the_edge] == [3]
    edges = {lead.photo: lead.edge for lead in summary.leads}
    assert edges[1] == 0
    assert edges[3] == 1
    # A quarter of the photo that touches two sides: 7 / 16 of it lies in the outer eighth.
    assert edges[0] == pytest.approx(7 / 16)


def test_the_map_of_needed_places_weighs_photos_alike():
    cheap = at(slice(8, 24), slice(8, 24))
    dear = replace(cheap, drops=torch.tensor([200.0]))
    for one in (cheap, dear):
        needed = summarise_class([one]).needed
        assert needed.max() == 1
        assert needed[24, 24] == 1
        assert needed[0, 0] == 0
    both = measured([3.0, 1.0], [0.2, 0.5])
    needed = summarise_class([both]).needed
    assert needed[10, 10] == pytest.approx(0.75)
    assert needed[10, 40] == pytest.approx(0.25)
    none = measured([-1.0], [0.95])
    assert summarise_class([none, none]).needed.max() == 0


def test_two_models_agree_on_a_photo_where_they_need_the_same():
    one = at(slice(8, 24), slice(8, 24))
    assert agreement(one, one).regions == 1
    assert agreement(one, one).maps == pytest.approx(1)
    half = at(slice(8, 24), slice(16, 24))
    assert agreement(one, half).regions == pytest.approx(0.5)
    apart = at(slice(0, 4), slice(0, 4))
    assert agreement(one, apart).regions == 0
    assert agreement(one, measured([-1.0], [0.95])).regions != agreement(one, one).regions
    elsewhere = replace(one, saliency=one.saliency.roll(16, dims=0))
    assert agreement(one, elsewhere).maps == 0
    # Twice as many pixels of the same photo.
    large = replace(
        one,
        regions=one.regions.repeat_interleave(2, 1).repeat_interleave(2, 2),
        saliency=one.saliency.repeat_interleave(2, 0).repeat_interleave(2, 1),
    )
    assert agreement(one, large).regions == 1
    assert agreement(one, large).maps == pytest.approx(1)


def test_the_chapters_name_the_photos_that_are_unlike_the_others():
    photos = [at(slice(8, 24), slice(8, 24)), at(slice(0, 3), slice(0, 32)), measured([-1.0], [1])]
    links = [("a <b>.jpg", "image-1"), ("frame.jpg", "image-2"), ("none.jpg", "image-3")]
    body = class_chapter("cup & saucer", photos, links).body
    assert "In 2 of 3 photos one region carries the decision" in body
    assert "cup &amp; saucer" in body
    assert "<b>" not in body
    edge = body[body.index("Unlike the others") :]
    assert edge.index("frame.jpg") < edge.index("No single region") < edge.index("none.jpg")
    chapters = tuple(
        explanation_chapter(one, title="a.jpg", anchor=f"a-{k}", label="cup")
        for k, one in enumerate(photos[:2])
    )
    pair = pair_chapter("a.jpg", "a-pair", ("one <i>", "two"), chapters, tuple(photos[:2]))
    assert "one &lt;i&gt;" in pair.body
    assert pair.body.count("data-explanation") == 2
    assert 'name="a-0-view"' in pair.body
    assert 'name="a-1-view"' in pair.body
