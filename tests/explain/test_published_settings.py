"""The published settings of H-Sets on a real photo, looked at without any metric."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch import Tensor

from interlock import HSets
from interlock.data import read_image
from interlock.explain.peers import make_peer
from interlock.models import load_classifier


@pytest.mark.slow
def test_rows_mark_few_pixels_and_the_class_does_not_need_them(shared: Path) -> None:
    """With rows limited, a low ROAD of the published settings is the map's, not the metric's.

    The marked pixels turn grey: the logit falls little, where as many of Integrated Gradients'
    strongest pixels take away much more of it.
    """
    classifier = load_classifier(str(shared / "models" / "mobilenet_v1_0.75_224"), whole=True)
    photos = shared / "data" / "imagenet_cc"
    with (photos / "labels.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[1]
    x, target = classifier.preprocess(read_image(photos / row["file"])), int(row["label"])

    def logit(image: Tensor) -> float:
        with torch.no_grad():
            return float(classifier.model(image[None])[0, target])

    marked = HSets.paper(classifier.model, max_rows=30).explain(x, target).saliency != 0
    count = int(marked.sum())
    assert 20 < count < 0.01 * marked.numel()
    gradients = make_peer("ig-positive", classifier.model).saliency(x, target).flatten()
    strongest = torch.zeros(marked.numel(), dtype=torch.bool)
    strongest[gradients.topk(count).indices] = True
    fall = {
        name: logit(x) - logit(torch.where(pixels, 0.0, x))
        for name, pixels in (("rows", marked), ("ig", strongest.view_as(marked)))
    }
    assert fall["ig"] > 2 * fall["rows"]
