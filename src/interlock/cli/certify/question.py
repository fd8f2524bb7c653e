"""What the commands under ``certify`` are given: a target, a judge, attacks, benign prompts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from interlock._files import make_folder, naming_what_is_unreadable
from interlock.certify import Prompt, load_target
from interlock.certify.attacks.attack import (
    EMBEDDED,
    AttackFile,
    read_attack_file,
)
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.judges.judge import Judge
from interlock.certify.judges.labelled import LabelledVerdicts, measure_error
from interlock.certify.judges.model import ModelJudge
from interlock.certify.judges.pairs import PairJudge
from interlock.certify.judges.phrases import PHRASE_JUDGES, phrase_judge
from interlock.certify.measures.benign import BenignPrompt, read_benign
from interlock.certify.targets.address import Address
from interlock.certify.targets.budget import Budget, BudgetedTarget, BudgetSpentError
from interlock.certify.targets.store import CallStore, StoredTarget
from interlock.certify.targets.system import read_system
from interlock.cli.certify.extra import read_extra
from interlock.cli.terminal import Terminal
from interlock.errors import DataError, ModelError, OptionError, OutputError
from interlock.names import RubricName

if TYPE_CHECKING:
    from interlock.certify.targets.protocol import Target

VERDICTS = EMBEDDED / "tiny_chat_verdicts.jsonl"
GREETING = Prompt.user("Hello")
"""Asked first at an address."""


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
    system: Path | None = None
    """A file with a system prompt, put before every chat."""
    extra: tuple[str, ...] = ()
    """More fields of the body that an address is sent, each ``KEY=JSON``."""

    @property
    def longest_answer(self) -> int:
        """Tokens of one answer at most."""
        length = read_extra(self.extra).get("max_completion_tokens")
        return length if isinstance(length, int) else self.max_tokens

    @property
    def at_address(self) -> bool:
        """Whether it is behind an endpoint."""
        return self.name.startswith(("http://", "https://"))

    def open(self, budget: Budget | None = None) -> Target:
        """Load or reach it; requests that an address repeats come out of the budget.

        Raises:
            InterlockError: it cannot be.
        """
        given: dict[str, Any] = {"extra": read_extra(self.extra)} if self.extra else {}
        if self.system is not None:
            given["system"] = read_system(self.system)
        if self.name.startswith("recorded:"):
            return load_target(self.name, model=self.model, **given)
        given |= {"max_tokens": self.max_tokens, "temperature": self.temperature}
        if self.at_address:
            names = ("timeout", "concurrency", "attempts")
            given |= {name: getattr(self, name) for name in names}
            given |= {} if budget is None else {"repeat": budget.take_repeat}
        if self.at_address and self.key_variable is not None:
            given["key_variable"] = self.key_variable
        if not self.at_address and self.device is not None:
            from interlock.cli.choices import usable_device

            given["device"] = usable_device(self.device)
        with naming_what_is_unreadable(self.name):
            return load_target(self.name, model=self.model, **given)


@dataclass(frozen=True)
class Opened:
    """Who is asked, ready."""

    target: StoredTarget
    """The model."""
    judge: Judge
    """Of its answers."""
    error: JudgeSample | None
    """Of the judge, where it was counted."""
    pair_judge: PairJudge | None
    """Compares benign answers."""


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
    """One of ``PHRASE_JUDGES``, ``"labels:FILE"`` or ``"model:NAME"``."""
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
    budget: int | None = None
    """Calls of target and judging models at most."""
    classifier: str | None = None
    """A target that a defence's stage ``classifier`` asks."""
    classifier_model: str | None = None
    """Its name at an address."""

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

    def make_pair_judge(self, store: CallStore, budget: Budget | None = None) -> PairJudge | None:
        """Who compares benign answers; its calls are kept in ``store``, within the budget.

        Raises:
            InterlockError: there is no such target.
        """
        if self.pair_judge is None:
            return None
        return PairJudge(StoredTarget(self._judging(self.pair_judge, budget), store))

    def make_judge(self, store: CallStore, budget: Budget | None = None) -> Judge:
        """The judge alone; a judging model's calls are kept in ``store``, within the budget.

        Raises:
            InterlockError: there is no such judge.
        """
        kind, _, rest = self.judge.partition(":")
        if kind == "labels" and rest:
            return LabelledVerdicts(rest)
        if kind == "model" and rest:
            judging = self._judging(rest, budget)
            return ModelJudge(StoredTarget(judging, store), rubric=self.rubric)
        if self.judge not in PHRASE_JUDGES:
            raise OptionError(
                f"judge={self.judge!r}: choose {', '.join(PHRASE_JUDGES)}, "
                "labels:FILE or model:NAME"
            )
        return phrase_judge(self.judge, self.refusal_phrases)

    def _judging(self, name: str, budget: Budget | None) -> Target:
        at_address = name.startswith(("http://", "https://"))
        if at_address and self.judge_model is None and Address.read(name).deployment is None:
            raise OptionError(f"{name}: name the model to judge there (judge_model=…)")
        if budget is None:
            return load_target(name, model=self.judge_model)
        repeat = {"repeat": budget.take_repeat} if at_address else {}
        return BudgetedTarget(load_target(name, model=self.judge_model, **repeat), budget)

    def open_judge(
        self, store: CallStore, budget: Budget | None = None
    ) -> tuple[Judge, JudgeSample | None]:
        """The judge, and its counted errors where answers were labelled.

        Raises:
            InterlockError: no such judge, or a file of labels that is none.
        """
        judge = self.make_judge(store, budget)
        verdicts = self.verdicts
        if verdicts is None and self.judge == "phrases" and self.target.name == "embedded":
            verdicts = VERDICTS
        if verdicts is None:
            return judge, judge.known_error
        return judge, measure_error(judge, LabelledVerdicts(verdicts))

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """All who are asked, within the budget, with every call kept in ``out``.

        Raises:
            InterlockError: something cannot be opened.
        """
        make_folder(self.out)
        budget = None if self.budget is None else Budget(self.budget)
        with CallStore(self.out / "calls.sqlite") as store:
            try:
                judge, error = self.open_judge(store, budget)
                opened = self._classified(self.target.open(budget))
                within = opened if budget is None else BudgetedTarget(opened, budget)
                target = StoredTarget(within, store)
                pairs = self.make_pair_judge(store, budget)
                if self.target.at_address:
                    self._greet(target)
                yield Opened(target, judge, error, pairs)
            except BudgetSpentError as spent:
                raise BudgetSpentError(
                    f"{spent}; {len(store)} answers are kept in {store.path}: run the same command "
                    "again, or with a larger --budget, to go on; nothing is asked twice"
                ) from None

    @contextmanager
    def rehearse(self) -> Iterator[Opened]:
        """The same with a copy of the kept answers and a budget of no calls; nothing is written.

        A judging model's errors are not counted, for that would ask it.

        Raises:
            InterlockError: something cannot be opened.
        """
        kept = self.out / "calls.sqlite"
        with TemporaryDirectory() as folder:
            for path in (kept, kept.with_name(f"{kept.name}-wal")):
                if path.is_file():
                    shutil.copy(path, folder)
            try:
                store = CallStore(Path(folder) / kept.name)
            except OutputError as problem:
                raise OutputError(str(problem).replace(folder, str(self.out))) from None
            with store:
                none, asks = Budget(0), self.judge.startswith("model:")
                judge, error = (
                    (self.make_judge(store, none), None) if asks else self.open_judge(store)
                )
                opened = self._classified(self.target.open())
                target = StoredTarget(BudgetedTarget(opened, none), store)
                yield Opened(target, judge, error, self.make_pair_judge(store, none))

    def _classified(self, target: Target) -> Target:
        if self.classifier is None:
            return target
        from interlock.certify.targets.classified import ClassifiedTarget

        return ClassifiedTarget(target, load_target(self.classifier, model=self.classifier_model))

    def _greet(self, target: StoredTarget) -> None:
        """One question first: an address that never answers is no matter for a thousand calls."""
        [reply] = target.ask([GREETING])
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
    """Prompts from a text file, one a line, or from JSON or a table with a field ``prompt``.

    Raises:
        DataError: the file cannot be read, holds none, or a row has no prompt.
    """
    from interlock.data.sources.prompts import PromptSource

    return [sample.prompt for sample in PromptSource(str(path))]


def calls(target: StoredTarget, terminal: Terminal) -> dict[str, int]:
    """How many calls were made, and how many were remembered; says why some were lost."""
    if target.lost:
        terminal.note(f"{target.lost} calls were lost; the first: {target.first_lost}")
    return {"asked": target.asked, "remembered": target.remembered}
