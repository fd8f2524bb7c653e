"""The chapters about the shield."""

from __future__ import annotations

from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from interlock.defend import Inspection, StrongestSet
from interlock.defend.figure import ConceptView, Example
from interlock.report import (
    Before,
    CasePicture,
    Chapter,
    ShareRow,
    ShareTable,
    cases_chapters,
    concepts_chapter,
    evaluation_chapter,
    render_page,
    shield_chapter,
)
from tests.report.test_report import HOSTILE, Outline

LABELS = ["cup", "watch", HOSTILE]
MASK = torch.zeros(32, 32, dtype=torch.bool)
MASK[4:12, 6:14] = True


def label(k: int) -> str:
    return LABELS[k]


def to_pil(x: Tensor) -> Image.Image:
    return Image.new("RGB", (x.shape[-1], x.shape[-2]), (90, 120, 150))


INSPECTION = Inspection(
    label=0,
    undefended=2,
    tampered=True,
    score=1.5,
    mask=MASK,
    foreignness=1 + MASK.float(),
    votes=(0, 1),
    concepts=torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0)),
    importances=torch.tensor([0.5, -1.0, 2.0]),
    exact=True,
    passes=4,
)


def chapter(inspection: Inspection, before: bool = False) -> Chapter:
    x = torch.zeros(3, 32, 32)
    return shield_chapter(
        inspection,
        title=HOSTILE,
        anchor="one",
        photo=to_pil(x),
        seen=to_pil(x),
        undefended=(label(inspection.undefended), 0.9),
        defended=(label(inspection.label), 0.8),
        label=label,
        before=Before(x, ("cup", 0.99), MASK) if before else None,
        to_pil=to_pil,
        note=HOSTILE,
        downloads=[HOSTILE],
    )


def test_a_page_of_all_chapters_is_whole_and_fetches_nothing() -> None:
    example = Example(torch.zeros(3, 32, 32), torch.rand(4, 4), (0, 0, 14, 14))
    x = torch.zeros(3, 32, 32)
    case = CasePicture("lost", HOSTILE, f"{HOSTILE}, 2 %", x, MASK, MASK, 0, 2, 1)
    shares = ((0.75, 0.30064, 0.95442),)
    rows = (ShareRow("shield", shares, (1.0,)), ShareRow(HOSTILE, shares))
    evaluation = [ShareTable("clean", (None,), rows), ShareTable("patch", (0.02,), rows)]
    page = render_page(
        "All",
        [
            chapter(INSPECTION, before=True),
            concepts_chapter(
                [ConceptView(1, 0.4, (example,), ((2, 1.5),), linear=True)],
                layer=HOSTILE, images=1, to_pil=to_pil, label=label,
            ),
            evaluation_chapter(evaluation, {"patch": HOSTILE}, images=4, summary=HOSTILE),
            *cases_chapters([case], to_pil=to_pil, label=label),
        ],
    )  # fmt: skip
    outline = Outline(page)
    assert outline.open == []
    assert len(outline.all("script")) == 1
    assert not [a for _, a in outline.elements if any(k.startswith("on") for k in a)]
    assert all((a["src"] or "").startswith("data:image/") for a in outline.all("img"))
    assert [a["id"] for a in outline.all("section")] == ["one", "concepts", "accuracy", "lost"]
    assert "75.0 %" in page
    assert "30.1–95.4" in page  # Wilson's interval of 3 in 4


def test_the_steps_are_told_in_order_and_only_concepts_that_speak_for_the_answer() -> None:
    body = str(chapter(replace(INSPECTION, undefended=1), before=True).body)
    names = ["The photo", "With a patch", "What is foreign", "The mask", "What the model sees"]
    places = [body.index(f"<strong>{name}<") for name in names]
    assert places == sorted(places)
    assert "watch 90 % becomes cup 80 %" in body
    assert "Concepts that speak for watch" in body
    assert body.index("<strong>concept 3<") < body.index("<strong>concept 1<")
    assert "<strong>concept 2<" not in body
    assert "the model says cup, in the second view watch." in body


def test_what_the_answer_rests_on_is_a_step_of_its_own() -> None:
    found = StrongestSet(MASK, share=0.62, under_mask=0.9, without=0.03)
    body = str(chapter(replace(INSPECTION, strongest=found)).body)
    assert body.index("What is foreign") < body.index("What the answer rests on")
    assert body.index("What the answer rests on") < body.index("<strong>The mask<")
    said = "62 % of the evidence; without it &#34;&gt;&lt;script"
    assert said in body
    assert "from 90 % to 3.0 %; 90 % of it is under the mask" in body
    elsewhere = replace(found, under_mask=0.0, without=float("nan"))
    body = str(chapter(replace(INSPECTION, strongest=elsewhere)).body)
    assert ">62 % of the evidence<" in body


def test_unsigned_importances_are_not_said_to_speak_for_an_answer() -> None:
    body = str(chapter(replace(INSPECTION, undefended=0, exact=False)).body)
    assert "Concepts that sway cup" in body
    assert "speak for" not in body


def test_an_image_that_is_not_masked_says_so() -> None:
    clean = replace(
        INSPECTION, tampered=False, label=2, votes=(), mask=torch.zeros_like(MASK), passes=1
    )
    body = chapter(clean).body
    assert "Nothing is masked" in body
    assert "What the model sees" not in body
    assert "1 forward pass." in body


def test_no_chapter_for_what_did_not_happen() -> None:
    assert cases_chapters([], to_pil=to_pil, label=label) == []


def test_what_was_seen_under_a_mask_is_told_though_it_did_not_decide() -> None:
    kept = chapter(replace(INSPECTION, label=2, undefended=2, votes=(0, 0)))
    body = str(kept.body)
    assert "looks like cup<" in body
    assert "Masked, and nothing else is sure enough: the answer stays" in body
    agreed = str(chapter(replace(INSPECTION, label=2, undefended=2, votes=(2, 2))).body)
    assert "looks like" not in agreed
    assert "Masked, and the answer stays" in agreed
