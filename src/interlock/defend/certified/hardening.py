"""Models that survive masks: self-distillation from clean photos, kept only where it helps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from interlock.defend.certified.certified_shield import CertifiedShield
from interlock.defend.certified.distill import SQUARES, Distillation, Told, distilled
from interlock.defend.concepts.batches import as_batches, parts_of
from interlock.errors import DataError, OptionError
from interlock.models.pixel_range import check_batch
from interlock.models.steady import ask, check_steady

FEWEST = 20
"""Clean images, a fifth of which judges."""
EVERY = 5
"""One of so many images is held out."""
JUDGES = 256
"""Most images that are held out."""
POINT = 0.01
"""By how much clean accuracy may fall."""
SHARES = (1.0, 0.7, 0.4)
"""Of the way from the old weights to the new ones (arXiv 2109.01903), the first that holds."""


@dataclass(frozen=True)
class Hardening:
    """What a hardening did, as ``model.hardening`` of what it returns."""

    kept: bool
    """Whether the weights are new ones; otherwise they are the original's."""
    reason: str
    """Why, in a sentence."""
    certified: tuple[float, float]
    """Share of the held-out photos that are certified, before and after."""
    clean: tuple[float, float]
    """Share of them that is right without masks, likewise; without ``labels`` the share that the
    original's labels are kept of."""
    photos: int
    """That were trained on."""
    held_out: int
    """That judged. Photos of another kind may lose: certify on those that will be met."""
    steps: int
    """Gradient steps that were done, those of interrupted runs included."""
    seconds: float
    """That they took, likewise."""


def harden(
    model: nn.Module,
    images: Tensor | Iterable[Tensor],
    *,
    labels: Tensor | None = None,
    area: float = 0.02,
    masks: int = 3,
    allowance: int = 0,
    steps: int = 300,
    batch_size: int = 32,
    learning_rate: float | None = None,
    mirror: bool = True,
    draws: int = 3,
    squares: tuple[float, float] = SQUARES,
    seconds: float | None = None,
    checkpoint: str | Path | None = None,
    told: Told | None = None,
    seed: int = 0,
) -> nn.Module:
    """A copy of a model that keeps more of its labels under masks, or the original again.

    A copy is trained on four fifths of the images, each crop once clean and three times under two
    squares of 10 to 32 % of the side (``squares``), filled from around, to its true label or,
    without ``labels``, to the one that the original gives to the clean crop. (Stochastic gradient
    descent with Nesterov's momentum; batch normalisation by the batch where that changes few labels
    or, of known ones, loses few that were right: 5 % at most.) The other fifth, at most 256 images,
    judges: more of them must be certified than before, and clean accuracy may fall by a point at
    most. Where the new weights miss that, weights 0.7 and 0.4 of the way to them are tried; where
    all do, the original's are returned. The result's attribute ``hardening`` says which and why.

    Args:
        model: (N, C, H, W) -> (N, classes) logits, in eval mode and single precision; left as it
            is.
        images: (N, C, H, W), or an iterable of such batches; clean. All are held in memory.
        labels: (N,) true classes, which are learned and by which the judges judge. Without them
            the original's labels are to be kept, of all judges but one in a hundred: right and
            wrong ones, which asks more of weak models.
        area: share of the image that a patch covers, for the judges.
        masks: positions on each axis, for the judges; fewer judge faster, and more strictly.
        allowance: see ``CertifiedShield``.
        steps: of training, at most.
        batch_size: crops of each step.
        learning_rate: see ``Distillation``.
        mirror: whether crops are mirrored at random; not for text or signs.
        draws: see ``Distillation``: more of them train under worse masks, and take longer.
        squares: see ``Distillation``: larger ones ask more of the model.
        seconds: of training, at most. Only without it the same seed gives the same weights.
        checkpoint: a file to go on from after an interruption.
        told: hears (steps done, of how many).
        seed: of crops and masks.

    Raises:
        DataError: fewer than 20 images, or of different sizes.
        ModelError: layers in training mode, or the model cannot be copied or trained.
        OptionError: an option out of range.
    """
    check_steady(model)
    if seconds is not None and not seconds > 0:
        raise OptionError(f"seconds={seconds}; use a time above 0")
    options = Distillation(
        steps=steps, batch_size=batch_size, learning_rate=learning_rate, mirror=mirror,
        draws=draws, squares=squares, seed=seed,
    )  # fmt: skip
    x = _together(images)
    order = torch.arange(len(x))
    judging = (order % EVERY == EVERY - 1) & (order < EVERY * JUDGES)
    judges = x[judging.to(x.device)]
    taught: Tensor | None = None
    if labels is not None:
        check_batch(x, labels)
        labels = labels.to(x.device)
        truth, taught = labels[judging.to(x.device)], labels[~judging.to(x.device)]
    else:
        truth = _labels(model, judges)
    gate = _Gate(judges, truth, area, masks, allowance)
    before = gate.clean(model), gate.certified(model)
    trained = distilled(
        model,
        x[~judging.to(x.device)],
        options,
        labels=taught,
        seconds=seconds,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        told=told,
    )
    made, after, reason = None, before, ""
    for candidate, share in _on_the_way(model, trained.model):
        clean = gate.clean(candidate)
        if clean < before[0] - POINT - 1e-9:
            reason = reason or f"clean accuracy fell from {before[0]:.3f} to {clean:.3f}"
            continue
        certified = gate.certified(candidate)
        if certified > before[1]:
            made, after = candidate, (clean, certified)
            reason = f"certified rose from {before[1]:.3f} to {certified:.3f}"
            reason += "" if share == 1 else f", {share:g} of the way to the new weights"
            break
        reason = f"certified did not rise above {before[1]:.3f}"
    result = deepcopy(model) if made is None else made
    result.hardening = Hardening(  # type: ignore[assignment]
        kept=made is not None,
        reason=f"{reason} on {len(judges)} held-out photos",
        certified=(before[1], after[1]),
        clean=(before[0], after[0]),
        photos=len(x) - len(judges),
        held_out=len(judges),
        steps=trained.steps,
        seconds=trained.seconds,
    )
    return result


@dataclass(frozen=True, eq=False)
class _Gate:
    """Held-out photos, and what must hold of them."""

    images: Tensor
    labels: Tensor
    area: float
    masks: int
    allowance: int

    def clean(self, model: nn.Module) -> float:
        return float((_labels(model, self.images) == self.labels).float().mean())

    def certified(self, model: nn.Module) -> float:
        safe = CertifiedShield(model, area=self.area, masks=self.masks, allowance=self.allowance)
        parts = zip(parts_of(self.images, 16), parts_of(self.labels, 16), strict=True)
        return float(torch.cat([safe.certified(*part) for part in parts]).float().mean())


def _labels(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([ask(model, x).argmax(dim=1) for x in parts_of(images, 32)])


def _on_the_way(model: nn.Module, trained: nn.Module) -> Iterator[tuple[nn.Module, float]]:
    """Models from the trained one back towards the original."""
    old, new = model.state_dict(), trained.state_dict()
    for share in SHARES:
        between = deepcopy(trained)
        between.load_state_dict(
            {
                name: torch.lerp(old[name], value, share) if value.is_floating_point() else value
                for name, value in new.items()
            }
        )
        yield between.eval(), share


def _together(images: Tensor | Iterable[Tensor]) -> Tensor:
    batches = list(as_batches(images))
    if len({tuple(x.shape[1:]) for x in batches}) > 1:
        raise DataError("images of several sizes; make all of one size")
    count = sum(map(len, batches))
    if count < FEWEST:
        raise DataError(f"{count} clean images; give at least {FEWEST}")
    return torch.cat(batches)
