"""``defend harden``: a model that keeps more of its labels under masks, from clean photos."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interlock._files import make_folder, write_atomically
from interlock.cli.bench import Bench, Outcome, Setup, find_photos, forecast, stacked
from interlock.cli.choices import model_at_work
from interlock.cli.defend.certify import class_of
from interlock.cli.inputs import Photo
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import CertifiedShield, Hardening, harden
from interlock.defend.certified.distill import Distillation, distilled
from interlock.defend.certified.hardening import EVERY, JUDGES
from interlock.errors import OutputError
from interlock.models.derived import save_derived

CHECKPOINT = "unfinished.safetensors"
TRIED, TRIED_STEPS = 8, 2
"""Photos and steps of training that a dry run is timed with."""


@dataclass(frozen=True)
class Training:
    """How it is trained and judged."""

    area: float = 0.02
    masks: int = 3
    steps: int = 300
    batch_size: int = 32
    learning_rate: float | None = None
    mirror: bool = True
    minutes: float | None = None
    labelled: bool = False
    """Learn and judge by the names of the photos' folders."""
    dry_run: bool = False
    """Only say how long it takes."""


def harden_photos(
    setup: Setup, folder: Path, training: Training, out: Path, terminal: Terminal
) -> Outcome:
    """Train on photos, and write a folder that ``--model`` takes."""
    outcome = Outcome()
    photos = find_photos([folder], outcome, terminal)
    if not photos:
        return outcome
    if Path(setup.model).resolve() == out.resolve():
        raise OutputError(f"{out}: is the model given; choose another folder by --out")
    bench = Bench(setup, terminal, outcome)
    if training.dry_run:
        return _forecast(bench, photos, training, outcome, terminal)
    make_folder(out)
    # A folder of classes comes sorted, and every fifth photo judges: of each class some do.
    batches: list[Tensor] = []
    truth: list[int] = []
    numbers: dict[str, int] = {}
    for part, x in bench.batches(photos):
        batches.append(x)
        for photo in part if training.labelled else ():
            name = photo.path.parent.name
            if name not in numbers:
                numbers[name] = class_of(bench, folder, name)
            truth.append(numbers[name])
    checkpoint = out / CHECKPOINT
    if setup.force:
        checkpoint.unlink(missing_ok=True)
    options: dict[str, Any] = asdict(training)
    minutes = options.pop("minutes")
    del options["dry_run"]
    labels = torch.tensor(truth, device=bench.device) if options.pop("labelled") else None
    try:
        with model_at_work(), terminal.steps(rate=True) as steps:
            model = harden(
                bench.model,
                batches,
                labels=labels,
                seconds=None if minutes is None else 60 * minutes,
                checkpoint=checkpoint,
                told=steps("training"),
                seed=setup.seed,
                **options,
            )
    except KeyboardInterrupt:
        outcome.interrupted = True
        return outcome
    said = model.hardening
    assert isinstance(said, Hardening)
    weights = save_derived(out, setup.model, bench.model, model)
    record = asdict(said) | {
        "model": one_line(out),
        "original": one_line(bench.name),
        "weights": weights,
        "training": {k: v for k, v in asdict(training).items() if k != "dry_run"},
        "seed": setup.seed,
    }
    write_atomically(out / "hardening.json", json.dumps(record, indent=2) + "\n")
    outcome.values = record
    state = "hardened" if said.kept else "not hardened, the weights are the original's"
    terminal.say(f"{state}: {said.reason}")
    terminal.say(
        f"clean {said.clean[0]:.3f} -> {said.clean[1]:.3f}; photos of another kind may lose"
    )
    terminal.say(f"model: {out}; certify it by 'interlock defend certify LABELLED --model {out}'")
    return outcome


def _forecast(
    bench: Bench, photos: Sequence[Photo], training: Training, outcome: Outcome, terminal: Terminal
) -> Outcome:
    """What a training takes: two of its steps, and the passes of its judges, timed."""
    names = ("batch_size", "learning_rate", "mirror")
    options = {name: getattr(training, name) for name in names}
    part: list[Tensor] = []
    for photo in photos:
        with bench.attempt(photo):
            part.append(bench.read(photo.path))
        if len(part) == TRIED:
            break
    if not part:
        return outcome
    x = stacked(part)
    with model_at_work():
        begun = time.monotonic()
        distilled(bench.model, x, Distillation(steps=TRIED_STEPS, **options))
        step = (time.monotonic() - begun) / TRIED_STEPS
        safe = CertifiedShield(bench.model, area=training.area, masks=training.masks)
        begun = time.monotonic()
        safe.certified(x, bench.logits(x).argmax(dim=1))
        judge = (time.monotonic() - begun) / len(x)
    steps = training.steps * step
    if training.minutes is not None:
        steps = min(steps, 60 * training.minutes)
    judges = min(len(photos) // EVERY, JUDGES)
    what = f", {training.steps} steps at most, {judges} judges"
    # judged before and after; twice more where the new weights do not hold
    forecast(outcome, terminal, len(photos), len(photos), steps + 2 * judges * judge, what)
    return outcome
