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
    CERTIFIED_SHIELD,
    DEFENCES,
    SHIELD,
    UNDEFENDED,
    Defended,
    Row,
    Scene,
    defence_options,
    made_of,
    make_certified,
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
EVIDENCE = "evidence"
"""Option of the certified shield: whether a shield, fitted to clean images, stands behind it."""
PROVE = "prove"
"""Its option: whether to find out what is proven of clean images. Evidence changes none of it, and
it takes most of the time."""
CLEANSER = "patchcleanser"
MASKING = (CLEANSER, CERTIFIED_SHIELD)
"""Defences that ask a model under pairs of masks, for a patch of an expected size."""
PROVEN = ("certified", "detected")
"""Of clean images, about any patch of the expected size: right, and the answer stays so; right, and
no patch makes it wrong without an alarm."""


@dataclass(frozen=True, eq=False)
class Built:
    """A defence over a model, ready."""

    row: Row
    attacked: Callable[[Tensor, int], nn.Module] | None
    """Images, and the side of a patch in pixels -> what an attack on the defence itself is made
    against; None where there is none."""


def fitted_as(name: str, options: Mapping[str, Any]) -> str | None:
    """What is fitted to clean images for a defence: ``SHIELD``, ``PAPER``, or nothing."""
    if name == CERTIFIED_SHIELD:
        return SHIELD if options.get(EVIDENCE) or FILE in options else None
    return name if name in FITTED else None


def fit_options(name: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of a defence that its fit goes by."""
    return {} if name == CERTIFIED_SHIELD else options


def options_of(name: str, options: Mapping[str, Any]) -> list[str] | None:
    """The options that a defence takes beside those given; None where it takes any.

    Raises:
        OptionError: there is no such defence.
    """
    if name in DEFENCES:
        taken = defence_options(name, fitted=FILE in options)
        more = [FILE] if name in FITTED else []
        more = [FILE, EVIDENCE, PROVE] if name == CERTIFIED_SHIELD else more
        return [*more, *(option for option in taken if option not in ("seed", "bank"))]
    if ":" in name:
        return taken_by(imported(name), but=("model",))
    raise OptionError(unknown("method", name, DEFENCES))


def told_of_patch(name: str, options: Mapping[str, Any]) -> Literal["nothing", "size", "place"]:
    """What a defence is told of the patch."""
    if name == "ceiling":
        return "place"
    return "size" if name in MASKING and "assumed" not in options else "nothing"


def measured(name: str, options: Mapping[str, Any], *, clean: bool) -> tuple[str, ...]:
    """What is told of each image under a defence."""
    if name == CLEANSER and clean:
        return "right", "passes", "certified"
    if name == CERTIFIED_SHIELD:
        proven = PROVEN if clean and options.get(PROVE, True) else ()
        return ("right", "passes", "assured", *proven)
    if name == SHIELD:
        return "right", "passes", "masked", "score"
    return ("right", "passes") if name in DEFENCES else ("right",)


def attacked_itself(name: str, attack: str) -> bool:
    """Whether an attack on the defence itself can be made against a defence."""
    return name in (SHIELD, *(MASKING if attack == "adaptive" else (UNDEFENDED,)))


def fit(
    name: str, model: nn.Module, images: Iterable[Tensor], options: Mapping[str, Any], seed: int
) -> bytes:
    """What a defence learns from clean images, as the bytes of its file.

    Args:
        name: of ``FITTED``.
        model: (N, C, H, W) -> (N, classes) logits.
        images: batches (N, C, H, W).
        options: of ``fit_options``.
        seed: of the fit.
    """
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
    if name == CERTIFIED_SHIELD:
        shield = None
        if fitted is not None:
            loaded = _loaded(SHIELD, model, fitted, options.get(FILE))
            assert isinstance(loaded, ConceptShield)
            shield = loaded.eval()
        more = {key: value for key, value in options.items() if key not in (FILE, EVIDENCE, PROVE)}
        return Built(
            make_defence(name, model, shield=shield, **more),
            lambda x, side: make_certified(model, x, side, shield=shield, **more),
        )
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
