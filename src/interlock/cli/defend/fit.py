"""``defend fit``: a shield from a folder of clean photos, and a page of its concepts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest
from torch import Tensor

from interlock._files import make_folder, write_atomically
from interlock._pictures import png_bytes
from interlock.cli.bench import Bench, Outcome, Setup, find_photos, forecast
from interlock.cli.choices import model_at_work
from interlock.cli.inputs import Photo
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import ConceptShield
from interlock.defend.figure import draw_concepts, view_concepts
from interlock.defend.shield.clean_pass import CALIBRATION
from interlock.errors import OutputError
from interlock.report import concepts_chapter

TRIED = 32
"""Photos that a dry run is timed with."""
FEW = 100
"""Photos below which a shield's rates are hardly known."""
CONCEPT_PHOTOS = 96
"""Photos that the page of concepts chooses from."""


def fit(
    setup: Setup,
    folder: Path,
    out: Path,
    options: Mapping[str, Any],
    report: Path | None,
    terminal: Terminal,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Fit a shield to a folder of clean photos, and draw its concepts if a report is wanted."""
    outcome = Outcome()
    photos = find_photos([folder], outcome, terminal)
    if not photos:
        return outcome
    if dry_run:
        return _forecast(Bench(setup, terminal, outcome), photos, options, outcome, terminal)
    make_folder(out.parent)
    if out.is_dir():
        raise OutputError(f"{out}: is a folder; name a file by --out")
    if report is not None:
        make_folder(report)
    bench = Bench(setup, terminal, outcome)
    # A folder of classes comes sorted; what comes first sets the thresholds.
    order = np.random.default_rng(setup.seed).permutation(len(photos))
    shown: list[Tensor] = []
    count = 0

    def clean() -> Iterator[Tensor]:
        nonlocal count
        for _, x in bench.batches([photos[k] for k in order]):
            count += len(x)
            if report is not None and sum(map(len, shown)) < CONCEPT_PHOTOS:
                shown.append(x.cpu())
            yield x

    start = time.monotonic()
    with model_at_work():
        shield = ConceptShield.fit(bench.model, clean(), seed=setup.seed, **options)
    seconds = time.monotonic() - start
    shield.save(out)
    held_out = min(count // 2, CALIBRATION)
    masked = int(shield.settings.false_mask_rate * held_out)
    low, high = binomtest(masked, held_out).proportion_ci(0.95, "exact")
    outcome.values = {
        "shield": str(out),
        "model": one_line(bench.classifier.name),
        "images": count,
        "few": count < FEW,
        "held_out": held_out,
        "mask_rate": masked / held_out,
        "mask_rate_interval": [float(low), float(high)],
        "layers": list(shield.foreignness.layers),
        "concepts": len(shield.bank.factors),
        "concept_layer": shield.bank.layer,
        "mirror": shield.settings.mirror,
        "seconds": round(seconds, 2),
        "report": None,
    }
    terminal.say(f"shield of {count} photos, {seconds:.1f} s: {out}")
    terminal.say(
        f"it masks {masked} of {held_out} photos held out; of others like these, "
        f"{low:.1%} to {high:.1%} (95 %)"
    )
    if count < FEW:
        terminal.say(
            f"{count} photos are few: give at least {FEW}, from where the shield will work"
        )
    if not shield.settings.mirror and options.get("mirror") is None:
        terminal.say("mirrored clean photos lose their labels, so the shield does not use them")
    if report is not None:
        outcome.values["report"] = str(_concept_page(bench, shield, shown, count, report))
        terminal.say(f"report: {outcome.values['report']}")
    return outcome


def _forecast(
    bench: Bench,
    photos: Sequence[Photo],
    options: Mapping[str, Any],
    outcome: Outcome,
    terminal: Terminal,
) -> Outcome:
    """What a fit takes, by one to a part of the photos."""
    part = photos[:TRIED]
    begun = time.monotonic()
    with model_at_work():
        ConceptShield.fit(bench.model, (x for _, x in bench.batches(part)), **options)
    each = (time.monotonic() - begun) / len(part)
    forecast(outcome, terminal, len(photos), len(photos), each * len(photos))
    return outcome


def _concept_page(
    bench: Bench, shield: ConceptShield, shown: Sequence[Tensor], count: int, folder: Path
) -> Path:
    with model_at_work():
        views = view_concepts(bench.model, shield.bank, [x.to(bench.device) for x in shown])
    to_pil = bench.classifier.to_pil
    figure = draw_concepts(views, to_pil, bench.label)
    write_atomically(folder / "concepts.png", png_bytes(figure))
    chapter = concepts_chapter(
        views,
        layer=shield.bank.layer,
        images=sum(map(len, shown)),
        to_pil=to_pil,
        label=bench.label,
    )
    facts = {"photos": str(count), "layers": ", ".join(shield.foreignness.layers)}
    return bench.page("Concepts of a classifier", [chapter], folder, facts)
