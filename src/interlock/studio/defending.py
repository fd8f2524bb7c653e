"""What the defences say of the picture as it is: the fast shield's answer, the certified one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from interlock._pictures import mask_overlay
from interlock.data.sources.package_photos import PackagePhotos
from interlock.defend import CertifiedShield, ConceptShield
from interlock.defend.certified.cover import patch_boxes
from interlock.models import Classifier
from interlock.report.page import data_uri
from interlock.studio.board import Part
from interlock.studio.jobs import Job
from interlock.studio.scene import Scene

CROPS, BATCH = 128, 16
"""Clean crops that a shield is fitted to, and how many at a time."""
HELD_OUT = 0.7
"""Share of the time of fitting that is over when all crops were seen."""


def fit_shield(classifier: Classifier, seed: int, job: Job) -> ConceptShield:
    """Fit a shield to crops of the photos that come along, for there are no others.

    Args:
        classifier: to be shielded.
        seed: the same gives the same.
        job: told how far it is; stops it between two batches.
    """
    job.tell(0.0, f"fitting to {CROPS} clean crops")
    with job.watching(classifier.model):
        return ConceptShield.fit(classifier.model, _crops(classifier, job), seed=seed)


def shield_part(shield: ConceptShield, scene: Scene, x: Tensor, patched: bool) -> Part:
    """What the shield sees in a picture, and answers.

    Args:
        shield: of the scene's model.
        scene: the photo before the model.
        x: (C, H, W): with or without a patch.
        patched: which.
    """
    seen = shield.inspect(x)
    picture = mask_overlay(scene.classifier.to_pil(x), seen.mask)
    return {
        "patched": patched,
        "own": scene.own,
        "label": scene.classifier.label(seen.label),
        "undefended": scene.classifier.label(seen.undefended),
        "tampered": seen.tampered,
        "score": seen.score,
        "hidden": float(seen.mask.float().mean()),
        "votes": [scene.classifier.label(vote) for vote in seen.votes],
        "passes": seen.passes,
        "picture": data_uri(picture),
    }


def certify(
    scene: Scene, x: Tensor, side: int, area: float, shield: ConceptShield | None, job: Job
) -> Part:
    """The certified answer to a picture, and the map of places where a patch can do no harm.

    Args:
        scene: the photo before the model.
        x: (C, H, W): with or without a patch.
        side: of the patch in it, in pixels; 0 where there is none.
        area: share of the photo that an attacker is taken to own.
        shield: answers where no row of masks is constant, if there is one.
        job: told how far it is; stops it between two batches.

    Raises:
        InterlockError: a patch of that size does not fit, or the model cannot be asked so.
    """
    model = scene.classifier.model
    # Small batches, for between two of them it can be stopped.
    safe = CertifiedShield(model, area=area, shield=shield, batch_size=BATCH)
    ((covered, _),) = patch_boxes(area, *x.shape[1:])
    masks = len(safe.mask_set(*x.shape[1:]))
    most = masks * (masks + 1) / 2

    def told(count: int) -> None:
        job.tell(count / (2 * most), f"asked {count} times with parts hidden")

    with job.watching(model, told):
        verdict = safe.verdict(x[None])
        label = int(verdict.labels)
        places = safe.safe_places(x, label)
    overlay = mask_overlay(scene.classifier.to_pil(x), ~places.cpu())
    return {
        "patched": side > 0,
        "beyond": side > covered,
        "own": scene.own,
        "area": area,
        "label": scene.classifier.label(label),
        "undefended": scene.classifier.label(int(scene.logits(x).argmax())),
        "assured": bool(verdict.assured),
        "alarm": bool(verdict.alarm),
        "decided": bool(verdict.decided),
        "passes": int(verdict.passes),
        "safe": float(places.float().mean()),
        "picture": data_uri(overlay),
    }


def _crops(classifier: Classifier, job: Job) -> Iterator[Tensor]:
    """(N, C, H, W) each."""
    device = next((p.device for p in classifier.model.parameters()), torch.device("cpu"))
    photos, batch = PackagePhotos("clean", crops=CROPS), list[Tensor]()
    for number, sample in enumerate(photos, start=1):
        batch.append(classifier.preprocess(sample.read()))
        if len(batch) == BATCH:
            yield torch.stack(batch).to(device)
            batch = []
            job.tell(HELD_OUT * number / CROPS)
