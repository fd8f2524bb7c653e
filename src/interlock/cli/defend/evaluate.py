"""``defend evaluate``: a shield and its peers under attacks, on labelled photos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interlock._files import make_folder, write_atomically
from interlock._version import __version__
from interlock.cli.bench import BATCH, Bench, Outcome, Setup, stacked
from interlock.cli.choices import class_index, model_at_work
from interlock.cli.defend.parts import restore_patch, restore_tally, store_patch, store_tally
from interlock.cli.defend.table import table
from interlock.cli.inputs import Source
from interlock.cli.kept import Keeper, file_digest, input_digest
from interlock.cli.terminal import Terminal, one_line
from interlock.data import LabelledFolder
from interlock.defend.attacks.named import TOLD, NamedAttacks
from interlock.defend.attacks.universal import UniversalPatch
from interlock.defend.evaluation import CLEAN, Evaluation, Tally, Trial
from interlock.defend.evaluator import Evaluator
from interlock.errors import DataError, OptionError
from interlock.names import ATTACKS
from interlock.report import cases_chapters, evaluation_chapter

PARTS = "parts"
"""Folder for finished pieces."""
TRAINING = 64
"""Photos that a universal patch is trained on, at most: the first of those that are measured."""
PICTURES = 24
"""About so many saved and so many lost photos in the report."""


@dataclass(frozen=True)
class Contest:
    """What is measured."""

    areas: Sequence[float]
    attacks: Sequence[str]
    options: NamedAttacks
    peers: Sequence[str] = ()
    assumed: float | None = None
    """PatchCleanser also with masks for a patch of this share of the image."""
    limit: int | None = None
    """Most photos."""


@dataclass(frozen=True, eq=False)
class _Batch:
    start: int
    sources: list[Source]
    x: Tensor
    """(N, C, H, W)."""
    labels: Tensor
    made_from: dict[str, Any]

    def __len__(self) -> int:
        return len(self.sources)


def evaluate(
    setup: Setup, folder: Path, shield_file: Path, contest: Contest, out: Path, terminal: Terminal
) -> Outcome:
    """Measure a shield on labelled photos, clean and patched; write a table and a report."""
    outcome = Outcome()
    labelled = LabelledFolder.scan(folder)
    make_folder(out / PARTS)
    bench = Bench(setup, terminal, outcome)
    work = _Measurer(bench, setup, shield_file, contest, out)
    classes = [_class(bench, folder, name) for name in labelled.classes]
    order = np.random.default_rng(setup.seed).permutation(len(labelled))[: contest.limit]
    sources = [Source(labelled.files[k], str(classes[labelled.labels[k]])) for k in order]
    try:
        work.run(sources, terminal)
    except KeyboardInterrupt:
        outcome.interrupted = True
    if not work.used:
        return outcome
    evaluation = work.evaluator.result()
    made_from = {
        "model": one_line(bench.classifier.name),
        "folder": one_line(folder),
        "shield": one_line(shield_file),
        "shield_sha256": file_digest(shield_file),
        "attacks": {name: _options(contest, name) for name in contest.attacks},
        "peers": list(contest.peers),
        "seed": setup.seed,
        "batch": BATCH,
        "interlock": __version__,
    }
    found = evaluation.to_dict() | {"made_from": json.loads(json.dumps(made_from))}
    file = write_atomically(out / "evaluation.json", json.dumps(found, indent=2) + "\n")
    for line in table(evaluation):
        terminal.say(line)
    page = _report(bench, evaluation, work.used, out)
    outcome.values = found | {"file": str(file), "report": str(page), "reused": work.reused}
    terminal.say(f"report: {page}")
    return outcome


class _Measurer:
    """Takes batches of photos through all trials, and takes up what an earlier run finished."""

    def __init__(
        self, bench: Bench, setup: Setup, shield_file: Path, contest: Contest, out: Path
    ) -> None:
        self._bench, self._contest, self._out = bench, contest, out
        self._force = setup.force
        self._shield = bench.load(shield_file)
        decides = {"shield_sha256": file_digest(shield_file)}
        self._keeper = Keeper(bench, out, decides)
        self._options = replace(contest.options, bounds=bench.classifier.bounds)
        self._trained_on: dict[str, Any] = {}
        self.evaluator = self._evaluator({})
        self.used: list[Source] = []
        """The photos that were counted, in order."""
        self.reused = 0
        """Trials of a batch that were finished before."""

    def run(self, sources: Sequence[Source], terminal: Terminal) -> None:
        """Take all batches through all trials; a batch is counted when its last trial is done."""
        if "universal" in self._contest.attacks:
            self._train(sources)
        trials = self.evaluator.trials
        batches = range(0, len(sources), BATCH)
        tallies: list[Tally] = []
        steps = self._steps(sources, trials)
        for batch, trial in terminal.track(steps, len(batches) * len(trials), _named):
            clean = tallies[0] if tallies else None
            tallies.append(self._tally(batch, trial, clean))
            if len(tallies) == len(trials):
                self.used += batch.sources
                self.evaluator.take(tallies)
                tallies = []

    def _steps(
        self, sources: Sequence[Source], trials: Sequence[Trial]
    ) -> Iterator[tuple[_Batch, Trial]]:
        for start in range(0, len(sources), BATCH):
            batch = self._read(start, sources[start : start + BATCH])
            if batch is not None:
                for trial in trials:
                    yield batch, trial

    def _read(self, start: int, sources: Sequence[Source], *, quiet: bool = False) -> _Batch | None:
        kept: list[tuple[Source, Tensor]] = []
        for source in sources:
            with self._bench.attempt(source, quiet=quiet):
                kept.append((source, self._bench.read(source.path)))
        if not kept:
            return None
        x = stacked([image for _, image in kept])
        read = [source for source, _ in kept]
        classes = [int(source.name) for source in read]
        made_from = {
            "photos_sha256": [file_digest(source.path) for source in read],
            "input_sha256": input_digest(x),
            "classes": classes,
        }
        return _Batch(start, read, x, torch.tensor(classes, device=x.device), made_from)

    def _train(self, sources: Sequence[Source]) -> None:
        """Make the universal patches, on the first photos that are measured."""
        batch = self._read(0, sources[:TRAINING], quiet=True)
        if batch is None:
            return
        patches = {}
        for area in self._contest.areas:
            options = self._options.options("universal", area)
            key = self._keeper.key(universal=options, **batch.made_from)
            self._trained_on = batch.made_from
            file = self._out / PARTS / f"universal-{area:g}.safetensors"
            patch = None if self._force else restore_patch(file, key, batch.x.device)
            if patch is None:
                with model_at_work():
                    patch = self._options.train(self._shield.model, area, batch.x, batch.labels)
                store_patch(file, key, patch)
            patches[area] = patch
        self.evaluator = self._evaluator(patches)

    def _evaluator(self, patches: dict[float, UniversalPatch]) -> Evaluator:
        self._options = replace(self._options, patches=patches)
        return Evaluator(
            self._shield,
            self._contest.areas,
            self._contest.attacks,
            self._options,
            peers=self._contest.peers,
            assumed=self._contest.assumed,
        )

    def _tally(self, batch: _Batch, trial: Trial, clean: Tally | None) -> Tally:
        key = self._keeper.key(
            trial=list(trial),
            start=batch.start,
            rows=[sorted(self._contest.peers), self._contest.assumed],
            **batch.made_from,
        )
        if trial.attack == CLEAN.attack:
            key["shape"] = self._options.shape
        else:
            assert trial.area is not None
            key["attack"] = self._options.options(trial.attack, trial.area)
        if trial.attack == "universal":
            key["trained_on"] = self._trained_on
        name = "-".join([f"{batch.start:06}", trial.attack, f"{trial.area or 0:g}"])
        file = self._out / PARTS / f"{name}.safetensors"
        key = json.loads(json.dumps(key))
        tally = None if self._force else restore_tally(file, key, trial)
        if tally is not None:
            self.reused += 1
            return tally
        with model_at_work():
            tally = self.evaluator.tally(trial, batch.x, batch.labels, batch.start, clean)
        store_tally(file, key, tally)
        return tally


def _options(contest: Contest, name: str) -> dict[str, Any]:
    found = contest.options.options(name, contest.areas[0])
    return {option: value for option, value in found.items() if option != "area"}


def _named(step: tuple[_Batch, Trial]) -> str:
    batch, (attack, area) = step
    size = "" if area is None else f" {100 * area:g} %"
    return f"photos {batch.start + 1} to {batch.start + len(batch)}, {attack}{size}"


def _class(bench: Bench, folder: Path, name: str) -> int:
    try:
        index = class_index(name.replace("_", " "), bench.classifier.labels)
    except OptionError:
        try:
            index = class_index(name, bench.classifier.labels)
        except OptionError as error:
            raise DataError(
                f"{folder / name}: {error}; name class folders as the model's labels or numbers"
            ) from None
    assert index is not None
    return index


def _report(bench: Bench, evaluation: Evaluation, used: Sequence[Source], out: Path) -> Path:
    attacked = {tally.trial.attack for tally in evaluation.patched}
    most = max(1, min(4, PICTURES // len(evaluation.patched)))
    chapters = [
        evaluation_chapter(evaluation, {name: TOLD[name] for name in ATTACKS if name in attacked}),
        *cases_chapters(
            evaluation.cases(most),
            to_pil=bench.classifier.to_pil,
            label=bench.label,
            name=lambda k: one_line(used[k].path.name),
        ),
    ]
    return bench.page("A shield under patches", chapters, out, {"photos": str(evaluation.images)})
