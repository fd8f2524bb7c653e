"""``defend apply``: photos with and without the shield."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from interlock._files import make_folder, write_atomically
from interlock._pictures import mask_overlay
from interlock.cli.bench import (
    Bench,
    Outcome,
    Setup,
    find_photos,
    save_picture,
    spare_photos,
)
from interlock.cli.choices import model_at_work
from interlock.cli.inputs import Source
from interlock.cli.kept import Keeper, file_digest, input_digest
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import ConceptShield
from interlock.defend.shield.fill import pull_push
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
    setup: Setup, inputs: Sequence[Path], shield_file: Path, out: Path, terminal: Terminal
) -> Outcome:
    """Classify photos with and without the shield; a mask, an overlay and a row for each."""
    outcome = Outcome(values={"images": [], "csv": None, "report": None})
    sources = find_photos(inputs, outcome, terminal)
    if not sources:
        return outcome
    kinds = ("mask", "overlay")
    spare_photos(sources, [out / f"{s.name}.{kind}.png" for s in sources for kind in kinds])
    make_folder(out / PARTS)
    bench = Bench(setup, terminal, outcome)
    work = _Applier(bench, shield_file, out, setup.force)
    records: dict[str, dict[str, Any]] = {}
    chapters: dict[bool, dict[str, Chapter]] = {True: {}, False: {}}
    try:
        for source in terminal.track(
            _shuffled(sources, setup.seed), len(sources), lambda s: s.path.name
        ):
            with bench.attempt(source):
                full = {kind for kind, shown in chapters.items() if len(shown) >= CHAPTERS}
                record, chapter = work.record(source, full)
                records[source.name] = record
                if chapter is not None:
                    title = _title(source, sources)
                    chapters[record["tampered"]][source.name] = replace(chapter, title=title)
                state = f"masked {record['score']:.2f}" if record["tampered"] else "not masked"
                state += ", finished before" if record["reused"] else ""
                terminal.say(
                    f"{record['source']}: {record['before']} -> {record['after']}, {state}"
                )
    except KeyboardInterrupt:
        outcome.interrupted = True
    if records:
        done = [source.name for source in sources if source.name in records]
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
    def __init__(self, bench: Bench, shield_file: Path, out: Path, force: bool) -> None:
        self._bench, self._out = bench, out
        self._shield: ConceptShield = bench.load(shield_file)
        decides = {"shield_sha256": file_digest(shield_file)}
        self._keeper = Keeper(bench, out, decides, force=force)

    def record(self, source: Source, full: set[bool]) -> tuple[dict[str, Any], Chapter | None]:
        """One photo's row, and its chapter unless the report is full of its kind.

        Takes up what an earlier run finished.

        Args:
            source: the photo.
            full: kinds, masked or not, of which the report has enough.
        """
        x = self._bench.read(source.path)
        key = self._keeper.key(photo_sha256=file_digest(source.path), input_sha256=input_digest(x))
        record = self._keeper.take(f"{source.name}.json", key)
        reused = record is not None
        chapter = None
        if record is not None and record["tampered"] not in full:
            chapter = self._kept_chapter(source, record)
            reused = chapter is not None
        if record is None or not reused:
            record, chapter = self._made(source, x, key, full)
        paths = {kind: str(self._out / f"{source.name}.{kind}.png") for kind in ("mask", "overlay")}
        return record | {"source": one_line(source.path), "reused": reused} | paths, chapter

    def _made(
        self, source: Source, x: Tensor, key: dict[str, Any], full: set[bool]
    ) -> tuple[dict[str, Any], Chapter | None]:
        bench, shield = self._bench, self._shield
        with model_at_work(), torch.no_grad():
            inspection = shield.inspect(x)
            before = bench.answer(bench.model(x[None])[0])
            after = bench.answer(shield(x[None])[0])
        photo = bench.classifier.to_pil(x)
        files = [f"{source.name}.mask.png", f"{source.name}.overlay.png"]
        mask = Image.fromarray(inspection.mask.numpy().astype(np.uint8) * 255)
        save_picture(self._out / files[0], mask)
        save_picture(self._out / files[1], mask_overlay(photo, inspection.mask))
        chapter = None
        if inspection.tampered not in full:
            chapter = shield_chapter(
                inspection,
                title=one_line(source.path.name),
                anchor=_anchor(source),
                photo=photo,
                seen=bench.classifier.to_pil(masked_input(x, inspection)),
                undefended=before,
                defended=after,
                label=bench.label,
                downloads=[one_line(name) for name in (*files, f"{source.name}.json")],
            )
            files.append(_part(source))
            write_atomically(self._out / files[-1], json.dumps(asdict(chapter)))
        record = {
            "source": one_line(source.path),
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
        return self._keeper.put(f"{source.name}.json", key, record, files), chapter

    def _kept_chapter(self, source: Source, record: Mapping[str, Any]) -> Chapter | None:
        if _part(source) not in record["sha256"]:
            return None
        kept = json.loads((self._out / _part(source)).read_text("utf-8"))
        return Chapter(**kept | {"body": Markup(kept["body"])})


def _part(source: Source) -> str:
    return f"{PARTS}/{source.name}.json"


def _anchor(source: Source) -> str:
    return f"image-{sha256(source.name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _title(source: Source, sources: Sequence[Source]) -> str:
    """Its file's name, with that of the folder where another file is named so too."""
    alike = sum(other.path.name == source.path.name for other in sources)
    return one_line(Path(*source.path.parts[-2:]) if alike > 1 else source.path.name)


def _shuffled(sources: Sequence[Source], seed: int) -> Sequence[Source]:
    """In an order of the seed's, where a report cannot show all: it is to show a fair sample."""
    if len(sources) <= CHAPTERS:
        return sources
    return [sources[k] for k in np.random.default_rng(seed).permutation(len(sources))]


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
