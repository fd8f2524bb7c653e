"""The certified answer to one photo of ``interlock demo``, with its map of safe places."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from interlock.cli.bench import Bench
from interlock.cli.defend.safe_map import safe_map
from interlock.defend import CertifiedShield, ConceptShield
from interlock.report import Chapter, Exhibit, exhibits_chapter

AREA = 0.02
"""Share of the photo that the patch may cover."""
TITLE = "Where a patch can do no harm"


def assured_chapter(
    bench: Bench, shield: ConceptShield, name: str, x: Tensor
) -> tuple[Chapter, dict[str, Any]]:
    """What is guaranteed of a photo, and what a record keeps of it.

    Args:
        bench: with the classifier.
        shield: fitted to it; its evidence says what is asked first.
        name: of the photo.
        x: (C, H, W), as the model takes it.
    """
    safe = CertifiedShield(bench.model, area=AREA, shield=shield)
    verdict = safe.verdict(x[None])
    label, assured = int(verdict.labels), bool(verdict.assured)
    picture, share = safe_map(bench.classifier, safe, x, label)
    if assured:
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
        f"The model was asked with parts of the photo hidden, {int(verdict.passes)} times, so that "
        "any patch of that size was hidden in some of them; the rule that reads the answers is "
        "proven."
    )
    record = {
        "label": bench.label(label),
        "area": AREA,
        "assured": assured,
        "safe_places": share,
        "passes": int(verdict.passes),
        "sentence": said,
    }
    return exhibits_chapter([Exhibit(f"{said} {note}", picture)], TITLE, "one photo"), record
