"""``defend harden``: a model that keeps more of its labels under masks, from clean photos."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interlock._files import make_folder, write_atomically
from interlock.cli.bench import Bench, Outcome, Setup, find_photos
from interlock.cli.choices import model_at_work
from interlock.cli.defend.certify import class_of
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import Hardening, harden
from interlock.errors import OutputError
from interlock.models.derived import save_derived

CHECKPOINT = "unfinished.safetensors"


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
    """Judge by the names of the photos' folders."""


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
    make_folder(out)
    bench = Bench(setup, terminal, outcome)
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
        "training": asdict(training),
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
