"""The rows of an evaluation: the bare model, the shield, its peers, and an oracle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from interlock.defend.fill import pull_push
from interlock.defend.paper import PaperMasking
from interlock.defend.patch_cleanser import PatchCleanser
from interlock.defend.shield import ConceptShield
from interlock.errors import OptionError

PeerName = Literal["paper", "patchcleanser"]
PEERS: tuple[PeerName, ...] = get_args(PeerName)
UNDEFENDED, SHIELD, CEILING = "undefended", "shield", "ceiling"


@dataclass(frozen=True)
class Scene:
    """What an oracle or a peer is told about the patches of a batch."""

    masks: Tensor | None
    """(N, 1, H, W) bool: where they are; None of clean images."""
    side: int
    """Of the smallest square in pixels that holds any of them."""


@dataclass(frozen=True, eq=False)
class Reply:
    """What a row answers to N images."""

    labels: Tensor
    """(N,)."""
    passes: Tensor | None = None
    """(N,) forward passes; None where they are not counted."""
    masks: Tensor | None = None
    """(N, 1, H, W) bool: what the shield hides."""


Defence = Callable[[Tensor, Scene], Reply]
"""(N, C, H, W), and what is known of the patches -> labels."""


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    defence: Defence
    told: Literal["nothing", "size", "place"] = "nothing"
    """Of the patch. Who is told its size has a clean accuracy for each; who is told its place has
    none."""


def rows(
    shield: ConceptShield, peers: Sequence[str] = (), assumed: float | None = None
) -> dict[str, Row]:
    """The rows that were asked for.

    Args:
        shield: with the model that it defends. The paper's masking takes its concepts.
        peers: of ``PEERS``.
        assumed: PatchCleanser also by a wrong guess: masks for a patch of this share of the image.

    Raises:
        OptionError: an unknown peer, or a guess for a peer that is not asked for.
    """
    for peer in peers:
        if peer not in PEERS:
            raise OptionError(f"peer {peer!r} is unknown; use of {', '.join(PEERS)}")
    if assumed is not None and "patchcleanser" not in peers:
        raise OptionError("an assumed area is for PatchCleanser; add the peer patchcleanser")
    if assumed is not None and not 0 < assumed < 1:
        raise OptionError(f"an assumed area of {assumed}; use a share in (0, 1)")
    model = shield.model
    found = {UNDEFENDED: Row(_bare(model)), SHIELD: Row(_shielded(shield))}
    if "paper" in peers:
        found["paper"] = Row(_paper(PaperMasking(model, shield.bank)))
    if "patchcleanser" in peers:
        found["patchcleanser"] = Row(_cleansed(model, None), told="size")
    if assumed is not None:
        found[f"patchcleanser for {100 * assumed:g} %"] = Row(_cleansed(model, assumed))
    return found | {CEILING: Row(_filled(model), told="place")}


def _bare(model: nn.Module) -> Defence:
    def answer(images: Tensor, scene: Scene) -> Reply:
        return Reply(model(images).argmax(dim=1), _once(images))

    return answer


def _shielded(shield: ConceptShield) -> Defence:
    def answer(images: Tensor, scene: Scene) -> Reply:
        found = shield.answer(images)
        return Reply(found.labels, found.passes, found.masks)

    return answer


def _paper(masking: PaperMasking) -> Defence:
    def answer(images: Tensor, scene: Scene) -> Reply:
        return Reply(masking.predict(images))

    return answer


def _cleansed(model: nn.Module, assumed: float | None) -> Defence:
    def answer(images: Tensor, scene: Scene) -> Reply:
        side = scene.side
        if assumed is not None:
            height, width = images.shape[-2:]
            side = max(1, math.ceil(math.sqrt(assumed * height * width)))
        found = PatchCleanser(model, side).classify(images)
        return Reply(found.labels, found.passes)

    return answer


def _filled(model: nn.Module) -> Defence:
    """Exactly the patch's pixels are filled: no defence is told their place."""

    def answer(images: Tensor, scene: Scene) -> Reply:
        assert scene.masks is not None  # of clean images it is not asked
        return Reply(model(pull_push(images, scene.masks)).argmax(dim=1), _once(images))

    return answer


def _once(images: Tensor) -> Tensor:
    return torch.ones(len(images), dtype=torch.long)
