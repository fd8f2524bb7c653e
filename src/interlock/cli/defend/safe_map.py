"""The map of places where a patch can do no harm, as a picture."""

from __future__ import annotations

import io

from torch import Tensor

from interlock._pictures import mask_overlay
from interlock.defend import CertifiedShield
from interlock.models import Classifier


def safe_map(
    classifier: Classifier, safe: CertifiedShield, x: Tensor, label: int
) -> tuple[bytes, float]:
    """A photo with the other places in magenta as PNG, and the share that is safe.

    Args:
        classifier: whose model the defence is around.
        safe: the defence.
        x: (C, H, W), as the model takes it; clean.
        label: of the answer that has to stay.
    """
    places = safe.safe_places(x, label)
    buffer = io.BytesIO()
    mask_overlay(classifier.to_pil(x), ~places.cpu()).save(buffer, "PNG")
    return buffer.getvalue(), float(places.float().mean())
