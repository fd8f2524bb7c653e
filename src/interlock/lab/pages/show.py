"""The picture behind a number."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interlock.data.sources import Sample
from interlock.errors import OptionError, OutputError
from interlock.lab.data import find_sample
from interlock.lab.kept_study import FILE, kept_study
from interlock.lab.pages.pictures import draw_explained, draw_patched, draw_votes
from interlock.lab.plan import results
from interlock.lab.store import Store
from interlock.lab.study import STUDIES
from interlock.lab.task import Setting
from interlock.lab.tasks.defend.patched import hidden_at, picture_at
from interlock.models.pixel_range import Bounds

SHORTEST = 4


@dataclass(frozen=True)
class Shown:
    """An item, and a picture of it."""

    item: str
    model: str
    data: str
    method: str
    condition: str
    values: dict[str, float | None]
    """Metric -> value."""
    error: str | None
    png: bytes
    """Empty where the item failed."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the picture."""
        names = ("item", "model", "data", "method", "condition", "values", "error")
        return {name: getattr(self, name) for name in names}


def kept_setting(folder: Path) -> Setting:
    """The study of a folder, as it was run last.

    Raises:
        OutputError: there is none.
    """
    kept = kept_study(folder)
    try:
        named = json.loads(json.dumps(kept["study"]), object_hook=_without_empty_name)
        study = STUDIES[kept["task"]].model_validate_json(json.dumps(named))
        return Setting(study, kept["file"], Path(kept["base"]), kept["device"])
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{folder / FILE}: holds no study ({error}); run it again") from None


def _without_empty_name(table: dict[str, Any]) -> dict[str, Any]:
    """As a study's file has it: what has no name there is kept with an empty one."""
    return {key: value for key, value in table.items() if (key, value) != ("name", "")}


def show(folder: Path, item: str) -> Shown:
    """Draw one item of a study: its map, its patched picture, or its votes.

    Args:
        folder: of the study.
        item: its name, or the beginning of it.

    Raises:
        OptionError: no such item, or the beginning of several.
        OutputError: its artefact was not kept.
        InterlockError: its data or model are not where they were.
    """
    rows = _rows(folder, item)
    first = rows[0]
    error = next((row["error"] for row in rows if row["error"]), None)
    setting, store = kept_setting(folder), Store(folder)
    png = b""
    if error is None and any(row["value"] is not None for row in rows):
        draw = {"explain": _explained, "defend": _patched, "certify": _votes}
        png = draw[setting.study.task](setting, store, first)
    return Shown(
        item=first["item"],
        model=first["model"],
        data=first["data"],
        method=first["method"],
        condition=first["condition"],
        values={row["metric"]: row["value"] for row in rows},
        error=error,
        png=png,
    )


def _rows(folder: Path, item: str) -> list[dict[str, Any]]:
    if len(item) < SHORTEST:
        raise OptionError(f"{item!r}: give at least {SHORTEST} characters of an item's name")
    import pyarrow.compute as pc

    table = results(folder)
    rows: list[dict[str, Any]] = table.filter(pc.starts_with(table["item"], item)).to_pylist()
    names = {row["item"] for row in rows}
    if len(names) != 1:
        said = "no item" if not names else f"{len(names)} items"
        raise OptionError(f"{item!r}: {said} of {folder} begin with it; the column 'item' has them")
    data = rows[0]["data"]  # the same bytes may be there under a second name
    return [row for row in rows if row["data"] == data]


def _content(store: Store, row: dict[str, Any], column: str) -> bytes:
    if not row[column]:
        raise OutputError(f"{row['item']}: no picture was kept; the study says artefacts = false")
    return store.content(row[column])


def _photo(setting: Setting, row: dict[str, Any]) -> tuple[Any, Tensor, Sample]:
    from interlock.lab.tasks.classifiers import Classifiers

    classifiers = Classifiers(setting)
    sample = find_sample(setting.study.data, setting.base, row["data"])
    return classifiers[row["model"]], classifiers.photo(row["model"], sample).cpu(), sample


def _explained(setting: Setting, store: Store, row: dict[str, Any]) -> bytes:
    with np.load(io.BytesIO(_content(store, row, "artefact")), allow_pickle=False) as archive:
        saliency, target = archive["saliency"], int(archive["target"])
    classifier, x, _ = _photo(setting, row)
    title = f"{row['data']}: {row['method']} of {classifier.label(target)}"
    return draw_explained(classifier.to_pil(x), saliency, title)


def _patched(setting: Setting, store: Store, row: dict[str, Any]) -> bytes:
    classifier, x, _ = _photo(setting, row)
    picture, patch, hidden = seen(store, row, x, classifier.bounds)
    title = f"{row['data']}: {row['condition']}, {row['method']}"
    if row["made_artefact"] and patch is None:
        title += " (wrong without a patch: not attacked)"
    return draw_patched(classifier.to_pil(picture), hidden, patch, title)


def seen(
    store: Store, row: dict[str, Any], x: Tensor, bounds: Bounds | None
) -> tuple[Tensor, Tensor | None, Tensor]:
    """What a defence was shown, and what it hid of it.

    Args:
        store: of the study.
        row: of the defence on the image.
        x: (C, H, W), the image without a patch.
        bounds: black and white as the model takes them.

    Returns:
        (C, H, W); (H, W) bool, where the patch is, None without one; (H, W) bool, what is hidden.
    """
    picture, patch, place = x, None, json.loads(row["options"])["in_block"]
    if row["made_artefact"]:
        patched = picture_at(_content(store, row, "made_artefact"), place, x, bounds)
        picture, patch = patched or (x, None)
    hidden = torch.zeros(x.shape[-2:], dtype=torch.bool)
    if row["artefact"]:
        hidden = hidden_at(_content(store, row, "artefact"), place)
    return picture, patch, hidden


def _votes(setting: Setting, store: Store, row: dict[str, Any]) -> bytes:
    votes = json.loads(_content(store, row, "artefact"))
    return draw_votes(votes, f"{row['data']}: {row['condition']}, {row['method']}")
