"""One pass over clean images, and all that a shield keeps of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from interlock.defend.concepts.batches import Reservoir, as_batches, parts_of
from interlock.defend.concepts.features import Taps, find_layers
from interlock.defend.shield.foreign import Foreignness, Moments, fitted
from interlock.errors import DataError, ModelError
from interlock.models.steady import check_answers

FEWEST = 16
"""Fewest clean images: half of them calibrate the thresholds."""
CALIBRATION = 256
"""Most images that are held out to calibrate."""
FOR_BANK = 128
"""Most images that the bank is fitted to."""


@dataclass(frozen=True, eq=False)
class Clean:
    """What was seen."""

    foreignness: Foreignness
    held_out: list[Tensor]
    """(N, C, H, W) each: they are in no statistics."""
    foreign: list[Tensor]
    """(N, 1, H, W) each: how foreign they are."""
    labels: list[Tensor]
    """(N,) each: what the classifier says of them."""
    for_bank: list[Tensor]
    """(1, C, H, W) each."""


def clean_pass(
    model: nn.Module,
    images: Tensor | Iterable[Tensor],
    layers: tuple[str, ...] | None,
    seed: int,
) -> Clean:
    """Statistics of all images but those held out, which is every second one, up to 256.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, in eval mode.
        images: (N, C, H, W), or an iterable of such batches.
        layers: whose cells count; None finds one for each resolution.
        seed: of the sample for the bank.

    Raises:
        DataError: too few images.
        ModelError: activations that are not finite, one class alone, or answers that change from
            call to call or with the rest of a batch.
        OptionError: no such layer.
    """
    taps, seen = None, 0
    moments: list[Moments] = []
    held_out: list[Tensor] = []
    for_bank = Reservoir((seed, 1), FOR_BANK)
    with torch.no_grad():
        for x in as_batches(images):
            if taps is None:
                check_answers(model, x[:4])
                taps = Taps(model, layers or find_layers(model, x[:1]))
            order = torch.arange(seen, seen + len(x))
            chosen = (order % 2 == 1) & (order < 2 * CALIBRATION)
            seen += len(x)
            if chosen.any():
                held_out.append(x[chosen])
            for_bank.add(parts_of(x, 1))
            if chosen.all():
                continue
            maps = taps(x[~chosen])[1]
            moments = moments or [Moments() for _ in maps]
            for moment, cells in zip(moments, maps, strict=True):
                if not bool(cells.isfinite().all()):
                    raise ModelError(
                        "activations are not finite on the clean images; check the model"
                    )
                moment.add(cells)
        if taps is None or seen < FEWEST:
            raise DataError(f"{seen} clean images; give at least {FEWEST}")
        foreignness = fitted(taps, moments, held_out)
        foreign, labels = [], []
        for x in held_out:
            logits, maps = taps(x)
            foreign.append(foreignness(maps, *x.shape[-2:]))
            labels.append(logits.argmax(dim=1))
    return Clean(foreignness, held_out, foreign, labels, for_bank.kept)
