"""What every run under ``defend`` works on: a loaded classifier, photos, a report."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from interlock._files import write_atomically
from interlock.cli.choices import model_at_work, usable_device
from interlock.cli.inputs import Failure, Source, gather
from interlock.cli.terminal import Terminal, one_line
from interlock.data import read_image
from interlock.defend import ConceptShield
from interlock.errors import InterlockError, ModelError, OptionError, OutputError
from interlock.report import Chapter, Problem, render_page

if TYPE_CHECKING:
    from interlock.models import Classifier

BATCH = 16


@dataclass(frozen=True)
class Setup:
    """What every command under ``defend`` is given."""

    model: str
    seed: int = 0
    device: str | None = None
    whole: bool = False
    """Squeeze whole photos to the model's input size."""
    force: bool = False
    """Do again what an earlier run finished."""


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
            with self.attempt(source):
                kept.append((source, self.read(source.path)))
            if len(kept) == BATCH or (kept and number == len(sources)):
                yield [s for s, _ in kept], stacked([x for _, x in kept])
                kept = []

    @contextmanager
    def attempt(self, source: Source, *, quiet: bool = False) -> Iterator[None]:
        """Note it when a photo cannot be done, and go on; ``quiet`` where it will come again."""
        try:
            yield
        except (OptionError, OutputError):
            raise  # it would go wrong for every photo
        except InterlockError as error:
            if quiet:
                return
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

    def said(self, logits: Tensor) -> dict[str, Any]:
        """(classes,) -> the same with names, for JSON."""
        label, probability = self.answer(logits)
        return {"label": label, "probability": probability}

    def load(self, path: Path) -> ConceptShield:
        """A fitted shield of this model."""
        with model_at_work():
            return ConceptShield.load(path, self.model).eval()

    def page(
        self, title: str, chapters: Sequence[Chapter], folder: Path, facts: Mapping[str, str]
    ) -> Path:
        """Write ``index.html``, with what failed."""
        outcome = self._outcome
        told = {"model": one_line(self.classifier.name), **facts}
        told["made"] = time.strftime("%Y-%m-%d %H:%M")
        if outcome.interrupted:
            told["state"] = "interrupted; finished photos only"
        problems = [
            Problem(f.source, f.error.removeprefix(f"{f.source}: ")) for f in outcome.failures
        ]
        page = render_page(title, chapters, facts=told, problems=problems)
        return write_atomically(folder / "index.html", page)


def find_photos(inputs: Sequence[Path], outcome: Outcome, terminal: Terminal) -> list[Source]:
    """The photos that were named; complains about what cannot be one."""
    sources, failures = gather(inputs, nested=True)
    outcome.failures += failures
    for failure in failures:
        terminal.complain(failure.error)
    return sources


def save_picture(path: Path, image: Image.Image) -> None:
    """A PNG file, whole or absent."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def spare_photos(sources: Sequence[Source], written: Sequence[Path]) -> None:
    """Refuse to write over a photo that is being read.

    Raises:
        OutputError: it would be.
    """
    photos = {source.path.resolve() for source in sources}
    for path in written:
        if path.resolve() in photos:
            raise OutputError(f"{path}: is one of the photos given; choose another folder by --out")


def stacked(images: Sequence[Tensor]) -> Tensor:
    """(C, H, W) each -> (N, C, H, W).

    Raises:
        ModelError: they are not all of one size.
    """
    sizes = {tuple(x.shape) for x in images}
    if len(sizes) > 1:
        raise ModelError(
            f"the model's preprocess makes inputs of {len(sizes)} sizes; make all of one size, "
            "for instance by --whole"
        )
    return torch.stack(list(images))
