"""IDG-Vis: the score of a set of features from Integrated Directional Gradients.

For a subset T of a set I, a_T is x - x' on T and 0 elsewhere, and the dividend of T is

    d(T) = integral over alpha in [0, 1] of |grad f_c(x' + alpha (x - x')) . a_T / ||a_T|| |

(Sikdar et al., ACL 2021; H-Sets, arXiv 2604.22045). The score of I is the mean dividend over
subsets drawn uniformly from its power set. The path gradients do not depend on T, so the
projections of all subsets are one matrix product.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Evidence = Literal["for", "against", "absolute"]


def sample_subsets(size: int, samples: int, generator: torch.Generator) -> Tensor:
    """(samples, size) bool: subsets of a set of ``size`` features, each equally likely."""
    return torch.rand(samples, size, generator=generator) < 0.5


def all_subsets(size: int) -> Tensor:
    """(2^size, size) bool: the whole power set, for small sets."""
    codes = torch.arange(2**size).unsqueeze(1)
    return (codes >> torch.arange(size)) & 1 == 1


def dividends(
    gradients: Tensor,
    difference: Tensor,
    subsets: Tensor,
    evidence: Evidence = "absolute",
) -> Tensor:
    """The dividend d(T) of each subset T of one set I.

    Args:
        gradients: (m, |I|) path gradients, restricted to the set's features.
        difference: (|I|,) x - x' on those features.
        subsets: (t, |I|) bool, one row per subset.
        evidence: ``"absolute"`` integrates |directional gradient|, as published; ``"for"`` only
            its positive part (evidence for the class), ``"against"`` only its negative part, as a
            positive number. ``for + against == absolute``.

    Returns:
        (t,) non-negative; 0 for an empty subset or one on which x equals x'.
    """
    chosen = subsets.to(gradients.dtype)
    norms = (chosen @ difference.square()).sqrt()  # (t,)
    projections = (gradients * difference) @ chosen.T  # (m, t)
    directional = projections / norms.clamp_min(torch.finfo(norms.dtype).tiny)
    if evidence == "for":
        directional = directional.clamp(min=0)
    elif evidence == "against":
        directional = directional.clamp(max=0)
    return torch.where(norms > 0, directional.abs().mean(dim=0), 0.0)
