"""The runs behind ``interlock defend``: fit a shield, craft patches, apply, evaluate."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interlock._atomic import make_folder, write_atomically
from interlock._cli_choices import class_index, model_at_work, usable_device
from interlock._cli_inputs import Failure, Source, gather
from interlock._cli_terminal import Terminal, one_line
from interlock._version import __version__
from interlock.data import LabelledFolder, read_image
from interlock.defend import ConceptShield, PatchAttack
from interlock.defend.evaluation import Evaluation, Evaluator, Rate
from interlock.defend.figure import draw_concepts, mask_overlay, png_bytes, view_concepts
from interlock.defend.fill import pull_push
from interlock.errors import DataError, InterlockError, ModelError, OptionError, OutputError
from interlock.report import (
    Chapter,
    Problem,
    cases_chapters,
    concepts_chapter,
    evaluation_chapter,
    render_page,
    shield_chapter,
)

if TYPE_CHECKING:
    from interlock.defend import Inspection
    from interlock.models import Classifier

BATCH = 16
CONCEPT_PHOTOS = 96
"""Photos that the page of concepts chooses from."""
CHAPTERS = 100
"""Most photos of a kind, masked or not, that a report shows."""
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


@dataclass(frozen=True)
class Setup:
    """What every command under ``defend`` is given."""

    model: str
    seed: int = 0
    device: str | None = None
    whole: bool = False
    """Squeeze whole photos to the model's input size."""


@dataclass
class Outcome:
    """What a run has done."""

    values: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        failed = [asdict(failure) for failure in self.failures]
        return self.values | {"failed": failed, "interrupted": self.interrupted}


class Bench:
    """A loaded classifier, and photos as it takes them."""

    def __init__(self, setup: Setup, terminal: Terminal, outcome: Outcome) -> None:
        from interlock.models import load_classifier

        self.classifier: Classifier = load_classifier(
            setup.model, device=usable_device(setup.device), whole=setup.whole
        )
        self.model = self.classifier.model
        self.device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        self._terminal, self._outcome = terminal, outcome

    def read(self, path: Path) -> Tensor:
        """(C, H, W).

        Raises:
            InterlockError: the file cannot be read or the model's preprocessing fails.
        """
        image = read_image(path)
        with model_at_work():
            return self.classifier.preprocess(image).to(self.device)

    def batches(self, sources: Sequence[Source]) -> Iterator[tuple[list[Source], Tensor]]:
        """Photos that can be read, in batches, with a bar; complains about the others."""
        kept: list[tuple[Source, Tensor]] = []
        for number, source in enumerate(
            self._terminal.track(sources, len(sources), lambda s: s.path.name), start=1
        ):
            try:
                kept.append((source, self.read(source.path)))
            except OptionError:
                raise  # it would go wrong for every photo
            except InterlockError as error:
                self.fail(source, error)
            if len(kept) == BATCH or (kept and number == len(sources)):
                yield [s for s, _ in kept], _stacked([x for _, x in kept])
                kept = []

    def fail(self, source: Source, error: Exception) -> None:
        """Note a photo that could not be done, and go on."""
        path, message = one_line(source.path), one_line(error)
        message = message if message.startswith(path) else f"{path}: {message}"
        self._outcome.failures.append(Failure(path, message))
        self._terminal.complain(message)

    def answer(self, logits: Tensor) -> tuple[str, float]:
        """(classes,) -> the label and its probability."""
        probabilities = logits.detach().float().softmax(dim=0)
        index = int(probabilities.argmax())
        return self.label(index), float(probabilities[index])

    def label(self, index: int) -> str:
        """The name of a class."""
        return one_line(self.classifier.label(index))

    def load(self, path: Path) -> ConceptShield:
        """A fitted shield of this model."""
        with model_at_work():
            return ConceptShield.load(path, self.model).eval()


def fit(
    setup: Setup,
    folder: Path,
    out: Path,
    options: Mapping[str, Any],
    report: Path | None,
    terminal: Terminal,
) -> Outcome:
    """Fit a shield to a folder of clean photos, and draw its concepts if a report is wanted."""
    outcome = Outcome()
    sources = _sources([folder], outcome, terminal)
    if not sources:
        return outcome
    make_folder(out.parent)
    if report is not None:
        make_folder(report)
    bench = Bench(setup, terminal, outcome)
    # A folder of classes comes sorted; the bank takes a sample of what comes first.
    order = np.random.default_rng(setup.seed).permutation(len(sources))
    shown: list[Tensor] = []
    count = 0

    def clean() -> Iterator[Tensor]:
        nonlocal count
        for _, x in bench.batches([sources[k] for k in order]):
            count += len(x)
            if report is not None and sum(map(len, shown)) < CONCEPT_PHOTOS:
                shown.append(x.cpu())
            yield x

    start = time.monotonic()
    with model_at_work():
        shield = ConceptShield.fit(bench.model, clean(), seed=setup.seed, **options)
    seconds = time.monotonic() - start
    shield.save(out)
    outcome.values = {
        "shield": str(out),
        "model": one_line(bench.classifier.name),
        "images": count,
        "layers": list(shield.foreignness.layers),
        "concepts": len(shield.bank.factors),
        "concept_layer": shield.bank.layer,
        "seconds": round(seconds, 2),
        "report": None,
    }
    terminal.say(f"shield of {count} photos, {seconds:.1f} s: {out}")
    if report is not None:
        outcome.values["report"] = str(_concept_page(bench, shield, shown, count, report, outcome))
        terminal.say(f"report: {outcome.values['report']}")
    return outcome


def _concept_page(
    bench: Bench,
    shield: ConceptShield,
    shown: Sequence[Tensor],
    count: int,
    folder: Path,
    outcome: Outcome,
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
    return _page(bench, "Concepts of a classifier", [chapter], folder, facts, outcome)


def attack(
    setup: Setup, inputs: Sequence[Path], method: PatchAttack, out: Path, terminal: Terminal
) -> Outcome:
    """Put an adversarial patch into each photo, against the model's own answer."""
    outcome = Outcome(values={"images": []})
    sources = _sources(inputs, outcome, terminal)
    if not sources:
        return outcome
    make_folder(out)
    bench = Bench(setup, terminal, outcome)
    method = replace(method, bounds=bench.classifier.bounds)
    try:
        for k, source in enumerate(terminal.track(sources, len(sources), lambda s: s.path.name)):
            try:
                # Each photo has a seed of its own, so that one alone can be made again.
                record = _attacked(bench, source, replace(method, seed=setup.seed + k), out)
            except (OptionError, OutputError):
                raise
            except InterlockError as error:
                bench.fail(source, error)
                continue
            outcome.values["images"].append(record)
            terminal.say(
                f"{record['source']}: {record['before']['label']} -> {record['after']['label']}"
                f" -> {record['files']['png']}"
            )
    except KeyboardInterrupt:
        outcome.interrupted = True
    return outcome


def _attacked(bench: Bench, source: Source, method: PatchAttack, out: Path) -> dict[str, Any]:
    x = bench.read(source.path)[None]
    with model_at_work():
        with torch.no_grad():
            before = bench.model(x)[0]
        patched = method(bench.model, x, before.argmax()[None])
        with torch.no_grad():
            after = bench.model(patched.images)[0]
    files = {suffix: out / f"{source.name}.{suffix}" for suffix in ("png", "json")}
    save_picture(files["png"], bench.classifier.to_pil(patched.images[0]))
    with model_at_work(), torch.no_grad():
        saved = bench.model(bench.read(files["png"])[None])[0]
    record = {
        "source": one_line(source.path),
        "seed": method.seed,
        "area": method.area,
        "steps": method.steps,
        "shape": method.shape,
        "location": method.location,
        "height": x.shape[-2],
        "width": x.shape[-1],
        "places": [asdict(place) for place in patched.places[0]],
        "before": _answer(bench, before),
        "after": _answer(bench, after),
        # Read again as any photo: rounded to 8 bits, and resized if the model does so.
        "after_png": _answer(bench, saved),
        "model": one_line(bench.classifier.name),
        "interlock": __version__,
    }
    write_atomically(files["json"], json.dumps(record, indent=2) + "\n")
    return record | {"files": {suffix: str(path) for suffix, path in files.items()}}


def apply(
    setup: Setup, inputs: Sequence[Path], shield_file: Path, out: Path, terminal: Terminal
) -> Outcome:
    """Classify photos with and without the shield; a mask, an overlay and a row for each."""
    outcome = Outcome(values={"images": [], "csv": None, "report": None})
    sources = _sources(inputs, outcome, terminal)
    if not sources:
        return outcome
    make_folder(out)
    bench = Bench(setup, terminal, outcome)
    shield = bench.load(shield_file)
    records: list[dict[str, Any]] = outcome.values["images"]
    chapters: dict[bool, list[Chapter]] = {True: [], False: []}
    try:
        for source in terminal.track(sources, len(sources), lambda s: s.path.name):
            try:
                record, chapter = _applied(bench, shield, source, out)
            except (OptionError, OutputError):
                raise
            except InterlockError as error:
                bench.fail(source, error)
                continue
            records.append(record)
            if len(chapters[record["tampered"]]) < CHAPTERS:
                chapters[record["tampered"]].append(chapter)
            state = f"masked {record['score']:.2f}" if record["tampered"] else "not masked"
            terminal.say(f"{record['source']}: {record['before']} -> {record['after']}, {state}")
    except KeyboardInterrupt:
        outcome.interrupted = True
    if records:
        outcome.values["csv"] = str(write_atomically(out / "labels.csv", _csv(records)))
        shown = [*chapters[True], *chapters[False]]
        masked = sum(record["tampered"] for record in records)
        facts = {"photos": str(len(records)), "masked": str(masked)}
        if len(shown) < len(records):
            facts["shown"] = f"{len(shown)}; all are in labels.csv"
        page = _page(bench, "What the shield did", shown, out, facts, outcome)
        outcome.values["report"] = str(page)
        terminal.say(f"report: {page}")
    return outcome


def _applied(
    bench: Bench, shield: ConceptShield, source: Source, out: Path
) -> tuple[dict[str, Any], Chapter]:
    x = bench.read(source.path)
    with model_at_work(), torch.no_grad():
        inspection = shield.inspect(x)
        before = bench.answer(bench.model(x[None])[0])
        after = bench.answer(shield(x[None])[0])
    photo = bench.classifier.to_pil(x)
    names = {"mask": f"{source.name}.mask.png", "overlay": f"{source.name}.overlay.png"}
    mask = Image.fromarray(inspection.mask.numpy().astype(np.uint8) * 255)
    save_picture(out / names["mask"], mask)
    save_picture(out / names["overlay"], mask_overlay(photo, inspection.mask))
    chapter = shield_chapter(
        inspection,
        title=one_line(source.path.name),
        anchor=f"image-{sha256(source.name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}",
        photo=photo,
        seen=bench.classifier.to_pil(masked_input(x, inspection)),
        undefended=before,
        defended=after,
        label=bench.label,
        downloads=[one_line(name) for name in names.values()],
    )
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
        "mask": str(out / names["mask"]),
        "overlay": str(out / names["overlay"]),
    }
    return record, chapter


def evaluate(
    setup: Setup,
    folder: Path,
    shield_file: Path,
    areas: Sequence[float],
    method: PatchAttack,
    limit: int | None,
    out: Path,
    terminal: Terminal,
) -> Outcome:
    """Measure a shield on labelled photos: clean, patched, and with the patch's pixels filled."""
    outcome = Outcome()
    labelled = LabelledFolder.scan(folder)
    make_folder(out)
    bench = Bench(setup, terminal, outcome)
    shield = bench.load(shield_file)
    classes = [_class(bench, folder, name) for name in labelled.classes]
    order = np.random.default_rng(setup.seed).permutation(len(labelled))[:limit]
    sources = [Source(labelled.files[k], str(classes[labelled.labels[k]])) for k in order]
    evaluator = Evaluator(shield, areas, replace(method, bounds=bench.classifier.bounds))
    used: list[Source] = []
    try:
        for batch, x in bench.batches(sources):
            with model_at_work():
                evaluator.add(x, torch.tensor([int(s.name) for s in batch], device=x.device))
            used += batch
    except KeyboardInterrupt:
        outcome.interrupted = True
        if not used:
            return outcome
    evaluation = evaluator.result()
    made_from = {
        "model": one_line(bench.classifier.name),
        "folder": one_line(folder),
        "shield": one_line(shield_file),
        "shield_sha256": sha256(shield_file.read_bytes()).hexdigest(),
        "attack": {
            name: getattr(method, name)
            for name in ("steps", "shape", "location", "patches", "norm", "restarts", "seed")
        },
        "batch": BATCH,
        "interlock": __version__,
    }
    found = evaluation.to_dict() | {"made_from": made_from}
    file = write_atomically(out / "evaluation.json", json.dumps(found, indent=2) + "\n")
    for line in _table(evaluation):
        terminal.say(line)
    chapters = [
        evaluation_chapter(evaluation),
        *cases_chapters(
            evaluation.cases,
            to_pil=bench.classifier.to_pil,
            label=bench.label,
            name=lambda k: one_line(used[k].path.name),
        ),
    ]
    facts = {"photos": str(evaluation.images), "attack steps": str(method.steps)}
    page = _page(bench, "A shield under patches", chapters, out, facts, outcome)
    outcome.values = found | {"file": str(file), "report": str(page)}
    terminal.say(f"report: {page}")
    return outcome


def masked_input(x: Tensor, inspection: Inspection) -> Tensor:
    """(C, H, W) with the mask of an inspection filled."""
    return pull_push(x[None], inspection.mask[None, None].to(x.device))[0]


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


def _table(evaluation: Evaluation) -> list[str]:
    def cell(rate: Rate | None) -> str:
        if rate is None:
            return " " * 20
        low, high = rate.interval()
        return f"{100 * rate.value:5.1f} ({100 * low:4.1f}-{100 * high:5.1f})".ljust(20)

    heads = ("undefended %", "shield %", "ceiling %", "masked %")
    lines = [" " * 14 + "".join(head.ljust(20) for head in heads) + "passes"]
    clean = (evaluation.clean_undefended, evaluation.clean, None, evaluation.clean_masked)
    rows: list[tuple[str, tuple[Rate | None, ...], float]] = [
        ("clean", clean, evaluation.clean_passes)
    ]
    for row in evaluation.areas:
        rates = (row.undefended, row.robust, row.ceiling, row.masked)
        rows.append((f"patch {100 * row.area:g} %", rates, row.passes))
    for name, cells, passes in rows:
        lines.append(name.ljust(14) + "".join(map(cell, cells)) + f"{passes:6.2f}")
    return lines


def _sources(inputs: Sequence[Path], outcome: Outcome, terminal: Terminal) -> list[Source]:
    sources, failures = gather(inputs, nested=True)
    outcome.failures += failures
    for failure in failures:
        terminal.complain(failure.error)
    return sources


def _stacked(images: Sequence[Tensor]) -> Tensor:
    sizes = {tuple(x.shape) for x in images}
    if len(sizes) > 1:
        raise ModelError(
            f"the model's preprocess makes inputs of {len(sizes)} sizes; make all of one size, "
            "for instance by --whole"
        )
    return torch.stack(list(images))


def _answer(bench: Bench, logits: Tensor) -> dict[str, Any]:
    label, probability = bench.answer(logits)
    return {"label": label, "probability": probability}


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def save_picture(path: Path, image: Image.Image) -> None:
    """A PNG file, whole or absent."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def _page(
    bench: Bench,
    title: str,
    chapters: Sequence[Chapter],
    folder: Path,
    facts: Mapping[str, str],
    outcome: Outcome,
) -> Path:
    told = {"model": one_line(bench.classifier.name), **facts}
    told["made"] = time.strftime("%Y-%m-%d %H:%M")
    if outcome.interrupted:
        told["state"] = "interrupted; finished photos only"
    problems = [Problem(f.source, f.error.removeprefix(f"{f.source}: ")) for f in outcome.failures]
    page = render_page(title, chapters, facts=told, problems=problems)
    return write_atomically(folder / "index.html", page)
