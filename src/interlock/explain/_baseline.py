"""What an image is compared with."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from interlock.errors import OptionError

Baseline = float | Tensor | Literal["blur"]

# Standard deviation of the blurred baseline as a share of the image's longer side: 2 px at 224,
# and never so little that a small image would be compared with itself.
BLUR = 2 / 224
LEAST_BLUR = 1.0


def baseline_for(x: Tensor, baseline: Baseline) -> Tensor:
    """The baseline x' of one image, (C, H, W).

    Raises:
        OptionError: an unknown name, or a tensor whose shape cannot be laid over x.
    """
    check_baseline(baseline)
    if isinstance(baseline, str):
        return blurred(x, max(LEAST_BLUR, BLUR * max(x.shape[1:])))
    if isinstance(baseline, Tensor):
        try:
            return baseline.to(x).expand_as(x).clone()
        except RuntimeError:
            raise OptionError(
                f"baseline of shape {tuple(baseline.shape)} does not fit an image of shape "
                f"{tuple(x.shape)}"
            ) from None
    return torch.full_like(x, float(baseline))


def check_baseline(baseline: Baseline, name: str = "baseline") -> None:
    """Refuse what can be no baseline of any image.

    Raises:
        OptionError: an unknown name, or a number that is not finite.
    """
    if isinstance(baseline, Tensor) or (isinstance(baseline, str) and baseline == "blur"):
        return
    if isinstance(baseline, bool) or not isinstance(baseline, int | float):
        given = repr(baseline) if isinstance(baseline, str) else f"a {type(baseline).__name__}"
        raise OptionError(f"{name}={given} is unknown; use 'blur', a number or a tensor")
    if not np.isfinite(baseline):
        raise OptionError(f"{name}={baseline} is not a finite number")


def blurred(x: Tensor, sigma: float) -> Tensor:
    """(C, H, W) under a Gaussian of this standard deviation in pixels."""
    from scipy.ndimage import gaussian_filter

    planes = x.detach().cpu().double().numpy()
    return torch.from_numpy(gaussian_filter(planes, (0, sigma, sigma))).to(x)
