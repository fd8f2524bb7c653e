"""What a run on photos works on: a classifier, the photos, a report."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from PIL import Image
from torch import Tensor, nn

from interlock._files import file_digest, naming_what_is_unreadable, write_atomically
from interlock._weights import fingerprint
from interlock.cli.choices import model_at_work, model_folder, usable_device
from interlock.cli.inputs import Photo, gather, problem
from interlock.cli.session import KEPT, finish
from interlock.cli.terminal import Terminal, one_line, span
from interlock.data import read_image
from interlock.defend import ConceptShield
from interlock.errors import InterlockError, ModelError, OptionError, OutputError
from interlock.models.steady import ask, prepared
from interlock.report import Chapter, Problem, render_page

if TYPE_CHECKING:
    from interlock.models import Classifier

BATCH = 16
SIZES = 32
"""Sizes of photos of which it is worked out how much a model sees."""
CUT = 0.02
"""Share of a photo from which on it is said that the model does not see it."""


@dataclass(frozen=True)
class Setup:
    """What every command on photos is given."""

    model: str
    seed: int = 0
    device: str | None = None
    whole: bool = False
    """Squeeze whole photos to the model's input size."""
    force: bool = False
    """Do again what an earlier run finished."""


class Work(Protocol):
    """What a command does to photos, one by one."""

    def finished(self, photo: Photo) -> bool:
        """Whether an earlier run did it."""

    def rehearse(self, photo: Photo) -> None:
        """What takes time of it; nothing is written."""


@dataclass
class Outcome:
    """What a run has done."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    """Inputs that could not be used."""
    interrupted: bool = False

    def end(self, terminal: Terminal, sentence: str = KEPT) -> None:
        """End the session with it; the sentence is for a run that Ctrl-C ended."""
        failed = [{"source": one.source, "error": _said(one)} for one in self.problems]
        values = self.values | {"failed": failed, "interrupted": self.interrupted}
        sentence = sentence if self.interrupted else ""
        finish(terminal, values, good=not self.problems, interrupted=sentence)


class Bench:
    """A classifier, loaded when it is first needed, and photos as it takes them."""

    def __init__(self, setup: Setup, terminal: Terminal, outcome: Outcome) -> None:
        self._setup, self._terminal, self._outcome = setup, terminal, outcome
        self._sizes: set[tuple[int, int]] = set()

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier.

        Raises:
            InterlockError: it cannot be loaded, or this machine lacks the device.
        """
        from interlock.models import load_classifier

        setup = self._setup
        device = usable_device(setup.device)
        with naming_what_is_unreadable(setup.model):
            return load_classifier(setup.model, device=device, whole=setup.whole)

    @property
    def model(self) -> nn.Module:
        """Its network."""
        return self.classifier.model

    @property
    def whole(self) -> bool:
        """Whether whole photos are squeezed to the input size."""
        return self._setup.whole

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))

    @property
    def name(self) -> str:
        """What it is called; of a model in files, without loading them."""
        folder = model_folder(self._setup.model)
        return self.classifier.name if folder is None else Path(self._setup.model).name

    @cached_property
    def weights(self) -> str:
        """The fingerprint of its weights."""
        return fingerprint(self.model)

    @cached_property
    def files(self) -> dict[str, str] | None:
        """The files that it is made of, name -> SHA-256; None where only loading it can tell.

        Raises:
            ModelError: the folder cannot be read.
        """
        with naming_what_is_unreadable(self._setup.model):
            folder = model_folder(self._setup.model)
            if folder is None:
                return None
            paths = sorted(path for path in folder.iterdir() if path.is_file())
        return {one_line(path.name): file_digest(path) for path in paths}

    def read(self, path: Path) -> Tensor:
        """(C, H, W).

        Raises:
            InterlockError: the file cannot be read or the model's preprocessing fails.
        """
        image = read_image(path)
        if len(self._sizes) < SIZES:
            self._sizes.add(image.size)
        with model_at_work():
            return prepared(self.classifier.preprocess(image)).to(self.device)

    def tell_cut(self) -> None:
        """Say which share of the photos that were read the model never sees, where it is one."""
        from interlock.models.seen import seen_share

        seen = [seen_share(self.classifier, *size) for size in sorted(self._sizes)]
        cut = max((1 - share for share in seen if share is not None), default=0.0)
        self._outcome.values["never_seen"] = cut if cut >= CUT else 0.0
        if cut < CUT:
            return
        named = self._setup.model
        own = self.whole or (":" in named and model_folder(named) is None)
        fix = "let its preprocess keep all" if own else "--whole takes whole photos"
        self._terminal.note(
            f"the model's preprocessing cuts off {'up to ' * (len(seen) > 1)}{cut:.0%} of a photo: "
            f"a patch there is neither seen nor masked; {fix}"
        )

    def batches(self, photos: Sequence[Photo]) -> Iterator[tuple[list[Photo], Tensor]]:
        """Photos that can be read, in batches, with a bar; complains about the others."""
        kept: list[tuple[Photo, Tensor]] = []
        for number, photo in enumerate(self.track(photos), start=1):
            with self.attempt(photo):
                kept.append((photo, self.read(photo.path)))
            if len(kept) == BATCH or (kept and number == len(photos)):
                yield [photo for photo, _ in kept], stacked([x for _, x in kept])
                kept = []

    def track(self, photos: Sequence[Photo]) -> Iterator[Photo]:
        """The photos one by one, with a bar."""
        return self._terminal.track(photos, len(photos), lambda photo: photo.path.name)

    @contextmanager
    def attempt(self, photo: Photo) -> Iterator[None]:
        """Note it when a photo cannot be done, and go on."""
        try:
            yield
        except (OptionError, OutputError):
            raise  # it would go wrong for every photo
        except InterlockError as error:
            if self._terminal.interrupted():  # and a library made an error of it
                raise KeyboardInterrupt from None
            note_problems([problem(photo.path, error)], self._outcome, self._terminal)

    def seconds_each(self, photos: Sequence[Photo], once: Callable[[Photo], object]) -> float:
        """What one photo takes, by the first that can be done; 0 where none can."""
        for photo in photos:
            with self.attempt(photo):
                begun = time.monotonic()
                once(photo)
                return time.monotonic() - begun
        return 0.0

    def forecast(self, photos: Sequence[Photo], work: Work) -> Outcome:
        """Say how many photos are left and how long they take; complains about the others."""
        waiting: list[Photo] = []
        for photo in photos:
            with self.attempt(photo):
                if not work.finished(photo):
                    waiting.append(photo)
        seconds = len(waiting) * self.seconds_each(waiting, work.rehearse)
        forecast(self._outcome, self._terminal, len(photos), len(waiting), seconds)
        return self._outcome

    def answer(self, logits: Tensor) -> tuple[str, float]:
        """(classes,) -> the label and its probability."""
        probabilities = logits.detach().float().softmax(dim=0)
        index = int(probabilities.argmax())
        return self.label(index), float(probabilities[index])

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes), without a graph.

        Raises:
            ModelError: the model does not take these images, or returns something else.
        """
        with torch.no_grad():
            return ask(self.model, images)

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
        shown = {"model": one_line(self.name), **facts}
        shown["made"] = time.strftime("%Y-%m-%d %H:%M")
        if self._outcome.interrupted:
            shown["state"] = "interrupted; finished photos only"
        page = render_page(title, chapters, facts=shown, problems=self._outcome.problems)
        return write_atomically(folder / "index.html", page)


def find_photos(
    inputs: Sequence[Path], outcome: Outcome, terminal: Terminal, *, nested: bool = True
) -> list[Photo]:
    """The photos that were named, see ``gather``; complains about what cannot be one."""
    photos, problems = gather(inputs, nested=nested)
    note_problems(problems, outcome, terminal)
    return photos


def without_copies(photos: Sequence[Photo], outcome: Outcome, terminal: Terminal) -> list[Photo]:
    """Without copies of a photo, which would count twice in a bound."""
    seen: set[str] = set()
    kept = []
    for photo in photos:
        digest = file_digest(photo.path)
        if digest not in seen:
            kept.append(photo)
        seen.add(digest)
    outcome.values["copies"] = len(photos) - len(kept)
    if len(kept) < len(photos):
        terminal.note(f"{len(photos) - len(kept)} photos are copies of others; left out")
    return kept


def forecast(
    outcome: Outcome, terminal: Terminal, photos: int, left: int, seconds: float, what: str = ""
) -> None:
    """Say what a dry run has worked out.

    Args:
        outcome: gets the numbers.
        terminal: to say it on.
        photos: that were named.
        left: things to do, of which some may be finished; of photos as many as these at most.
        seconds: that these take.
        what: is done to the photos, if anything is to be said of it.
    """
    outcome.values |= {"dry_run": True, "photos": photos, "left": left, "seconds": seconds}
    state = "" if left == photos else f", {left} to do"
    named = f"{photos} photo{'' if photos == 1 else 's'}"
    terminal.say(f"{named}{state}{what}: about {span(seconds)}; nothing is written")


def save_picture(path: Path, image: Image.Image) -> None:
    """A PNG file, whole or absent."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def spare_photos(photos: Sequence[Photo], written: Sequence[Path]) -> None:
    """Refuse to write over a photo that is being read.

    Raises:
        OutputError: it would be.
    """
    given = {photo.path.resolve() for photo in photos}
    for path in written:
        if path.resolve() in given:
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


def note_problems(problems: Sequence[Problem], outcome: Outcome, terminal: Terminal) -> None:
    """Keep problems for the report, and say them now."""
    outcome.problems += problems
    for one in problems:
        terminal.complain(_said(one))


def _said(one: Problem) -> str:
    return f"{one.source}: {one.message}"
