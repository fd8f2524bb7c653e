"""Chapters on several explanations: one class in many photos, and one photo by two models."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from interlock._pictures import heat_overlay
from interlock.explain.drawing.relations import percent
from interlock.explain.explanation import Explanation
from interlock.explain.several import AT_THE_EDGE, ClassSummary, agreement, summarise_class
from interlock.report.page import Chapter, data_uri, render_template

SHOWN = 12
"""Most regions of a class that are drawn."""
SIDE = 112
"""Of a thumbnail, in pixels."""
DIMMED = 0.25
"""Of the photo's light that is left outside a region."""


def class_chapter(
    label: str, explanations: Sequence[Explanation], links: Sequence[tuple[str, str]]
) -> Chapter:
    """Which regions carry a class, how often, and which photos are unlike the others.

    Args:
        label: of the class.
        explanations: of photos of that class.
        links: (title, anchor) of the chapter of each.
    """
    summary = summarise_class(explanations)
    body = render_template(
        "explained_class.html",
        label=label,
        sentences=_sentences(label, summary, explanations, links),
        places=data_uri(_places(summary, explanations), "jpeg", quality=85),
        thumbnails=[
            {
                "uri": data_uri(
                    region_picture(explanations[lead.photo], lead.rank), "jpeg", quality=85
                ),
                "title": links[lead.photo][0],
                "anchor": links[lead.photo][1],
                "text": f"{percent(lead.before)} → {percent(lead.after)}",
                "edge": lead.at_the_edge,
            }
            for lead in summary.leads[:SHOWN]
        ],
        hidden=max(0, len(summary.leads) - SHOWN),
    )
    anchor = f"class-{explanations[0].target}"
    return Chapter(f"{label} in {len(explanations)} photos", anchor, body, "summary")


def pair_chapter(
    title: str,
    anchor: str,
    models: tuple[str, str],
    chapters: tuple[Chapter, Chapter],
    explanations: tuple[Explanation, Explanation],
) -> Chapter:
    """One photo as two models see it, side by side.

    Args:
        title: of the photo.
        anchor: of the chapter.
        models: their names.
        chapters: what ``explanation_chapter`` made of each, with anchors of their own.
        explanations: of the same.
    """
    alike = agreement(*explanations)
    both = zip(models, chapters, strict=True)
    body = render_template(
        "explained_pair.html",
        sentence=_alike(alike.regions, alike.maps, explanations),
        sides=[{"model": model, "body": chapter.body} for model, chapter in both],
    )
    summary = " · ".join(chapter.summary for chapter in chapters)
    return Chapter(title, anchor, body, summary, chapters[0].thumbnail)


def _alike(regions: float, maps: float, explanations: tuple[Explanation, Explanation]) -> str:
    first, second = (one.label or f"class {one.target}" for one in explanations)
    said = f"Both say {first}." if first == second else f"One says {first}, the other {second}."
    if not math.isnan(regions):
        said += f" The regions that cost them most share {percent(regions)} of their pixels."
    return (
        f"{said} {percent(maps)} of the evidence lies in the same places of what each model is "
        "shown."
    )


def _sentences(
    label: str,
    summary: ClassSummary,
    explanations: Sequence[Explanation],
    links: Sequence[tuple[str, str]],
) -> list[dict[str, object]]:
    """Plain sentences, each with links to the photos that it is about."""
    said: list[dict[str, object]] = [
        {
            "text": f"In {summary.carried} of {summary.photos} photos one region carries the "
            f"decision: without it {label} keeps less than half of its probability.",
            "links": [],
        }
    ]
    if summary.at_the_edge:
        said.append(
            {
                "text": f"Unlike the others: the region that costs most lies at the photo's edge "
                f"(at least {AT_THE_EDGE:.0%} of it in the outer eighth), where a border, a "
                "caption or the background is:",
                "links": [links[lead.photo] for lead in summary.at_the_edge],
            }
        )
    without = [k for k in range(summary.photos) if k not in {lead.photo for lead in summary.leads}]
    if without:
        said.append(
            {
                "text": "No single region costs anything:",
                "links": [links[k] for k in without],
            }
        )
    other = [k for k, one in enumerate(explanations) if not one.is_answer]
    if other:
        said.append(
            {"text": f"The model's own answer is not {label}:", "links": [links[k] for k in other]}
        )
    return said


def _places(summary: ClassSummary, explanations: Sequence[Explanation]) -> Image.Image:
    """Where the needed regions lie, over the mean of the photos."""
    squares = [
        np.asarray(Image.fromarray(one.image.numpy()).resize((224, 224)), np.float32)
        for one in explanations
    ]
    mean = Image.fromarray(np.mean(squares, axis=0).round().astype(np.uint8))
    return heat_overlay(mean, summary.needed, 0.0, max(float(summary.needed.max()), 1e-6))


def region_picture(explanation: Explanation, rank: int, side: int = SIDE) -> Image.Image:
    """A region in its colours, the rest of the photo dimmed; ``side`` pixels at most."""
    photo = explanation.image.float()
    region = explanation.regions[rank].float()[..., None]
    shown = photo * torch.where(region > 0, torch.ones(1), torch.full((1,), DIMMED))
    picture = Image.fromarray(shown.round().to(torch.uint8).numpy())
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)
