"""Pictures of wins and losses: patched photos that the shield saved or lost, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from interlock._files import file_digest
from interlock._pictures import mask_overlay
from interlock.cli.audit.assured import AREA, assured_chapter
from interlock.cli.audit.page import SETTINGS
from interlock.cli.audit.photos import Photos
from interlock.cli.audit.study import Patched, PatchStudy
from interlock.cli.bench import Bench, save_picture
from interlock.cli.choices import model_at_work
from interlock.cli.defend.apply import masked_input
from interlock.cli.kept import Keeper
from interlock.cli.terminal import one_line
from interlock.defend import ConceptShield
from interlock.defend.defences import UNDEFENDED
from interlock.defend.figure import view_concepts
from interlock.explain import HSets
from interlock.lab.pages.show import seen
from interlock.lab.results.evaluation import Case
from interlock.lab.store import Store
from interlock.report import Before, Chapter, Number, Picture, concepts_chapter, shield_chapter
from interlock.report.page import data_uri

SHOWN = 3
"""Saved photos that are shown at most, and lost ones."""
SIDE = 320
"""Of a picture among the findings, in pixels."""
FOR_CONCEPTS = 32
RECORD, CHAPTERS = "cases.json", "chapters.json"
FOOLED = "fooled"
WORDS = {"saved": "Saved", "lost": "Lost", FOOLED: "Fooled"}
"""Kinds of cases, as they are shown."""


@dataclass(frozen=True)
class Cases:
    """What is shown of photos that were patched."""

    chapters: list[Chapter]
    pictures: list[Picture]
    safe: float | None
    """Share of places of one photo where a patch can do no harm; None where none was drawn."""


def make_cases(
    bench: Bench,
    work: PatchStudy,
    patched: Patched,
    photos: Photos,
    shield_file: Path | None,
    *,
    link: str,
) -> Cases:
    """Draw them, or take up what an earlier run drew of just these results.

    Args:
        bench: with the classifier.
        work: the study.
        patched: what it came to.
        photos: of the audit.
        shield_file: of the shield that was measured.
        link: of the study's folder, seen from the page.
    """
    chosen = _chosen(patched)
    digest = None if shield_file is None else file_digest(shield_file)
    keeper = Keeper(bench, work.folder, {"area": AREA, "shield_sha256": digest, "sets": True})
    proven = bool(patched.proven.count)
    key = keeper.key(
        cases=[
            [case.kind, case.image, patched.row(case.image, case.ordeal.condition)["made_artefact"]]
            for case in chosen
        ],
        proven=proven,
    )
    record = keeper.take(RECORD, key)
    if record is None:
        shield = None if shield_file is None else bench.load(shield_file)
        drawing = _Drawing(bench, work, patched, shield, link)
        chapters, rows, files = [], [], []
        for case in chosen:
            with model_at_work():
                chapter, row = drawing.case(case)
            chapters += [] if chapter is None else [chapter]
            rows.append(row)
            files += [row["photo"], row["overlay"]]
        safe = None
        if proven:
            right = patched.evaluation.clean.right[UNDEFENDED]
            photo = work.photo(max(patched.evaluation.images, key=lambda image: right[image]))
            chapter, safe = assured_chapter(bench, shield, photo)
            chapters.append(chapter)
        if shield is not None:
            chapters.append(_concepts(bench, shield, photos))
        files.append(keeper.put_chapters(CHAPTERS, chapters))
        record = keeper.put(RECORD, key, {"cases": rows, "safe": safe}, files)
    chapters = keeper.chapters(CHAPTERS)
    return Cases(chapters, [_picture(work.folder, row) for row in record["cases"]], record["safe"])


def _chosen(patched: Patched) -> list[Case]:
    """Some that the shield saved and some that it lost; without a shield, some that are fooled.

    Each photo once of a kind, with the smallest patch.
    """
    if patched.shielded:
        cases = patched.evaluation.cases(len(patched.evaluation.images))
    else:
        clean = patched.evaluation.clean.right[UNDEFENDED]
        cases = [
            Case(FOOLED, attacked.ordeal, image)
            for attacked in patched.evaluation.patched
            for image, right in attacked.right[UNDEFENDED].items()
            if clean[image] and not right
        ]
    chosen = []
    for kind in WORDS:
        first: dict[str, Case] = {}
        for case in cases:
            if case.kind == kind:
                first.setdefault(case.image, case)
        chosen += [*first.values()][:SHOWN]
    return chosen


class _Drawing:
    def __init__(
        self,
        bench: Bench,
        work: PatchStudy,
        patched: Patched,
        shield: ConceptShield | None,
        link: str,
    ) -> None:
        self._bench, self._work, self._patched = bench, work, patched
        self._shield, self._link = shield, link
        self._store = Store(work.folder)

    def case(self, case: Case) -> tuple[Chapter | None, dict[str, Any]]:
        """Its chapter, where there is a shield, and what a record keeps of it."""
        bench, photo = self._bench, self._work.photo(case.image)
        x = bench.read(photo.path)
        row = self._patched.row(case.image, case.ordeal.condition)
        image, patch, hidden = seen(self._store, row, x.cpu(), bench.classifier.bounds)
        assert patch is not None
        image = image.to(bench.device)
        to_pil = bench.classifier.to_pil
        pictures = {
            "photo": (f"{photo.name}-{case.kind}.png", to_pil(image)),
            "overlay": (
                f"{photo.name}-{case.kind}-mask.png",
                mask_overlay(to_pil(image), hidden, patch),
            ),
        }
        for name, picture in pictures.values():
            save_picture(self._work.folder / name, picture)
        with torch.no_grad():
            before = bench.answer(bench.logits(x[None])[0])
            undefended = bench.answer(bench.logits(image[None])[0])
        record = {
            "kind": case.kind,
            "source": one_line(photo.path),
            "name": one_line(photo.path.name),
            "label": before[0],
            "patched": undefended[0],
            "shielded": None,
            "anchor": f"{case.kind}-{photo.anchor}",
            "area": case.ordeal.area,
            **{kind: name for kind, (name, _) in pictures.items()},
        }
        if self._shield is None:
            return None, record
        links = [f"{self._link}{one_line(name)}" for name, _ in pictures.values()]
        chapter, shielded = self._chapter(case, x, image, patch, (before, undefended), links)
        return chapter, record | {"shielded": shielded}

    def _chapter(
        self,
        case: Case,
        x: Tensor,
        image: Tensor,
        patch: Tensor,
        answers: tuple[tuple[str, float], tuple[str, float]],
        links: list[str],
    ) -> tuple[Chapter, str]:
        """What the shield did, step by step, and what it answers with the patch."""
        bench, shield, (before, undefended) = self._bench, self._shield, answers
        photo = self._work.photo(case.image)
        assert shield is not None
        with torch.no_grad():
            clean = bench.answer(shield(x[None])[0])
            defended = bench.answer(shield(image[None])[0])
        inspection = shield.inspect(image, HSets(bench.model).explain)
        to_pil = bench.classifier.to_pil
        chapter = shield_chapter(
            inspection,
            title=f"{one_line(photo.path.name)} with a patch",
            anchor=f"{case.kind}-{photo.anchor}",
            photo=to_pil(image),
            seen=to_pil(masked_input(image, inspection)),
            undefended=undefended,
            defended=defended,
            label=bench.label,
            before=Before(x, before, patch),
            to_pil=to_pil,
            note=(
                f"An attacker who owns {case.ordeal.area:.0%} of the photo and knows the model, "
                "not the shield, draws there what misleads it most. The shield was fitted to other "
                "photos and is told neither place, size nor label. Without the patch it answers "
                f"{clean[0]}."
            ),
            downloads=links,
        )
        return chapter, defended[0]


def _concepts(bench: Bench, shield: ConceptShield, photos: Photos) -> Chapter:
    """What the shield's bank holds, seen through photos that it was fitted to."""
    prepared = [bench.classifier.preprocess(image) for image in photos.learnt_from(FOR_CONCEPTS)]
    images = torch.stack(prepared).to(bench.device)
    with model_at_work():
        views = view_concepts(bench.model, shield.bank, images, examples=3)
    return concepts_chapter(
        views,
        layer=shield.bank.layer,
        images=len(images),
        to_pil=bench.classifier.to_pil,
        label=bench.label,
    )


def _picture(folder: Path, row: Mapping[str, Any]) -> Picture:
    """The pair of pictures as one: with the patch, and what the shield hides of it."""
    kinds = ("photo",) if row["shielded"] is None else ("photo", "overlay")
    parts = []
    for kind in kinds:
        with Image.open(folder / row[kind]) as file:
            side = SIDE / max(file.size)
            size = (round(file.width * side), round(file.height * side))
            parts.append(file.convert("RGB").resize(size))
    joined = Image.new("RGB", (sum(part.width for part in parts), parts[0].height))
    for number, part in enumerate(parts):
        joined.paste(part, (number * parts[0].width, 0))
    shield = [] if row["shielded"] is None else [f", behind the shield {row['shielded']}"]
    return Picture(
        uri=data_uri(joined, "jpeg", quality=85),
        name=f"{WORDS[row['kind']]}: {row['label']}",
        link="#accuracy" if row["shielded"] is None else f"#{row['anchor']}",
        caption=("with a patch on ", area(row["area"]), f" {row['patched']}", *shield),
    )


def area(share: float = AREA) -> Number:
    """The size of a patch, as a sentence has it."""
    size = f"{100 * share:g}"
    return Number(f"patch.area.{size}", f"{size} %", share, f"#{SETTINGS}", "setting of the audit")
