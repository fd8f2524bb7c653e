"""What names a classifier: its weights, its architecture and code, and how it takes a photo."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256

import numpy as np
from PIL import Image
from torch import nn

from interlock._weights import fingerprint
from interlock.lab.code import digest_of
from interlock.lab.items import name_of
from interlock.models import Classifier

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_TRUSTED = ("torch", "transformers", "timm", "builtins")


def classifier_identity(classifier: Classifier) -> str:
    """Another digest as soon as anything differs that its answers depend on.

    Names and folders do not count: a copy elsewhere is the same model. How photos are prepared is
    told by preparing one.

    Raises:
        OptionError: a part of the model has no source file that its code could be read from.
    """
    return name_of(
        weights=fingerprint(classifier.model),
        architecture=_ADDRESS.sub("", repr(classifier.model)),
        code=_code(classifier.model),
        photo=_prepared(classifier),
        labels=list(classifier.labels),
    )


def _code(model: nn.Module) -> list[str]:
    """Digests of the modules that define the model's parts, but for the large libraries'."""
    kinds = {type(part).__module__: type(part) for part in model.modules()}
    own = sorted(name for name in kinds if name.partition(".")[0] not in _TRUSTED)
    return sorted({digest_of(kinds[name]) for name in own})


def _prepared(classifier: Classifier) -> str:
    x = classifier.preprocess(_probe()).detach().float().cpu().contiguous()
    return sha256(f"{tuple(x.shape)}".encode() + x.numpy().tobytes()).hexdigest()


@cache
def _probe() -> Image.Image:
    """A picture without symmetries, of odd size."""
    ys, xs = np.mgrid[:211, :307]
    planes = [(3 * xs + ys) % 256, (xs * ys) % 251, (xs + 5 * ys + xs * xs // 7) % 256]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))
