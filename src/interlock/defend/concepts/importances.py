"""How much each concept decides a class: total Sobol indices, or exactly for a linear head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from interlock.defend.concepts.features import Taps, hooked
from interlock.errors import OptionError


@dataclass(frozen=True, eq=False)
class Importances:
    """What each concept contributes to one class on one image."""

    values: Tensor
    """(concepts,): contribution to the logit if exact, else total Sobol indices."""
    exact: bool
    passes: int
    """Evaluations of the layers behind the concepts that it took."""


def total_sobol(
    function: Callable[[Tensor], Tensor], inputs: int, *, designs: int = 32, seed: int = 0
) -> Tensor:
    """Total Sobol indices of a function on the unit cube (Jansen 1999).

    Args:
        function: (n, inputs) in [0, 1] -> (n,).
        inputs: dimensions of the cube.
        designs: points of the scrambled Sobol sequence, a power of two.
        seed: of the scrambling.

    Returns:
        (inputs,): for each, the share of the variance that is lost when it is known last; zeros
        for a constant function.
    """
    from scipy.stats import qmc

    if designs < 2 or designs & (designs - 1):
        raise OptionError(f"designs={designs}; use a power of two")
    points = torch.from_numpy(qmc.Sobol(2 * inputs, scramble=True, rng=seed).random(designs))
    first, second = points.float().chunk(2, dim=1)
    swapped = first.repeat(inputs, 1, 1)
    for k in range(inputs):
        swapped[k, :, k] = second[:, k]
    values = function(torch.cat([first, second, swapped.flatten(0, 1)]))
    base, rest = values[: 2 * designs], values[2 * designs :].view(inputs, designs)
    variance = base.var(correction=0)
    if variance <= 1e-12 * base.square().mean():
        return torch.zeros(inputs, device=values.device)
    return (base[:designs] - rest).square().mean(dim=1) / (2 * variance)


def linear_head(model: nn.Module, layer: str, x: Tensor) -> tuple[Tensor | None, Tensor]:
    """The weights (classes, channels) of a head that is linear in the averaged maps, if it is."""
    taps = Taps(model, [layer])
    seen: list[tuple[nn.Linear, Tensor, Tensor]] = []

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(module, nn.Linear):
            seen.append((module, inputs[0], output))

    with hooked((m, keep) for m in model.modules() if isinstance(m, nn.Linear)):
        logits, (maps,) = taps(x)
    if not seen:
        return None, maps
    head, entered, left = seen[-1]
    pooled = maps.mean(dim=(2, 3))
    close = max(1e-4, 4 * torch.finfo(entered.dtype).eps)
    same = entered.shape == pooled.shape
    same = same and torch.allclose(entered.to(pooled), pooled, rtol=close, atol=close / 10)
    return (head.weight.to(pooled) if same and torch.equal(left, logits) else None), maps
