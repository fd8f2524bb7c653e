"""The chapters about the shield: one image, the concepts of a bank, an evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from PIL import Image
from torch import Tensor

from interlock._pictures import enlarged, heat_overlay, mask_overlay, region_overlay
from interlock.defend import Inspection, StrongestSet
from interlock.defend.defences import CEILING
from interlock.defend.figure import ConceptView, concept_pictures
from interlock.explain.drawing.relations import percent
from interlock.report.page import Chapter, data_uri, render_template, thumbnail

ToPil = Callable[[Tensor], Image.Image]
"""(C, H, W) -> the photo it shows: ``Classifier.to_pil``."""
Label = Callable[[int], str]
"""The name of a class: ``Classifier.label``."""
Answer = tuple[str, float]
"""A label and its probability."""

_FOREIGN = (1.0, 3.0)
"""Foreignness from clear to the strongest colour: 1 is ordinary."""
_CONCEPTS = 4


@dataclass(frozen=True, eq=False)
class Before:
    """The photo as it was before the patch."""

    image: Tensor
    """(C, H, W)."""
    answer: Answer
    """The model's answer."""
    patch: Tensor
    """(H, W) bool: where the patch was put."""


@dataclass(frozen=True)
class ShareRow:
    """One defence in a table of shares."""

    name: str
    shares: tuple[tuple[float, float, float], ...]
    """Column by column a share of images and its interval."""
    passes: tuple[float | None, ...] = ()
    """Forward passes on average; None where they are not known. Empty for what has none."""


@dataclass(frozen=True)
class ShareTable:
    """Clean images, one attack, or the worst of several."""

    name: str
    areas: tuple[float | None, ...]
    """Sizes of the patch, a column each; None of a column for no single size."""
    rows: tuple[ShareRow, ...]


@dataclass(frozen=True, eq=False)
class CasePicture:
    """One patched image that the shield saved or lost."""

    kind: str
    """``"saved"`` or ``"lost"``."""
    name: str
    """Of the image."""
    attack: str
    """With the size of the patch."""
    image: Tensor
    """(C, H, W), with the patch."""
    patch: Tensor
    """(H, W) bool: where it truly is."""
    mask: Tensor
    """(H, W) bool: what the shield hid."""
    truth: int
    undefended: int
    """What the bare model answers."""
    label: int
    """What the shield answers."""


def shield_chapter(
    inspection: Inspection,
    *,
    title: str,
    anchor: str,
    photo: Image.Image,
    seen: Image.Image,
    undefended: Answer,
    defended: Answer,
    label: Label,
    before: Before | None = None,
    to_pil: ToPil | None = None,
    note: str = "",
    downloads: Sequence[str] = (),
) -> Chapter:
    """Show what the shield did to one image, step by step.

    Args:
        inspection: what the shield saw.
        title: usually the file's name; plain text.
        anchor: id of the chapter on the page.
        photo: the image as the model takes it.
        seen: the same with the mask filled.
        undefended: the bare model's answer.
        defended: the shield's answer.
        label: the name of a class.
        before: the photo without the patch, where it is known; needs ``to_pil``.
        to_pil: tensor -> image.
        note: a plain sentence above the pictures.
        downloads: names of files beside the page to link to.
    """
    steps: list[dict[str, str]] = []
    if before is not None and to_pil is not None:
        steps.append(_step(to_pil(before.image), "The photo", _said(before.answer)))
    name = "The photo" if before is None else "With a patch"
    steps.append(_step(photo, name, _said(undefended)))
    heat = heat_overlay(photo, inspection.foreignness, *_FOREIGN)
    steps.append(_step(heat, "What is foreign", f"peak {inspection.score:.2f} × the threshold"))
    if inspection.strongest is not None:
        steps.append(_rests_on(inspection.strongest, photo, undefended))
    patch = None if before is None else before.patch
    overlay = mask_overlay(photo, inspection.mask, patch)
    if inspection.tampered:
        covered = percent(float(inspection.mask.float().mean()))
        steps.append(_step(overlay, "The mask", f"{covered} of the image"))
        overruled = dict.fromkeys(label(v) for v in inspection.votes if _kept(inspection))
        said = f"looks like {' or '.join(overruled)}" if overruled else _said(defended)
        steps.append(_step(seen, "What the model sees", said))
    else:
        steps.append(_step(overlay, "No mask", f"the answer stays {_said(defended)}"))
    changed = inspection.label != inspection.undefended
    summary = f"{undefended[0]} → {defended[0]}" if changed else f"stays {defended[0]}"
    body = render_template(
        "shield.html",
        verdict=_verdict(inspection, undefended, defended),
        note=note,
        steps=steps,
        concepts=_concepts(inspection, photo),
        undefended=label(inspection.undefended),
        exact=inspection.exact,
        true_patch=patch is not None,
        votes=[label(vote) for vote in inspection.votes],
        passes=inspection.passes,
        downloads=[(f"./{quote(name)}", name) for name in downloads],
    )
    return Chapter(title, anchor, body, summary, thumbnail(overlay))


def concepts_chapter(
    views: Sequence[ConceptView], *, layer: str, images: int, to_pil: ToPil, label: Label
) -> Chapter:
    """Show each concept of a bank: crops at its peaks, where it lives, which classes it carries."""
    rows = []
    for view in views:
        pictures = [concept_pictures(example, to_pil) for example in view.examples]
        rows.append(
            {
                "name": f"concept {view.number + 1}",
                "share": percent(view.share),
                "crops": [_uri(enlarged(crop)) for crop, _ in pictures],
                "heats": [_uri(heat) for _, heat in pictures],
                "carries": [(label(k), f"+{value:.2g}") for k, value in view.carries],
            }
        )
    body = render_template(
        "concepts.html", rows=rows, layer=layer, images=images, linear=views[0].linear
    )
    first = concept_pictures(views[0].examples[0], to_pil)[1]
    summary = f"{len(views)} of layer {layer}"
    return Chapter("Concepts of the bank", "concepts", body, summary, thumbnail(first))


def evaluation_chapter(
    tables: Sequence[ShareTable],
    attacks: Mapping[str, str],
    *,
    images: int,
    summary: str,
    truth: str = "the true labels",
) -> Chapter:
    """The tables of an evaluation.

    Args:
        tables: clean images first.
        attacks: name -> a few words on it.
        images: how many there are.
        summary: a few words for the contents.
        truth: what counts as right.
    """
    named = {row.name for table in tables for row in table.rows}
    groups = [
        {
            "name": table.name,
            "areas": ["" if area is None else f"{100 * area:g} %" for area in table.areas],
            "lines": [
                {
                    "name": row.name,
                    "cells": [_share(*share) for share in row.shares],
                    "passes": " / ".join("–" if p is None else f"{p:.2f}" for p in row.passes),
                }
                for row in table.rows
            ],
        }
        for table in tables
    ]
    columns = max(len(table.areas) for table in tables)
    body = render_template(
        "evaluation.html",
        groups=groups,
        columns=columns,
        images=images,
        attacks=attacks,
        truth=truth,
        ceiling=CEILING in named,
        worst=any(table.name.startswith("worst") for table in tables),
    )
    return Chapter("Accuracy", "accuracy", body, f"{summary}, {images} images")


def cases_chapters(cases: Sequence[CasePicture], *, to_pil: ToPil, label: Label) -> list[Chapter]:
    """Pictures of what the shield saved and of what it lost; no chapter for what did not happen.

    Args:
        cases: from an evaluation.
        to_pil: tensor -> image.
        label: the name of a class.
    """
    chapters = []
    for kind, title, text in (
        ("saved", "Saved", "The patch fools the bare model, and the shield answers right."),
        ("lost", "Lost", "The shield answers right without the patch, and wrong with it."),
    ):
        chosen = [case for case in cases if case.kind == kind]
        if not chosen:
            continue
        overlays = [mask_overlay(to_pil(case.image), case.mask, case.patch) for case in chosen]
        figures = [
            {
                "photo": _uri(enlarged(to_pil(case.image))),
                "mask": _uri(overlay),
                "name": case.name,
                "attack": case.attack,
                "truth": label(case.truth),
                "undefended": label(case.undefended),
                "label": label(case.label),
                "masked": bool(case.mask.any()),
            }
            for case, overlay in zip(chosen, overlays, strict=True)
        ]
        body = render_template("cases.html", text=text, figures=figures)
        summary = f"{len(chosen)} example{'s' * (len(chosen) != 1)}"
        chapters.append(Chapter(title, kind, body, summary, thumbnail(overlays[0])))
    return chapters


def _rests_on(found: StrongestSet, photo: Image.Image, undefended: Answer) -> dict[str, str]:
    """The set that the undefended answer rests on most."""
    name, probability = undefended
    said = f"{percent(found.share)} of the evidence"
    if not math.isnan(found.without):
        said += f"; without it {name} goes from {percent(probability)} to {percent(found.without)}"
    if found.under_mask:
        said += f"; {percent(found.under_mask)} of it is under the mask"
    return _step(region_overlay(photo, found.region), "What the answer rests on", said)


def _kept(inspection: Inspection) -> bool:
    """Whether something else was seen under the mask, not surely enough to change the answer."""
    label = inspection.label
    return label == inspection.undefended and any(vote != label for vote in inspection.votes)


def _verdict(inspection: Inspection, undefended: Answer, defended: Answer) -> str:
    if not inspection.tampered:
        return f"Nothing is masked: {_said(defended)}."
    if _kept(inspection):
        return f"Masked, and nothing else is sure enough: the answer stays {_said(defended)}."
    if inspection.label == inspection.undefended:
        return f"Masked, and the answer stays {_said(defended)}."
    return f"Masked: {_said(undefended)} becomes {_said(defended)}."


def _concepts(inspection: Inspection, photo: Image.Image) -> list[dict[str, Any]]:
    """The concepts that the bare model's answer rests on most."""
    values = inspection.importances
    order = values.argsort(descending=True)[:_CONCEPTS].tolist()
    largest = float(values.clamp_min(0).max())
    return [
        {
            "name": f"concept {k + 1}",
            "value": f"{values[k]:+.2f}",
            "share": f"{100 * float(values[k]) / largest:.0f}",
            "picture": _uri(
                heat_overlay(photo, inspection.concepts[k], 0.0, float(inspection.concepts.max()))
            ),
        }
        for k in order
        if largest > 0 and values[k] > 0.02 * largest
    ]


def _share(value: float, low: float, high: float) -> tuple[str, str]:
    """The share, and its interval."""
    shown = "–" if math.isnan(value) else f"{100 * value:.1f} %"
    return shown, f"{100 * low:.1f}–{100 * high:.1f}"


def _said(answer: Answer) -> str:
    return f"{answer[0]} {percent(answer[1])}"


def _step(picture: Image.Image, name: str, caption: str) -> dict[str, str]:
    return {"picture": _uri(enlarged(picture)), "name": name, "caption": caption}


def _uri(image: Image.Image) -> str:
    return data_uri(image.convert("RGB"), "jpeg", quality=88)
