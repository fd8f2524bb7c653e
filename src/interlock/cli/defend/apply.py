"""``defend apply``: photos with and without the shield."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interlock._files import file_digest, make_folder, write_atomically
from interlock._pictures import mask_overlay
from interlock.cli.bench import Bench, Outcome, Setup, find_photos, save_picture, spare_photos
from interlock.cli.choices import model_at_work
from interlock.cli.inputs import Photo
from interlock.cli.kept import Keeper, input_digest
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import ConceptShield
from interlock.defend.fill import pull_push
from interlock.explain import HSets
from interlock.report import Chapter, shield_chapter

if TYPE_CHECKING:
    from interlock.defend import Inspection

CHAPTERS = 100
"""Most photos of a kind, masked or not, that a report shows."""
PARTS = "parts"
"""Folder for the finished chapters of the report."""
COLUMNS = (
    "source",
    "before",
    "before_probability",
    "after",
    "after_probability",
    "tampered",
    "score",
    "masked_share",
    "passes",
    "mask",
    "overlay",
)


def apply(
    setup: Setup,
    inputs: Sequence[Path],
    shield_file: Path,
    out: Path,
    terminal: Terminal,
    *,
    sets: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Classify photos with and without the shield; a mask, an overlay and a row for each.

    Args:
        setup: with the model.
        inputs: photos and folders of photos.
        shield_file: the shield.
        out: folder for what is written.
        terminal: where it is told.
        sets: also show the set of pixels that each undefended answer rests on most.
        dry_run: only say how many photos are left to do, and how long they take.
    """
    outcome = Outcome(values={"images": [], "csv": None, "report": None})
    photos = find_photos(inputs, outcome, terminal)
    if not photos:
        return outcome
    kinds = ("mask", "overlay")
    spare_photos(photos, [out / f"{s.name}.{kind}.png" for s in photos for kind in kinds])
    bench = Bench(setup, terminal, outcome)
    work = _Applier(bench, shield_file, out, setup.force, sets)
    if dry_run:
        return bench.forecast(photos, work)
    make_folder(out / PARTS)
    records: dict[str, dict[str, Any]] = {}
    chapters: dict[bool, dict[str, Chapter]] = {True: {}, False: {}}
    try:
        for photo in bench.track(_shuffled(photos, setup.seed)):
            with bench.attempt(photo):
                full = {kind for kind, shown in chapters.items() if len(shown) >= CHAPTERS}
                record, chapter = work.record(photo, full)
                records[photo.name] = record
                if chapter is not None:
                    title = _title(photo, photos)
                    chapters[record["tampered"]][photo.name] = replace(chapter, title=title)
                state = f"masked {record['score']:.2f}" if record["tampered"] else "not masked"
                state += ", finished before" if record["reused"] else ""
                terminal.say(
                    f"{record['source']}: {record['before']} -> {record['after']}, {state}"
                )
    except KeyboardInterrupt:
        outcome.interrupted = True
    if records:
        bench.tell_cut()
        done = [photo.name for photo in photos if photo.name in records]
        outcome.values["images"] = [records[name] for name in done]
        table = _csv(outcome.values["images"])
        outcome.values["csv"] = str(write_atomically(out / "labels.csv", table))
        shown = [c[name] for c in chapters.values() for name in done if name in c]
        masked = sum(record["tampered"] for record in records.values())
        facts = {"photos": str(len(records)), "masked": str(masked)}
        if len(shown) < len(records):
            facts["shown"] = f"{len(shown)}, drawn at random; all are in labels.csv"
        page = bench.page("What the shield did", shown, out, facts)
        outcome.values["report"] = str(page)
        terminal.say(f"report: {page}")
    return outcome


def masked_input(x: Tensor, inspection: Inspection) -> Tensor:
    """(C, H, W) with the mask of an inspection filled."""
    return pull_push(x[None], inspection.mask[None, None].to(x.device))[0]


class _Applier:
    def __init__(self, bench: Bench, shield_file: Path, out: Path, force: bool, sets: bool) -> None:
        self._bench, self._out = bench, out
        self._shield: ConceptShield = bench.load(shield_file)
        self._explain = HSets(bench.model).explain if sets else None
        decides = {"shield_sha256": file_digest(shield_file)} | ({"sets": True} if sets else {})
        self._keeper = Keeper(bench, out, decides, force=force)

    def record(self, photo: Photo, full: set[bool]) -> tuple[dict[str, Any], Chapter | None]:
        """One photo's row, and its chapter unless the report is full of its kind.

        Takes up what an earlier run finished.

        Args:
            photo: which one.
            full: kinds, masked or not, of which the report has enough.
        """
        x = self._bench.read(photo.path)
        key, record = self._kept(photo, x)
        reused = record is not None
        chapter = None
        if record is not None and record["tampered"] not in full:
            reused = _part(photo) in record["sha256"]
            chapter = self._keeper.chapters(_part(photo))[0] if reused else None
        if record is None or not reused:
            record, chapter = self._made(photo, x, key, full)
        paths = {kind: str(self._out / f"{photo.name}.{kind}.png") for kind in ("mask", "overlay")}
        return record | {"source": one_line(photo.path), "reused": reused} | paths, chapter

    def finished(self, photo: Photo) -> bool:
        """Whether an earlier run did it."""
        return self._kept(photo, self._bench.read(photo.path))[1] is not None

    def rehearse(self, photo: Photo) -> None:
        """What takes time of what is done to one photo; nothing is written."""
        x = self._bench.read(photo.path)
        with model_at_work(), torch.no_grad():
            self._shield.inspect(x, self._explain)
            self._shield(x[None])

    def _kept(self, photo: Photo, x: Tensor) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """What decides its record, and that of an earlier run."""
        key = self._keeper.key(photo_sha256=file_digest(photo.path), input_sha256=input_digest(x))
        return key, self._keeper.take(f"{photo.name}.json", key)

    def _made(
        self, photo: Photo, x: Tensor, key: dict[str, Any], full: set[bool]
    ) -> tuple[dict[str, Any], Chapter | None]:
        bench, shield = self._bench, self._shield
        with model_at_work(), torch.no_grad():
            inspection = shield.inspect(x, self._explain)
            before = bench.answer(bench.logits(x[None])[0])
            after = bench.answer(shield(x[None])[0])
        picture = bench.classifier.to_pil(x)
        files = [f"{photo.name}.mask.png", f"{photo.name}.overlay.png"]
        mask = Image.fromarray(inspection.mask.numpy().astype(np.uint8) * 255)
        save_picture(self._out / files[0], mask)
        save_picture(self._out / files[1], mask_overlay(picture, inspection.mask))
        chapter = None
        if inspection.tampered not in full:
            chapter = shield_chapter(
                inspection,
                title=one_line(photo.path.name),
                anchor=photo.anchor,
                photo=picture,
                seen=bench.classifier.to_pil(masked_input(x, inspection)),
                undefended=before,
                defended=after,
                label=bench.label,
                downloads=[one_line(name) for name in (*files, f"{photo.name}.json")],
            )
            files.append(self._keeper.put_chapters(_part(photo), [chapter]))
        record = {
            "source": one_line(photo.path),
            "before": before[0],
            "before_probability": before[1],
            "after": after[0],
            "after_probability": after[1],
            "tampered": inspection.tampered,
            "score": inspection.score,
            "masked_share": float(inspection.mask.float().mean()),
            "passes": inspection.passes,
            "votes": [bench.label(vote) for vote in inspection.votes],
        }
        if found := inspection.strongest:
            record["strongest"] = {
                "share": found.share,
                "under_mask": found.under_mask,
                "without": None if math.isnan(found.without) else found.without,
            }
        return self._keeper.put(f"{photo.name}.json", key, record, files), chapter


def _part(photo: Photo) -> str:
    return f"{PARTS}/{photo.name}.json"


def _title(photo: Photo, photos: Sequence[Photo]) -> str:
    """Its file's name, with that of the folder where another file is named so too."""
    alike = sum(other.path.name == photo.path.name for other in photos)
    return one_line(Path(*photo.path.parts[-2:]) if alike > 1 else photo.path.name)


def _shuffled(photos: Sequence[Photo], seed: int) -> Sequence[Photo]:
    """In an order of the seed's, where a report cannot show all: it is to show a fair sample."""
    if len(photos) <= CHAPTERS:
        return photos
    return [photos[k] for k in np.random.default_rng(seed).permutation(len(photos))]


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
