"""What the commands under ``certify`` are given: a target, a judge, attacks, benign prompts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock._files import make_folder
from interlock.certify import Prompt, load_target
from interlock.certify.attacks.attack import (
    EMBEDDED,
    AttackFile,
    read_attack_file,
)
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.campaign.benign import BenignPrompt, read_benign
from interlock.certify.judges.judge import Judge
from interlock.certify.judges.labelled import LabelledVerdicts, measure_error
from interlock.certify.judges.model import ModelJudge
from interlock.certify.judges.pairs import PairJudge
from interlock.certify.judges.phrases import RefusalPhrases
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.cli.terminal import Terminal
from interlock.errors import DataError, ModelError, OptionError
from interlock.names import RubricName

if TYPE_CHECKING:
    from interlock.certify.targets.protocol import Target

VERDICTS = EMBEDDED / "tiny_chat_verdicts.jsonl"


@dataclass(frozen=True)
class TargetChoice:
    """The model to ask, as the command line names it."""

    name: str = "embedded"
    """``"embedded"``, a transformers directory or hub id, an http(s) address, or
    ``"recorded:FILE"``."""
    model: str | None = None
    """The model's name at an address."""
    max_tokens: int = 64
    """Of one answer."""
    temperature: float = 0.0
    """Of the sampling; 0 is greedy."""
    key_variable: str | None = None
    """Environment variable with the key of an address."""
    device: str | None = None
    """For a local model."""
    timeout: float = 60.0
    """Seconds for one request to an address."""
    concurrency: int = 8
    """Requests to an address at once."""
    attempts: int = 5
    """Requests for one prompt at an address."""

    @property
    def at_address(self) -> bool:
        """Whether it is behind an endpoint."""
        return self.name.startswith(("http://", "https://"))

    def open(self) -> Target:
        """Load or reach it.

        Raises:
            InterlockError: it cannot be.
        """
        if self.name.startswith("recorded:"):
            return load_target(self.name, model=self.model)
        options: dict[str, Any] = {"max_tokens": self.max_tokens, "temperature": self.temperature}
        if self.at_address:
            names = ("timeout", "concurrency", "attempts")
            options |= {name: getattr(self, name) for name in names}
        if self.at_address and self.key_variable is not None:
            options["key_variable"] = self.key_variable
        if not self.at_address and self.device is not None:
            from interlock.cli.choices import usable_device

            options["device"] = usable_device(self.device)
        return load_target(self.name, model=self.model, **options)


@dataclass(frozen=True)
class Question:
    """Whom to ask, about which attacks, and who judges."""

    target: TargetChoice
    """The model."""
    attacks: str | None = None
    """A file, or ``"embedded"``; those of the embedded target when None."""
    keep_failed: bool = False
    """Keep attacks that the file marks as failed."""
    benign: Path | None = None
    """A file of prompts that should be answered, ``"shipped"`` or ``"embedded"``."""
    pair_judge: str | None = None
    """A target that compares benign answers."""
    judge: str = "phrases"
    """``"phrases"``, ``"keywords"``, ``"labels:FILE"`` or ``"model:NAME"``."""
    judge_model: str | None = None
    """The judging model's name at an address."""
    rubric: RubricName = "default"
    """What a judging model is asked."""
    refusal_phrases: tuple[str, ...] = ()
    """More openings that ``"phrases"`` and ``"keywords"`` call refusals."""
    verdicts: Path | None = None
    """A labelled sample of answers, to count the judge's errors on."""
    out: Path = Path("interlock-certify")
    """Folder for calls and results."""

    def read_attacks(self, terminal: Terminal) -> AttackFile:
        """The attacks; says what was left out.

        Raises:
            DataError: there are none.
        """
        self._needs("attacks", self.attacks)
        return read_aloud(self.attacks or "embedded", self.keep_failed, terminal)

    def read_benign(self) -> list[BenignPrompt]:
        """The prompts that should be answered, with references where there are any.

        Raises:
            DataError: there are none.
        """
        self._needs("benign", self.benign)
        return read_benign(self.benign or "embedded")

    def make_pair_judge(self, store: CallStore) -> PairJudge | None:
        """Who compares benign answers; its calls are kept in ``store``.

        Raises:
            InterlockError: there is no such target.
        """
        if self.pair_judge is None:
            return None
        return PairJudge(StoredTarget(load_target(self.pair_judge, model=self.judge_model), store))

    def make_judge(self, store: CallStore) -> Judge:
        """The judge alone; a judging model's calls are kept in ``store``.

        Raises:
            InterlockError: there is no such judge.
        """
        kind, _, rest = self.judge.partition(":")
        if kind == "labels" and rest:
            return LabelledVerdicts(rest)
        if kind == "model" and rest:
            judging = load_target(rest, model=self.judge_model)
            return ModelJudge(StoredTarget(judging, store), rubric=self.rubric)
        if self.judge not in ("phrases", "keywords"):
            raise OptionError(
                f"judge={self.judge!r}: choose phrases, keywords, labels:FILE or model:NAME"
            )
        return RefusalPhrases(self.refusal_phrases, paper=self.judge == "keywords")

    def open_judge(self, store: CallStore) -> tuple[Judge, JudgeSample | None]:
        """The judge, and its counted errors where answers were labelled.

        Raises:
            InterlockError: no such judge, or a file of labels that is none.
        """
        judge = self.make_judge(store)
        verdicts = self.verdicts
        if verdicts is None and self.judge == "phrases" and self.target.name == "embedded":
            verdicts = VERDICTS
        if verdicts is None:
            return judge, judge.known_error
        return judge, measure_error(judge, LabelledVerdicts(verdicts))

    @contextmanager
    def open(self) -> Iterator[tuple[StoredTarget, Judge, JudgeSample | None]]:
        """Target, judge and its error, with every call kept in ``out``.

        Raises:
            InterlockError: something cannot be opened.
        """
        make_folder(self.out)
        with CallStore(self.out / "calls.sqlite") as store:
            judge, error = self.open_judge(store)
            target = StoredTarget(self.target.open(), store)
            if self.target.at_address:
                self._greet(target)
            yield target, judge, error

    def _greet(self, target: StoredTarget) -> None:
        """One question first: an address that never answers is no matter for a thousand calls."""
        [reply] = target.ask([Prompt.user("Hello")])
        if reply.lost:
            raise ModelError(f"{self.target.name} answers nothing usable: {reply.error}")

    def _needs(self, name: str, given: object) -> None:
        if given is None and self.target.name != "embedded":
            raise DataError(f"target {self.target.name}: give --{name}; only the embedded has some")


def read_aloud(path: str | Path, keep_failed: bool, terminal: Terminal) -> AttackFile:
    """A file of attacks; says in one line what was left out.

    Raises:
        DataError: it holds none.
    """
    file = read_attack_file(path, keep_failed=keep_failed)
    if file.note:
        terminal.note(file.note)
    return file


def read_prompts(path: Path) -> list[str]:
    """Prompts from a text file, one a line, or from JSON lines with a field ``prompt``.

    Raises:
        DataError: the file cannot be read, holds none, or a JSON line has no prompt.
    """
    from interlock.data.sources.prompts import PromptSource

    return [sample.prompt for sample in PromptSource(str(path))]


def calls(target: StoredTarget) -> dict[str, int]:
    """How many calls were made, and how many were remembered."""
    return {"asked": target.asked, "remembered": target.remembered}
