"""``defend apply --certified``: photos with the answer that a card is about."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interlock._files import file_digest, make_folder, write_atomically
from interlock._pictures import mask_overlay
from interlock.cli.bench import Bench, Outcome, Setup, find_photos, save_picture, spare_photos
from interlock.cli.choices import model_at_work
from interlock.cli.inputs import Photo
from interlock.cli.kept import Keeper, input_digest, seal
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import CertifiedShield, PatchCard
from interlock.errors import DataError, ModelError, OptionError
from interlock.report import Exhibit, Grid, exhibits_chapter, grids_chapter

SHOWN = 24
"""Most photos that the page shows."""
COLUMNS = ("source", "label", "undefended", "assured", "alarm", "decided", "hidden_share", "passes")


@dataclass(frozen=True)
class Given:
    """What is applied."""

    card: Path
    shield: Path | None
    """The one that the card names, if any."""


def apply_certified(
    setup: Setup,
    inputs: Sequence[Path],
    given: Given,
    out: Path,
    terminal: Terminal,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Say of each photo the label, if it is assured, if masks disagree, and what is hidden.

    A dry run says how many photos are left to do, and how long they take.
    """
    outcome = Outcome(values={"images": [], "csv": None, "report": None})
    card = PatchCard.load(given.card)
    photos = find_photos(inputs, outcome, terminal)
    if not photos:
        return outcome
    spare_photos(photos, [out / f"{photo.name}.overlay.png" for photo in photos])
    bench = Bench(setup, terminal, outcome)
    safe = _defence(bench, card, given)
    work = _Answerer(bench, card, safe, given, out, setup.force)
    if dry_run:
        return bench.forecast(photos, work)
    make_folder(out)
    try:
        for photo in bench.track(photos):
            with bench.attempt(photo):
                record = work.record(photo)
                outcome.values["images"].append(record)
                terminal.say(f"{record['source']}: {record['label']}, {_said(record)}")
    except KeyboardInterrupt:
        outcome.interrupted = True
    records: list[dict[str, Any]] = outcome.values["images"]
    if records:
        bench.tell_cut()
        outcome.values["csv"] = str(write_atomically(out / "labels.csv", _csv(records)))
        outcome.values["report"] = str(_page(bench, card, records, out))
        terminal.say(f"report: {outcome.values['report']}")
    return outcome


def _defence(bench: Bench, card: PatchCard, given: Given) -> CertifiedShield:
    """What the card is about.

    Raises:
        ModelError: another model, or one that reads photos otherwise.
        OptionError: another shield.
    """
    if bench.whole != card.whole:
        fix = "add --whole" if card.whole else "leave --whole out"
        raise ModelError(f"{given.card}: of photos that were read otherwise; {fix}")
    digest = None if given.shield is None else file_digest(given.shield)
    if digest != card.shield:
        fix = "leave it out" if card.shield is None else "give the file that was certified with"
        raise OptionError(f"shield={given.shield}: the card is of another shield; {fix}")
    shield = None if given.shield is None else bench.load(given.shield)
    try:
        return card.certified_shield(bench.model, shield)
    except ModelError as error:
        raise ModelError(f"{given.card}: {error}") from None


class _Answerer:
    def __init__(
        self,
        bench: Bench,
        card: PatchCard,
        safe: CertifiedShield,
        given: Given,
        out: Path,
        force: bool,
    ) -> None:
        self._bench, self._card, self._safe, self._out = bench, card, safe, out
        decides = {"card_sha256": file_digest(given.card)}
        self._keeper = Keeper(bench, out, decides, force=force)

    def record(self, photo: Photo) -> dict[str, Any]:
        """What is said of one photo, worked out or taken up."""
        bench, x = self._bench, self._read(photo)
        key, record = self._kept(photo, x)
        overlay = f"{photo.name}.overlay.png"
        reused = record is not None
        if record is None:
            with model_at_work(), torch.no_grad():
                seen = self._safe.verdict(x[None])
                own = int(bench.logits(x[None])[0].argmax())
            hidden = seen.hidden[0, 0].cpu()
            save_picture(self._out / overlay, mask_overlay(bench.classifier.to_pil(x), hidden))
            mask = Image.fromarray(hidden.numpy().astype(np.uint8) * 255)
            save_picture(self._out / f"{photo.name}.mask.png", mask)
            facts: dict[str, Any] = {
                "label": bench.label(int(seen.labels)),
                "undefended": bench.label(own),
                "assured": bool(seen.assured),
                "alarm": bool(seen.alarm),
                "decided": bool(seen.decided),
                "hidden_share": float(hidden.float().mean()),
                "passes": int(seen.passes),
            }
            files = [overlay, f"{photo.name}.mask.png"]
            facts["seal"] = seal(facts)
            record = self._keeper.put(f"{photo.name}.json", key, facts, files)
        paths = {kind: str(self._out / f"{photo.name}.{kind}.png") for kind in ("mask", "overlay")}
        return record | {"source": one_line(photo.path), "reused": reused} | paths

    def finished(self, photo: Photo) -> bool:
        """Whether an earlier run did it."""
        return self._kept(photo, self._read(photo))[1] is not None

    def rehearse(self, photo: Photo) -> None:
        """What takes time of what is done to one photo; nothing is written."""
        x = self._read(photo)
        with model_at_work(), torch.no_grad():
            self._safe.verdict(x[None])

    def _read(self, photo: Photo) -> Tensor:
        x, card = self._bench.read(photo.path), self._card
        if x.shape[-2:] != (card.height, card.width):
            size = "x".join(map(str, x.shape[-2:]))
            raise DataError(f"input of {size}; the card is for {card.height}x{card.width}")
        return x

    def _kept(self, photo: Photo, x: Tensor) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """What decides its record, and that of an earlier run if nobody changed it."""
        key = self._keeper.key(photo_sha256=file_digest(photo.path), input_sha256=input_digest(x))
        record = self._keeper.take(f"{photo.name}.json", key)
        sealed = record is not None and record.get("seal") == seal(record)
        return key, record if sealed else None


def _said(record: dict[str, Any]) -> str:
    words = ["assured" if record["assured"] else "not assured"]
    words += ["alarm"] if record["alarm"] else []
    words += [f"{record['hidden_share']:.0%} hidden"] if record["hidden_share"] else []
    return ", ".join(words)


def _page(bench: Bench, card: PatchCard, records: list[dict[str, Any]], out: Path) -> Path:
    grid = Grid(
        "Answers",
        ("photo", "label", "assured", "alarm", "hidden", "passes"),
        [
            (
                one["source"], one["label"], "yes" if one["assured"] else "no",
                "yes" if one["alarm"] else "no", f"{one['hidden_share']:.0%}", str(one["passes"]),
            )
            for one in records
        ],
    )  # fmt: skip
    note = (
        "Assured: whatever one patch of the certified size an attacker put into this photo, "
        f"without it the answer would have been the same. The card says: {card.sentence}."
    )
    pictures = [
        Exhibit(f"{one['source']}: {one['label']}, {_said(one)}", Path(one["overlay"]).read_bytes())
        for one in records[:SHOWN]
    ]
    chapters = [grids_chapter("Answers", "answers", [grid], note), exhibits_chapter(pictures)]
    facts = {
        "photos": str(len(records)),
        "assured": str(sum(one["assured"] for one in records)),
        "alarms": str(sum(one["alarm"] for one in records)),
    }
    return bench.page("Answers with a certificate", chapters, out, facts)


def _csv(records: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
