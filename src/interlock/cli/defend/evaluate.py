"""``defend evaluate``: a shield and its peers under attacks, on labelled photos.

A study of the lab, in this process and in the folder ``study`` beside the report.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from interlock._files import file_digest, make_folder, write_atomically
from interlock._version import __version__
from interlock.cli.bench import BATCH, Bench, Outcome, Setup, forecast, note_problems
from interlock.cli.choices import usable_device
from interlock.cli.defend.certify import class_of
from interlock.cli.terminal import Terminal, one_line
from interlock.data import LabelledFolder
from interlock.defend.attacks.named import DESCRIPTIONS, NamedAttacks
from interlock.defend.defences import CEILING, SHIELD, UNDEFENDED
from interlock.explain.drawing.relations import percent
from interlock.lab.engines.inline import InlineEngine
from interlock.lab.pages.show import seen
from interlock.lab.plan import results
from interlock.lab.results.attacked import CLEAN
from interlock.lab.results.evaluation import Case, Evaluation, Ordeal
from interlock.lab.results.values import by_item
from interlock.lab.run import run_study
from interlock.lab.store import Store
from interlock.lab.study import AttackPart, DataPart, DefencePart, DefendStudy, ModelPart
from interlock.lab.task import Setting
from interlock.lab.tasks.defend.conditions import OWN, condition_label, conditions
from interlock.names import ATTACKS, ON_SHIELD, PEERS
from interlock.report import CasePicture, Problem, ShareTable, cases_chapters, evaluation_chapter

STUDY = "study"
"""Folder for all that was measured, beside the report."""
PHOTOS = "photos"
"""What the study calls the folder of photos."""
PICTURES = 24
"""About so many saved and so many lost photos in the report."""
NAME, CELL = 28, 20
"""Widths in the table on a terminal."""


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
    dry_run: bool = False
    """Only say how long it takes."""


def evaluate(
    setup: Setup, folder: Path, shield_file: Path, contest: Contest, out: Path, terminal: Terminal
) -> Outcome:
    """Measure a shield on labelled photos, clean and patched; write a table and a report."""
    outcome = Outcome()
    labelled = LabelledFolder.scan(folder)
    classes = labelled.classes
    bench = Bench(setup, terminal, outcome)
    if not contest.dry_run:
        make_folder(out)
    bench.load(shield_file)
    for name in classes:
        class_of(bench, folder, name)
    if contest.dry_run:
        return _forecast(setup, folder, shield_file, contest, labelled, outcome, terminal)
    study = _study(setup, folder, shield_file, contest)
    setting = Setting(study, "defend evaluate", Path.cwd(), usable_device(setup.device))
    with terminal.steps(rate=True) as steps:
        totals = run_study(
            setting, out / STUDY, InlineEngine(), retry_failed=True, force=setup.force, steps=steps
        )
    outcome.interrupted = totals.interrupted
    table = results(out / STUDY)
    rows: list[dict[str, Any]] = table.to_pylist()
    note_problems([*_problems(rows, folder)], outcome, terminal)
    evaluation = Evaluation.of(by_item(table), ordeals(study))
    if not evaluation.images:
        return outcome
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
    record = evaluation.to_dict() | {"made_from": json.loads(json.dumps(made_from))}
    file = write_atomically(out / "evaluation.json", json.dumps(record, indent=2) + "\n")
    terminal.say(f"accuracy on {record['images']} photos, % (Wilson's 95 % interval)")
    for block in evaluation.tables():
        for line in _lines(block):
            terminal.say(line)
    pictures = _Pictures(bench, folder, shield_file, Store(out / STUDY), rows)
    page = _report(bench, evaluation, pictures, out)
    reused = {"reused": totals.reused}
    outcome.values = record | {"file": str(file), "report": str(page)} | reused
    terminal.say(f"report: {page}")
    return outcome


def _forecast(
    setup: Setup,
    folder: Path,
    shield_file: Path,
    contest: Contest,
    labelled: LabelledFolder,
    outcome: Outcome,
    terminal: Terminal,
) -> Outcome:
    """What a run would take: all that is measured of one photo, measured."""
    study = _study(setup, folder, shield_file, replace(contest, limit=1))
    setting = Setting(study, "defend evaluate", Path.cwd(), usable_device(setup.device))
    with TemporaryDirectory() as kept, terminal.steps(rate=True) as steps:
        begun = time.monotonic()
        totals = run_study(setting, Path(kept) / STUDY, InlineEngine(), steps=steps)
        seconds = time.monotonic() - begun
    outcome.interrupted = totals.interrupted
    photos = min(len(labelled.files), contest.limit or len(labelled.files))
    times, methods = len(ordeals(study)), len(study.methods)
    what = f", {times} times each (clean and attacked), {methods} rows"
    forecast(outcome, terminal, photos, photos, photos * seconds, what)
    return outcome


def _study(setup: Setup, folder: Path, shield_file: Path, contest: Contest) -> DefendStudy:
    """The bare model and the shield first, its peers, and the oracle last."""
    fitted = {"file": str(shield_file.resolve())}
    methods = [
        DefencePart(method=UNDEFENDED),
        DefencePart(method=SHIELD, options=fitted),
    ]
    for peer in [name for name in PEERS if name in contest.peers]:
        methods.append(DefencePart(method=peer, options=fitted if peer == "paper" else {}))
        if peer == "patchcleanser" and contest.assumed is not None:
            name, assumed = f"{peer} for {100 * contest.assumed:g} %", {"assumed": contest.assumed}
            methods.append(DefencePart(name=name, method=peer, options=assumed))
    options = {
        f.name: getattr(contest.options, f.name)
        for f in fields(NamedAttacks)
        if f.name not in OWN and getattr(contest.options, f.name) != f.default
    }
    photos = DataPart(
        name=PHOTOS,
        kind="folder",
        path=str(folder.resolve()),
        limit=contest.limit,
        shuffle=setup.seed,
        options={"layout": "classes"},
    )
    return DefendStudy(
        task="defend",
        name="defend evaluate",
        models=(ModelPart(model=setup.model, whole=setup.whole),),
        data=(photos,),
        methods=(*methods, DefencePart(method=CEILING)),
        attacks=tuple(
            AttackPart(
                attack=name,
                areas=tuple(dict.fromkeys(contest.areas)),
                against=SHIELD if name in ON_SHIELD else None,
                options=options,
            )
            for name in dict.fromkeys(contest.attacks)
        ),
        seeds=(setup.seed,),
        batch=BATCH,
    )


def ordeals(study: DefendStudy) -> list[Ordeal]:
    """What the images of a study go through, clean first."""
    gone_through = []
    for condition in conditions(study):
        attack = None if condition.attack is None else study.attacks[condition.attack]
        name = CLEAN if attack is None else attack.attack
        label = condition_label(attack, condition.area)
        gone_through.append(Ordeal(name, condition.area, label))
    return gone_through


def _problems(rows: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Problem]:
    """Each thing that went wrong, with the photos that it befell."""
    befallen: dict[str, list[str]] = {}
    for row in rows:
        if row["error"] is not None:
            photo = one_line(_path(folder, row["data"]))
            name = row["data"].removeprefix(f"{PHOTOS}/")
            error = row["error"].removeprefix(f"{folder.resolve()}: {name}: ")
            befallen.setdefault(one_line(error), []).append(photo)
    for error, photos in befallen.items():
        first, *others = dict.fromkeys(photos)
        more = f" (and {len(others)} photos more)" if others else ""
        yield Problem(first, f"{error}{more}")


def _path(folder: Path, data: str) -> Path:
    """The file that results call by a name."""
    return folder / data.removeprefix(f"{PHOTOS}/")


def _options(contest: Contest, name: str) -> dict[str, Any]:
    options = contest.options.options(name, contest.areas[0])
    return {option: value for option, value in options.items() if option != "area"}


def _lines(table: ShareTable) -> Iterator[str]:
    """A row for each defence, a column for each size, in percent."""
    heads = ["" if area is None else f"{100 * area:g} %" for area in table.areas]
    yield _line(table.name, heads, "passes" if any(row.passes for row in table.rows) else "")
    for row in table.rows:
        cells = [
            f"{100 * value:5.1f} ({100 * low:4.1f}-{100 * high:5.1f})"
            for value, low, high in row.shares
        ]
        passes = " / ".join("-" if mean is None else f"{mean:.2f}" for mean in row.passes)
        yield _line(f"  {row.name}", cells, passes)


def _line(name: str, cells: Sequence[str], last: str) -> str:
    if not any(cells) and len(name) >= NAME:
        return name
    return (name.ljust(NAME) + "".join(cell.ljust(CELL) for cell in cells) + last).rstrip()


class _Pictures:
    """What the lab kept of patched photos, with the answers to them."""

    def __init__(
        self,
        bench: Bench,
        folder: Path,
        shield_file: Path,
        store: Store,
        rows: Sequence[dict[str, Any]],
    ) -> None:
        self._bench, self._folder, self._store = bench, folder, store
        self._shield = bench.load(shield_file)
        self._rows = {
            (row["condition"], row["data"]): row
            for row in rows
            if (row["method"], row["metric"]) == (SHIELD, "right")
        }

    def of(self, case: Case) -> CasePicture:
        """Draw from what was kept."""
        path = _path(self._folder, case.image)
        row = self._rows[case.ordeal.condition, case.image]
        picture, patch, hidden = seen(
            self._store, row, self._bench.read(path).cpu(), self._bench.classifier.bounds
        )
        assert patch is not None
        x = picture[None].to(self._bench.device)
        with torch.no_grad():
            undefended = int(self._bench.logits(x).argmax())
        return CasePicture(
            kind=case.kind,
            name=one_line(path.name),
            attack=case.ordeal.condition,
            image=picture,
            patch=patch,
            mask=hidden,
            truth=class_of(self._bench, self._folder, path.parent.name),
            undefended=undefended,
            label=int(self._shield.predict(x)),
        )


def _report(bench: Bench, evaluation: Evaluation, pictures: _Pictures, out: Path) -> Path:
    attacked = {one.ordeal.attack for one in evaluation.patched}
    most = max(1, min(4, PICTURES // len(evaluation.patched)))
    summary = f"clean {percent(evaluation.clean.share(SHIELD).estimate[0])}"
    for worst in evaluation.worst()[-1:]:
        summary += f", worst case {percent(worst.right[SHIELD].estimate[0])}"
    chapters = [
        evaluation_chapter(
            evaluation.tables(),
            {name: DESCRIPTIONS[name] for name in ATTACKS if name in attacked},
            images=len(evaluation.images),
            summary=summary,
        ),
        *cases_chapters(
            [pictures.of(case) for case in evaluation.cases(most)],
            to_pil=bench.classifier.to_pil,
            label=bench.label,
        ),
    ]
    facts = {"photos": str(len(evaluation.images))}
    return bench.page("A shield under patches", chapters, out, facts)
