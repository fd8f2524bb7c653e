"""Where on a photo a patch can do no harm: the picture behind what is proven."""

from __future__ import annotations

import torch

from interlock.cli.bench import Bench
from interlock.cli.choices import model_at_work
from interlock.cli.defend.safe_map import safe_map
from interlock.cli.inputs import Photo
from interlock.cli.terminal import one_line
from interlock.defend import CertifiedShield, ConceptShield
from interlock.report import Chapter, Exhibit, exhibits_chapter

AREA = 0.02
"""Share of the photo that a patch may cover."""
TITLE = "Where a patch can do no harm"


def assured_chapter(
    bench: Bench, shield: ConceptShield | None, photo: Photo
) -> tuple[Chapter, float]:
    """The map of one photo's answer, and the share of places that are safe.

    Args:
        bench: with the classifier.
        shield: fitted to it; its evidence says what is asked first.
        photo: to draw it on.
    """
    x, name = bench.read(photo.path), one_line(photo.path.name)
    safe = CertifiedShield(bench.model, area=AREA, shield=shield)
    with model_at_work():
        with torch.no_grad():
            label = int(bench.logits(x[None]).argmax())
        picture, share = safe_map(bench.classifier, safe, x, label)
    if share == 1:
        said = (
            f"{name}: {bench.label(label)}, assured. Whatever one square patch of up to "
            f"{AREA:.0%} of this photo shows, wherever it lies, the answer stays."
        )
    else:
        said = (
            f"{name}: {bench.label(label)}, not assured. A square patch of up to {AREA:.0%} of "
            f"this photo changes nothing in {share:.0%} of the places; in those in magenta it may."
        )
    note = (
        "The model was asked with parts of the photo hidden, so that any patch of that size was "
        "hidden in some of them; the rule that reads the answers is proven."
    )
    return exhibits_chapter([Exhibit(f"{said} {note}", picture)], TITLE, "one photo"), share
