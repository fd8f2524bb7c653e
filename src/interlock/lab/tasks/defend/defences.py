"""The defences of ``defend`` studies by name: the package's, and the user's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from interlock.defend import ConceptBank, ConceptShield
from interlock.defend.defences import (
    DEFENCES,
    SHIELD,
    UNDEFENDED,
    Defended,
    Row,
    Scene,
    defence_options,
    made_of,
    make_cleanser,
    make_defence,
    paper_row,
)
from interlock.defend.peers.paper import PaperMasking
from interlock.errors import DataError, ModelError, OptionError
from interlock.lab.code import digest_of
from interlock.lab.study import unknown
from interlock.lab.tasks.options import imported, taken_by
from interlock.models.pixel_range import Bounds

PAPER = "paper"
FITTED = (SHIELD, PAPER)
"""Defences that are fitted to clean images, or take a shield that was: their option ``FILE``."""
FILE = "file"
CLEANSER = "patchcleanser"
CERTIFIED = "certified"
"""Measured of clean images: right, and proven to stay so under a patch of the expected size."""


@dataclass(frozen=True, eq=False)
class Built:
    """A defence over a model, ready."""

    row: Row
    attacked: Callable[[Tensor, int], nn.Module] | None
    """Images, and the side of a patch in pixels -> what an attack on the defence itself is made
    against; None where there is none."""


def options_of(name: str, options: Mapping[str, Any]) -> list[str] | None:
    """The options that a defence takes beside those given; None where it takes any.

    Raises:
        OptionError: there is no such defence.
    """
    if name in DEFENCES:
        taken = defence_options(name, fitted=FILE in options)
        more = [FILE] if name in FITTED else []
        return [*more, *(option for option in taken if option not in ("seed", "bank"))]
    if ":" in name:
        return taken_by(imported(name), but=("model",))
    raise OptionError(unknown("method", name, DEFENCES))


def told_of_patch(name: str, options: Mapping[str, Any]) -> Literal["nothing", "size", "place"]:
    """What a defence is told of the patch."""
    if name == "ceiling":
        return "place"
    return "size" if name == CLEANSER and "assumed" not in options else "nothing"


def measured(name: str, *, clean: bool) -> tuple[str, ...]:
    """What is told of each image under a defence."""
    if name == CLEANSER and clean:
        return "right", "passes", CERTIFIED
    if name == SHIELD:
        return "right", "passes", "masked", "score"
    return ("right", "passes") if name in DEFENCES else ("right",)


def attacked_itself(name: str, attack: str) -> bool:
    """Whether an attack on the defence itself can be made against a defence."""
    return name in (SHIELD, CLEANSER if attack == "adaptive" else UNDEFENDED)


def fit(
    name: str, model: nn.Module, images: Iterable[Tensor], options: Mapping[str, Any], seed: int
) -> bytes:
    """What a defence learns from clean images, as the bytes of its file."""
    if name == SHIELD:
        made: ConceptShield | ConceptBank = ConceptShield.fit(model, images, seed=seed, **options)
    else:
        own_options = {key: value for key, value in options.items() if key == "concepts"}
        made = ConceptBank.fit(model, images, seed=seed, **own_options)
    with tempfile.TemporaryDirectory() as folder:
        return made.save(Path(folder) / "fitted.safetensors").read_bytes()


def build(
    name: str,
    model: nn.Module,
    fitted: bytes | None,
    options: Mapping[str, Any],
    bounds: Bounds | None,
) -> Built:
    """A defence, from what ``fit`` learned where it is one that is fitted.

    Args:
        name: of ``interlock.defend.defences.DEFENCES``, or ``package.module:factory``, called with
            the model and the options; it gives a function from (N, C, H, W) to labels or logits.
        model: to defend.
        fitted: what ``fit`` gave, or the bytes of a shield's file.
        options: of the defence.
        bounds: black and white as the model takes them.
    """
    if name in FITTED:
        assert fitted is not None
        bank = _loaded(name, model, fitted, options.get(FILE))
        if isinstance(bank, ConceptShield):
            shield = bank.eval()
            if name == SHIELD:
                return Built(make_defence(name, model, shield=shield), lambda x, side: shield)
            bank = shield.bank
        more = {key: value for key, value in options.items() if key not in ("concepts", FILE)}
        return Built(paper_row(PaperMasking(model, bank, **more)), None)
    if name in DEFENCES:
        row = make_defence(name, model, bounds=bounds, **options)
        return Built(row, _attackable(name, model, options))
    return Built(_labelled(imported(name)(model, **options)), None)


def _loaded(
    name: str, model: nn.Module, fitted: bytes, file: str | None
) -> ConceptShield | ConceptBank:
    """What was fitted: a shield, or the concepts alone that ``PAPER`` was fitted to."""
    kind: type[ConceptShield | ConceptBank] = ConceptShield
    if name == PAPER and file is None:
        kind = ConceptBank
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fitted.safetensors"
        path.write_bytes(fitted)
        try:
            return kind.load(path, model)
        except (DataError, ModelError) as error:
            raise type(error)(str(error).replace(str(path), file or name)) from None


def _attackable(
    name: str, model: nn.Module, options: Mapping[str, Any]
) -> Callable[[Tensor, int], nn.Module] | None:
    if name == UNDEFENDED:
        return lambda x, side: model
    if name == CLEANSER:
        return lambda x, side: make_cleanser(model, x, side, **options)
    return None


def defence_code(name: str) -> str:
    """Digest of the code of a defence."""
    if name in DEFENCES:
        return digest_of(*made_of(name), beside=[make_defence])
    return digest_of(imported(name))


def _labelled(answer: Callable[[Tensor], Tensor]) -> Row:
    def reply(images: Tensor, scene: Scene) -> Defended:
        answers = answer(images)
        if answers.ndim == 2:
            answers = answers.argmax(dim=1)
        if answers.shape != (len(images),):
            raise ModelError(
                f"the defence gave {tuple(answers.shape)} for {len(images)} images; "
                "expected a label or logits for each"
            )
        return Defended(answers.to(torch.long))

    return Row(reply)
