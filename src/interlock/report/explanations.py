"""The chapter that shows one explained image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from interlock.explain import Explanation
from interlock.explain.drawing.layers import Layers, Picture, colour
from interlock.explain.drawing.relations import (
    is_measured,
    percent,
    scattered_sentence,
    sentences,
)
from interlock.report.page import Chapter, data_uri, render_template, thumbnail
from interlock.report.relations_graph import relations_graph

_SPREAD_WIDTH = 84  # of the little box plot, in CSS pixels
_VIEWS = (("sets", "Regions"), ("saliency", "Map"), ("prior", "Prior"), ("photo", "Photo"))


def explanation_chapter(
    explanation: Explanation,
    *,
    title: str,
    anchor: str,
    label: str | None = None,
    ranking: Sequence[tuple[str, float]] = (),
    downloads: Sequence[str] = (),
) -> Chapter:
    """Show one explanation: the picture in layers, a row for each set, and how it was made.

    Args:
        explanation: what to show.
        title: usually the file's name; plain text.
        anchor: id of the chapter on the page.
        label: name of the explained class.
        ranking: (label, probability) of the model's first answers, most probable first.
        downloads: names of files beside the page to link to.
    """
    label = f"class {explanation.target}" if label is None else label
    layers = Layers(explanation)
    photo = layers.photo
    answered = not ranking or ranking[0][0] == label
    summary = f"{label} {percent(explanation.probability)}"
    body = render_template(
        "explanation.html",
        title=title,
        anchor=anchor,
        label=label,
        probability=percent(explanation.probability),
        instead="" if answered else _answer(*ranking[0]),
        runners_up=[_answer(*one) for one in ranking[1:3]] if answered else [],
        views=_VIEWS,
        ratio=min(max(photo.shape[1] / photo.shape[0], 0.125), 8.0),
        alt=f"{title}: explained as {summary}",
        photo=data_uri(Image.fromarray(photo), "jpeg", quality=90),
        prior=data_uri(_two_colours(layers.borders), "png"),
        saliency=data_uri(Image.fromarray(layers.saliency), "webp", quality=80),
        sets=_rows(explanation, layers, label),
        dusty=layers.dusty,
        measured=is_measured(explanation),
        scattered=scattered_sentence(explanation),
        graph=relations_graph(explanation),
        details=_details(explanation),
        downloads=[(f"./{quote(name)}", name) for name in downloads],
    )
    return Chapter(title, anchor, body, summary, thumbnail(Image.fromarray(photo)))


def _answer(label: str, probability: float) -> str:
    return f"{label} {percent(probability)}"


def _rows(explanation: Explanation, layers: Layers, label: str) -> list[dict[str, Any]]:
    anchors = layers.anchors()
    low, high = _limits(explanation)
    said = sentences(explanation, label)
    rows = []
    for k, facts in enumerate(explanation.to_dict()["sets"]):
        quantiles = list(facts["dividend_quantiles"].values())
        top, left, bottom, right = facts["box"]
        rows.append(
            {
                "rank": facts["rank"],
                "colour": colour(k),
                "sentence": said[k].replace(" %", "\u00a0%"),
                "picture": _part_uri(layers, k),
                "drop": _signed(facts["drop"]),
                "without": _shown(facts["probability_without"]),
                "area": percent(facts["area"]),
                "x": 100 * min(max(anchors[k][0], 0.03), 0.97),
                "y": 100 * min(max(anchors[k][1], 0.03), 0.97),
                "score": f"{facts['score']:.3g}",
                "against": f"{facts['against']:.3g}",
                "share": percent(facts["share"]),
                "pixels": facts["pixels"],
                "box": f"{top}–{bottom} × {left}–{right}",
                "seed": ", ".join(map(str, facts["seed"])),
                "rows": facts["hessian_rows"],
                "spread": [f"{_SPREAD_WIDTH * (q - low) / (high - low):.1f}" for q in quantiles],
                "spread_text": "min, quartiles, max: " + ", ".join(f"{q:.3g}" for q in quantiles),
            }
        )
    return rows


def _part_uri(layers: Layers, k: int) -> str:
    if layers.dusty:
        return data_uri(_two_colours(layers.part(k)), "png")
    return data_uri(Image.fromarray(layers.part(k)), "webp", quality=80)


def _signed(logits: float | None) -> str:
    return "not measured" if logits is None else f"{logits:+.3g}"


def _shown(probability: float | None) -> str:
    return "not measured" if probability is None else percent(probability)


def _limits(explanation: Explanation) -> tuple[float, float]:
    """The range of all sets' dividends, so that the little box plots share one axis."""
    if len(explanation) == 0:
        return 0.0, 1.0
    low, high = float(explanation.quantiles.min()), float(explanation.quantiles.max())
    return low, high if high > low else low + 1.0


def _details(explanation: Explanation) -> list[tuple[str, Mapping[str, str]]]:
    seconds = {name: f"{value:.2f}" for name, value in explanation.seconds.items()}
    if seconds:
        seconds["in all"] = f"{sum(explanation.seconds.values()):.2f}"
    height, width = explanation.saliency.shape
    decision = {
        "logit": f"{explanation.logit:.4g}",
        "logit of the baseline": f"{explanation.baseline_logit:.4g}",
        "completeness gap": f"{explanation.completeness_gap:.2g}",
        "input": f"{width} × {height} pixels",
    }
    return [
        ("Decision", decision),
        ("Parameters", {name: str(value) for name, value in explanation.parameters.items()}),
        ("Versions", dict(explanation.versions)),
        ("Seconds", seconds),
    ]


def _two_colours(layer: Picture) -> Image.Image:
    """A layer of one colour as a palette image, ten times smaller than RGBA."""
    shown = layer[..., 3] > 0
    image = Image.fromarray(shown.astype(np.uint8))
    inked = layer[shown][0, :3].tolist() if shown.any() else [0, 0, 0]
    image.putpalette([0, 0, 0, *inked])
    image.info["transparency"] = 0
    return image
