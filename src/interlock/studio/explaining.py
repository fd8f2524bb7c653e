"""The photo tab: what acts together, and the answer without some of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from interlock import HSets
from interlock.errors import OptionError
from interlock.explain import Explanation, take_away
from interlock.explain.drawing.layers import Layers, colour
from interlock.explain.drawing.relations import scattered_sentence, sentences
from interlock.report.page import data_uri
from interlock.report.relations_graph import relations_graph
from interlock.studio.board import Part
from interlock.studio.jobs import Job
from interlock.studio.scene import Scene

COARSE = 0.35
"""Pixels by which an outline may leave the true one: what the eye does not see at this size."""


def explain(scene: Scene, target: int | None, seed: int, job: Job) -> Explanation:
    """Explain a photo, step by step.

    Args:
        scene: the photo before the model.
        target: class; None for the model's answer.
        seed: the same gives the same.
        job: told how far it is; stops it between two batches.

    Raises:
        InterlockError: the model cannot be explained.
    """
    share, model = 0.0, scene.classifier.model

    def stage(done: float) -> None:
        nonlocal share
        share = done
        job.tell(done)

    with job.watching(model, lambda n: job.tell(share, f"{n} images asked")):
        made: Explanation = HSets(model, seed=seed).explain(scene.x, target, told=stage)
    return made


def explanation_part(explanation: Explanation, scene: Scene) -> Part:
    """What the page draws: outlines over the photo, a sentence for each set, and the graph."""
    layers = Layers(explanation)
    label = scene.classifier.label(explanation.target)
    said, anchors = sentences(explanation, label), layers.anchors()
    return {
        "target": explanation.target,
        "label": label,
        "probability": explanation.probability,
        "own": explanation.is_answer,
        "sets": [
            {
                "rank": k + 1,
                "colour": colour(k),
                "sentence": said[k],
                "outline": outline(explanation.regions[k]),
                "at": anchors[k],
                "without": _finite(explanation.without[k]),
                "drop": _finite(explanation.drops[k]),
            }
            for k in range(len(explanation))
        ],
        "graph": relations_graph(explanation),
        "scattered": scattered_sentence(explanation),
        "map": data_uri(_picture(layers.saliency)),
        "dimmed": data_uri(_picture(layers.dimmed), "jpeg", quality=85),
    }


def removed_part(explanation: Explanation, scene: Scene, ranks: Collection[int]) -> Part:
    """The photo without some sets' regions, and what the model answers to it.

    Args:
        explanation: of the scene.
        scene: the photo before the model.
        ranks: of the sets, from 1.

    Raises:
        OptionError: there is no such set.
        ModelError: the model fails.
    """
    if not all(1 <= rank <= len(explanation) for rank in ranks):
        raise OptionError(f"regions={sorted(ranks)}: this photo has {len(explanation)}, from 1")
    x, now = scene.x, scene.before
    if ranks:
        region = explanation.regions[[rank - 1 for rank in ranks]].any(dim=0)
        x = take_away(scene.x, region)
        now = scene.shares(x)
    return {
        "regions": sorted(ranks),
        "picture": scene.picture(x),
        "answers": scene.beside(now),
        "label": scene.classifier.label(int(now.argmax())),
        "was": scene.own,
    }


def outline(region: Tensor) -> str:
    """(H, W) bool -> the borders of its parts as the path of an SVG, in pixels.

    Holes are borders too; the rule ``evenodd`` leaves them out.
    """
    from skimage.measure import approximate_polygon, find_contours

    padded = np.pad(region.numpy().astype(np.float64), 1)
    lines: Sequence[NDArray[Any]] = find_contours(padded, 0.5)
    rings = [approximate_polygon(line, COARSE) - 0.5 for line in lines]  # to pixels' corners
    return " ".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for y, x in ring[:-1]) + "Z" for ring in rings
    )


def _finite(value: Tensor) -> float | None:
    return float(value) if torch.isfinite(value) else None


def _picture(layer: NDArray[np.uint8]) -> Any:
    from PIL import Image

    return Image.fromarray(layer)
