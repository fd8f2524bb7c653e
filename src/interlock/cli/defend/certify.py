"""``defend certify``: how many photos like these keep their label under any patch of a size."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interlock._files import file_digest, make_folder
from interlock.cli.bench import Bench, Outcome, Setup, find_photos, without_copies
from interlock.cli.choices import model_at_work
from interlock.cli.defend.labelled import one_of_each, read_labelled
from interlock.cli.defend.safe_map import safe_map
from interlock.cli.inputs import Photo
from interlock.cli.kept import Keeper, input_digest, seal
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import CertifiedShield, PatchCard
from interlock.defend.certified.card import Examined, Share
from interlock.errors import DataError, InterlockError, OptionError
from interlock.models.labels import labelled_class
from interlock.names import InnerMaps, MaskFill
from interlock.report import Chapter, Exhibit, Grid, exhibits_chapter, grids_chapter

RECORDS = "photos"
"""Folder for what is known of each photo."""
TRIED = 16
"""Masked images that a dry run is timed with."""


@dataclass(frozen=True)
class Claim:
    """What is to be certified."""

    area: float
    masks: int = 6
    fill: MaskFill = "pull_push"
    inner: InnerMaps = "filled"
    aspect: float = 1.0
    allowance: int = 2
    confidence: float = 0.95
    limit: int | None = None
    """Most photos, drawn at random."""
    groups: str | None = None
    """Column of a table that ties photos of one scene; one of each counts."""
    maps: int = 8
    """Photos of which the safe places are drawn."""
    dry_run: bool = False


def certify(
    setup: Setup,
    folder: Path,
    shield_file: Path | None,
    claim: Claim,
    out: Path,
    terminal: Terminal,
) -> Outcome:
    """Certify labelled photos one by one and write a card, or say how long it takes."""
    outcome = Outcome()
    Share.of(0, 1, claim.confidence)  # refuses a confidence that is none
    labelled = read_labelled(folder, claim.groups)
    bench = Bench(setup, terminal, outcome)
    classes = {one.label: class_of(bench, folder, one.label) for one in labelled}
    if claim.groups is not None:
        everyone, labelled = labelled, one_of_each(labelled)
        terminal.note(
            f"{len(everyone)} photos in {len(labelled)} groups of {claim.groups!r}; one of each"
        )
    truths = {one.path.resolve(): classes[one.label] for one in labelled}
    photos = find_photos([one.path for one in labelled], outcome, terminal)
    if claim.limit is not None and len(photos) > claim.limit:
        drawn = np.random.default_rng(setup.seed).permutation(len(photos))[: claim.limit]
        photos = [photos[k] for k in sorted(drawn)]
    photos = without_copies(photos, outcome, terminal)
    safe = CertifiedShield(
        bench.model,
        area=claim.area,
        masks=claim.masks,
        fill=claim.fill,
        inner=claim.inner,
        shield=None if shield_file is None else bench.load(shield_file),
        aspect=claim.aspect,
        allowance=claim.allowance,
    )
    least, most = proof_seconds(bench, safe, photos[0], len(photos))
    outcome.values |= {"photos": len(photos), "seconds_at_least": least, "seconds_at_most": most}
    terminal.note(f"{len(photos)} photos: {_time(least)} to {_time(most)}, by what they need")
    if claim.dry_run:
        return outcome
    make_folder(out / RECORDS)
    work = _Examiner(bench, safe, shield_file, claim, out, setup.force)
    records: dict[str, dict[str, Any]] = {}
    try:
        for photo in bench.track(photos):
            with bench.attempt(photo):
                records[photo.name] = work.record(photo, truths[photo.path.resolve()])
    except KeyboardInterrupt:
        outcome.interrupted = True
        return outcome
    if records:
        _finish(bench, safe, shield_file, claim, records, photos, truths, out, outcome, terminal)
    return outcome


def class_of(bench: Bench, folder: Path, name: str) -> int:
    """The class that a sub-folder's name names.

    Raises:
        DataError: the model has none of that name.
    """
    try:
        return labelled_class(name, bench.classifier.labels)
    except OptionError as error:
        if folder.is_dir():
            raise DataError(
                f"{folder / name}: {error}; name class folders as the model's labels or numbers"
            ) from None
        raise DataError(f"{folder}: label {name}: {error}; use the model's, or numbers") from None


class _Examiner:
    def __init__(
        self,
        bench: Bench,
        safe: CertifiedShield,
        shield_file: Path | None,
        claim: Claim,
        out: Path,
        force: bool,
    ) -> None:
        self._bench, self._safe = bench, safe
        names = ("area", "masks", "fill", "inner", "aspect", "allowance")
        decides = {name: asdict(claim)[name] for name in names}
        decides["shield_sha256"] = None if shield_file is None else file_digest(shield_file)
        self._keeper = Keeper(bench, out / RECORDS, decides, force=force)

    def record(self, photo: Photo, truth: int) -> dict[str, Any]:
        """What is known of one photo, found out or taken up."""
        bench = self._bench
        x = bench.read(photo.path)
        key = self._keeper.key(
            photo_sha256=file_digest(photo.path), input_sha256=input_digest(x), truth=truth
        )
        record = self._keeper.take(f"{photo.name}.json", key)
        if record is not None and record.get("seal") == seal(record):
            return record | {"reused": True}
        begun = time.monotonic()
        with model_at_work():
            seen = self._safe.measured(x[None], torch.tensor([truth], device=x.device))
        examined = Examined(
            label=bench.label(truth),
            clean=int(seen.own) == truth,
            answered=int(seen.labels) == truth,
            detected=bool(seen.detected),
            certified=bool(seen.certified),
            passes=int(seen.passes),
        )
        more = {
            "source": one_line(photo.path),
            "height": x.shape[-2],
            "width": x.shape[-1],
            "seconds": round(time.monotonic() - begun, 3),
        }
        facts = asdict(examined) | more
        self._keeper.put(f"{photo.name}.json", key, facts | {"seal": seal(facts)}, [])
        return facts | {"reused": False}


def _finish(
    bench: Bench,
    safe: CertifiedShield,
    shield_file: Path | None,
    claim: Claim,
    records: dict[str, dict[str, Any]],
    photos: Sequence[Photo],
    truths: dict[Path, int],
    out: Path,
    outcome: Outcome,
    terminal: Terminal,
) -> None:
    """The card and its page."""
    sizes = {(one["height"], one["width"]) for one in records.values()}
    if len(sizes) > 1:
        raise DataError(
            f"photos of {len(sizes)} input sizes; a card holds for one, for instance by --whole"
        )
    ((height, width),) = sizes
    fields = set(Examined.__dataclass_fields__)
    card = PatchCard.of(
        [Examined(**{k: one[k] for k in fields}) for one in records.values()],
        confidence=claim.confidence,
        groups=claim.groups,
        model=one_line(bench.classifier.name),
        weights=bench.weights,
        whole=bench.whole,
        height=height,
        width=width,
        area=claim.area,
        masks=claim.masks,
        fill=claim.fill,
        inner=claim.inner,
        aspect=claim.aspect,
        allowance=claim.allowance,
        shield=None if shield_file is None else file_digest(shield_file),
    )
    file = card.save(out / "card.json")
    terminal.say(card.sentence)
    chapters: list[Chapter] = [_table(card)]
    maps = [*_maps(bench, safe, claim, photos, truths)]
    if maps:
        chapters.append(exhibits_chapter([exhibit for exhibit, _ in maps]))
    page = bench.page("Certified against patches", chapters, out, {"photos": str(len(records))})
    terminal.say(f"card: {file}; report: {page}")
    outcome.values |= card.to_dict() | {
        "file": str(file),
        "report": str(page),
        "reused": sum(one["reused"] for one in records.values()),
        "seconds": round(sum(one["seconds"] for one in records.values()), 2),
        "safe_places": {name: share for _, (name, share) in maps},
    }


def _table(card: PatchCard) -> Chapter:
    rows = [
        ("right, the bare model", card.clean),
        ("right, the certified answer", card.answered),
        ("certified", card.certified),
        ("detected: right, or an alarm", card.detected),
        *((f"certified: {name}", share) for name, share in card.classes.items()),
    ]
    grid = Grid(
        card.sentence,
        ("", "photos", "share", "at least", "at most"),
        [
            (
                name,
                str(one.photos),
                *(f"{100 * v:.1f} %" for v in (one.value, one.lower, one.upper)),
            )
            for name, one in rows
        ],
    )
    note = (
        f"Exact bounds, each with {card.confidence:.0%} confidence by itself, for photos drawn as "
        f"these were. An answer takes {card.passes:.1f} passes on average."
    )
    return grids_chapter("Certificate", "certificate", [grid], note)


def _maps(
    bench: Bench,
    safe: CertifiedShield,
    claim: Claim,
    photos: Sequence[Photo],
    truths: dict[Path, int],
) -> Iterator[tuple[Exhibit, tuple[str, float]]]:
    """For some photos where a patch can do no harm."""
    order = np.random.default_rng(0).permutation(len(photos))[: claim.maps]
    for photo in (photos[k] for k in sorted(order)):
        try:
            x = bench.read(photo.path)
        except InterlockError:  # it was complained about before
            continue
        truth = truths[photo.path.resolve()]
        with model_at_work():
            picture, share = safe_map(bench.classifier, safe, x, truth)
        text = (
            f"{one_line(photo.path.name)}: {bench.label(truth)}; safe {share:.0%}, magenta is not"
        )
        yield Exhibit(text, picture), (one_line(photo.path), share)


def proof_seconds(
    bench: Bench, safe: CertifiedShield, photo: Photo, count: int
) -> tuple[float, float]:
    """Seconds that all photos take if none or each is certified."""
    x = bench.read(photo.path)
    masks = safe.mask_set(*x.shape[-2:]).to(x.device)
    images: Tensor = x[None].expand(TRIED, -1, -1, -1)
    hidden = masks[torch.arange(TRIED) % len(masks)]
    with model_at_work(), torch.no_grad():
        safe.under(images[:1], hidden[:1])
        begun = time.monotonic()
        safe.under(images, hidden)
    each = (time.monotonic() - begun) / TRIED
    n = len(masks)
    return count * n * each, count * (n * (n + 1) // 2 + 1) * each


def _time(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes} min"
