"""Defences by name: the bare model, the shield, its peers, and an oracle."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from interlock.defend.certified.certified_shield import CertifiedShield, Mode
from interlock.defend.fill import Fill, pull_push
from interlock.defend.peers.gradient_smoothing import LocalGradientsSmoothing
from interlock.defend.peers.paper import PaperMasking
from interlock.defend.peers.patch_cleanser import PatchCleanser
from interlock.defend.shield.shield import ConceptShield
from interlock.errors import OptionError
from interlock.models.pixel_range import Bounds
from interlock.models.steady import ask
from interlock.names import PEERS, InnerMaps

UNDEFENDED, SHIELD, CEILING = "undefended", "shield", "ceiling"
CERTIFIED_SHIELD = "certified"
DEFENCES: tuple[str, ...] = (UNDEFENDED, SHIELD, CERTIFIED_SHIELD, *PEERS, CEILING)
"""All that ``make_defence`` makes."""
GIVEN = ("bounds", "shield")
"""Keywords that are no options of a defence: ``make_defence`` hands them on."""


_MADE_OF: dict[str, tuple[Any, ...]] = {
    UNDEFENDED: (),
    SHIELD: (ConceptShield,),
    CERTIFIED_SHIELD: (CertifiedShield,),
    "paper": (PaperMasking,),
    "patchcleanser": (PatchCleanser,),
    "lgs": (LocalGradientsSmoothing,),
    CEILING: (pull_push,),
}


def made_of(name: str) -> tuple[Any, ...]:
    """The classes and functions that decide what a defence of ``DEFENCES`` answers."""
    return _MADE_OF[name]


@dataclass(frozen=True)
class Scene:
    """What an oracle or a peer is told about the patches of a batch."""

    masks: Tensor | None
    """(N, 1, H, W) bool: where they are; None of clean images."""
    side: int
    """Of the smallest square in pixels that holds any of them."""


@dataclass(frozen=True, eq=False)
class Defended:
    """What a row answers to N images."""

    labels: Tensor
    """(N,)."""
    passes: Tensor | None = None
    """(N,) forward passes; None where they are not counted."""
    masks: Tensor | None = None
    """(N, 1, H, W) bool: what it hides; None where that is nothing, or not told."""
    scores: Tensor | None = None
    """(N,): how tampered each image looks to the shield; above 1 it is masked."""
    assured: Tensor | None = None
    """(N,) bool: see ``CertifiedShield``."""
    alarm: Tensor | None = None
    """(N,) bool: likewise."""
    seconds: float | None = None
    """That the labels took, where more was found out; else None."""


Defence = Callable[[Tensor, Scene], Defended]
"""(N, C, H, W), and what is known of the patches -> labels. To be asked without gradients."""
Examination = Callable[[Tensor, Tensor, Scene], tuple[Defended, dict[str, Tensor]]]
"""Clean (N, C, H, W), their true classes (N,), and the patch to expect -> the answers, and what is
proven of them, (N,) bool by name. ``"certified"``: right, and stays so wherever such a patch lies.
``"detected"``: right without an alarm, and no patch makes it wrong without one."""


@dataclass(frozen=True)
class Row:
    """A defence, and a row of an evaluation's table."""

    defence: Defence
    knows: Literal["nothing", "size", "place"] = "nothing"
    """Of the patch. Who is told its size has a clean accuracy for each; who is told its place has
    none."""
    examine: Examination | None = None
    """None where the defence proves nothing. Raises ``OptionError`` if the patch does not fit, and
    ``ModelError`` if logits are not finite."""


def make_defence(
    name: str,
    model: nn.Module,
    clean_images: Tensor | Iterable[Tensor] | None = None,
    *,
    shield: ConceptShield | None = None,
    bounds: Bounds | None = None,
    **options: Any,
) -> Row:
    """A defence by its name.

    ===================  ===========================================  =======================
    name                 options                                      told of the patch
    ===================  ===========================================  =======================
    ``undefended``                                                    nothing
    ``shield``           those of ``ConceptShield.fit``               nothing
    ``certified``        those of ``CertifiedShield``, but for        its size, or with
                         ``area``; ``assumed``                        ``assumed`` nothing
    ``paper``            those of ``ConceptShield.paper``             nothing
    ``patchcleanser``    ``assumed``, ``masks``                       its size, or with
                                                                      ``assumed`` nothing
    ``lgs``              those of ``LocalGradientsSmoothing``         nothing
    ``ceiling``                                                       its place
    ===================  ===========================================  =======================

    Args:
        name: of ``DEFENCES``.
        model: (N, C, H, W) -> (N, classes) logits, in eval mode.
        clean_images: (N, C, H, W) or an iterable of such batches, for what is fitted.
        shield: a fitted one, for ``shield``, for the evidence of ``certified``, which does without
            otherwise, and for the concepts of ``paper``; nothing is fitted then.
        bounds: black and white as the model takes them, for ``lgs``; see ``PatchAttack``.
        options: of the defence. ``assumed`` is the share of the image that PatchCleanser or the
            certified shield takes the patch to cover, in place of its true size.

    Raises:
        OptionError: an unknown name or option, a value out of range, or no clean images for what
            is fitted.
    """
    if name not in DEFENCES:
        raise OptionError(f"defence {name!r} is unknown; use of {', '.join(DEFENCES)}")
    _check_options(name, options, given=shield is not None)
    if name == UNDEFENDED:
        return Row(_bare(model))
    if name == SHIELD:
        return Row(
            _shielded(shield or ConceptShield.fit(model, _some(clean_images, name), **options))
        )
    if name == "paper":
        if shield is not None:
            return paper_row(PaperMasking(model, shield.bank, **options))
        return paper_row(ConceptShield.paper(model, _some(clean_images, name), **options))
    if name == CERTIFIED_SHIELD:
        return _certified(model, shield=shield, **options)
    if name == "patchcleanser":
        return _cleanser(model, **options)
    if name == "lgs":
        smoothing = LocalGradientsSmoothing(model, bounds=bounds, **options)
        return Row(lambda images, scene: Defended(smoothing.predict(images), _once(images)))
    return Row(_filled(model), knows="place")


def _some(images: Tensor | Iterable[Tensor] | None, name: str) -> Tensor | Iterable[Tensor]:
    if images is None:
        raise OptionError(f"defence {name!r} is fitted to clean images; give some")
    return images


def defence_options(name: str, *, fitted: bool = False) -> list[str]:
    """The options that ``make_defence`` takes for a defence.

    Args:
        name: of ``DEFENCES``.
        fitted: a shield is given.
    """
    taken: dict[str, Callable[..., Any]] = {
        SHIELD: ConceptShield.fit,
        "paper": PaperMasking if fitted else ConceptShield.paper,
        CERTIFIED_SHIELD: make_certified,
        "patchcleanser": _cleanser,
        "lgs": LocalGradientsSmoothing,
    }
    if name not in taken or (name == SHIELD and fitted):
        return []
    parameters = inspect.signature(taken[name]).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in GIVEN]


def _check_options(name: str, options: dict[str, Any], *, given: bool) -> None:
    """Refuse options that a defence has not, ``given`` a fitted shield."""
    known = defence_options(name, fitted=given)
    for option in options:
        if option not in known:
            choices = f"use of {', '.join(known)}" if known else "it has none here"
            raise OptionError(f"defence {name!r} has no option {option!r}; {choices}")


def _bare(model: nn.Module) -> Defence:
    def answer(images: Tensor, scene: Scene) -> Defended:
        return Defended(ask(model, images).argmax(dim=1), _once(images))

    return answer


def _shielded(shield: ConceptShield) -> Defence:
    def answer(images: Tensor, scene: Scene) -> Defended:
        seen = shield.answer(images)
        peaks = seen.foreign.flatten(1).amax(dim=1)
        return Defended(seen.labels, seen.passes, seen.masks, peaks / shield.settings.trigger)

    return answer


def paper_row(masking: PaperMasking) -> Row:
    """The row of a fitted masking."""

    def answer(images: Tensor, scene: Scene) -> Defended:
        blurred = masking.classify(images)
        return Defended(blurred.logits.argmax(dim=1), blurred.passes, blurred.masks)

    return Row(answer)


def make_cleanser(
    model: nn.Module, images: Tensor, side: int, *, assumed: float | None = None, masks: int = 6
) -> PatchCleanser:
    """PatchCleanser for images of a size.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        images: (N, C, H, W), for their height and width.
        side: of the patch in pixels.
        assumed: share of the image that the patch is taken to cover, in place of ``side``.
        masks: positions on each axis.
    """
    if assumed is not None:
        height, width = images.shape[-2:]
        side = max(1, math.ceil(math.sqrt(assumed * height * width)))
    return PatchCleanser(model, side, masks)


def _cleanser(model: nn.Module, *, assumed: float | None = None, masks: int = 6) -> Row:
    _check_assumed(assumed)

    def answer(images: Tensor, scene: Scene) -> Defended:
        cleansed = made(images, scene).classify(images)
        return Defended(cleansed.labels, cleansed.passes)

    def examine(images: Tensor, labels: Tensor, scene: Scene) -> tuple[Defended, dict[str, Tensor]]:
        start = time.perf_counter()
        answered = answer(images, scene)
        answered = replace(answered, seconds=time.perf_counter() - start)
        return answered, {"certified": made(images, scene).certify(images, labels)}

    def made(images: Tensor, scene: Scene) -> PatchCleanser:
        return make_cleanser(model, images, scene.side, assumed=assumed, masks=masks)

    return Row(answer, "size" if assumed is None else "nothing", examine)


def make_certified(
    model: nn.Module,
    images: Tensor,
    side: int,
    *,
    shield: ConceptShield | None = None,
    assumed: float | None = None,
    masks: int = 6,
    fill: Fill = "pull_push",
    inner: InnerMaps = "filled",
    aspect: float = 1.0,
    allowance: int = 0,
    mode: Mode = "recover",
) -> CertifiedShield:
    """A certified shield for images of a size.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        images: (N, C, H, W), for their height and width.
        side: of the patch in pixels.
        shield: see ``CertifiedShield``, as all that follow but ``assumed``.
        assumed: share of the image that the patch is taken to cover, in place of ``side``.
        masks: positions on each axis.
        fill: what a mask shows.
        inner: what it does to the maps inside the model.
        aspect: of rectangles.
        allowance: 0: the patches of an evaluation are put into the model's input.
        mode: ``"recover"`` or ``"detect"``.

    Raises:
        OptionError: an option out of range, or no patch to expect.
    """
    height, width = images.shape[-2:]
    area = assumed if assumed is not None else side**2 / (height * width)
    return CertifiedShield(
        model, area=area, masks=masks, fill=fill, inner=inner, shield=shield, mode=mode,
        aspect=aspect, allowance=allowance,
    )  # fmt: skip


def _certified(model: nn.Module, *, assumed: float | None = None, **options: Any) -> Row:
    """With the options of ``make_certified``."""
    _check_assumed(assumed)

    def answer(images: Tensor, scene: Scene) -> Defended:
        seen = made(images, scene).verdict(images)
        return Defended(
            seen.labels, seen.passes_to_answer, seen.hidden, assured=seen.assured, alarm=seen.alarm
        )

    def examine(images: Tensor, labels: Tensor, scene: Scene) -> tuple[Defended, dict[str, Tensor]]:
        seen = made(images, scene).measured(images, labels)
        answered = Defended(seen.labels, seen.passes, assured=seen.assured, seconds=seen.seconds)
        return answered, {"certified": seen.certified, "detected": seen.detected}

    def made(images: Tensor, scene: Scene) -> CertifiedShield:
        return make_certified(model, images, scene.side, assumed=assumed, **options)

    return Row(answer, "size" if assumed is None else "nothing", examine)


def _check_assumed(assumed: float | None) -> None:
    if assumed is not None and not 0 < assumed < 1:
        raise OptionError(f"an assumed area of {assumed}; use a share in (0, 1)")


def _filled(model: nn.Module) -> Defence:
    """Exactly the patch's pixels are filled: no defence is told their place."""

    def answer(images: Tensor, scene: Scene) -> Defended:
        assert scene.masks is not None  # of clean images it is not asked
        return Defended(ask(model, pull_push(images, scene.masks)).argmax(dim=1), _once(images))

    return answer


def _once(images: Tensor) -> Tensor:
    return torch.ones(len(images), dtype=torch.long)
