"""Counts the calls of steps, equal ones and those that a store answers once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from interlock.certify.targets.protocol import Prompt
from interlock.certify.targets.store import StoredTarget
from interlock.certify.vote.asks import Asks
from interlock.certify.vote.smoothllm import SmoothLLM

SAMPLE = 40
"""Prompts of a step whose tokens are counted; the others are taken to be like them."""
Tokens = Callable[[Prompt], int]


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    name: str
    """As the progress names it."""
    calls: int
    """Of the target that are still to be made at most, >= 0."""
    least: int
    """Of these, such as are made whatever is answered."""
    prompt_tokens: int
    """That these calls read, estimated."""

    @property
    def exact(self) -> bool:
        """Whether no answer changes the number."""
        return self.calls == self.least


@dataclass(frozen=True)
class BestBound:
    """The bound that the attacks to certify on give where every copy of each is refused."""

    family: str
    """Of the attacks."""
    attacks: int
    """Of the part to certify on, >= 1."""
    groups: int
    """Of attacks that share a goal, a template or a suffix."""
    lower: float
    """If every attack is an independent draw."""
    lower_by_groups: float
    """If attacks of a group stand and fall together."""

    @property
    def title(self) -> str:
        """Whose bound it is."""
        return self.family


@dataclass(frozen=True)
class Forecast:
    """What a run will ask, if no answer is lost; each lost one may be asked again."""

    steps: tuple[Step, ...]
    """In the order of their names' first mention."""
    bounds: tuple[BestBound, ...]
    """For each family, at ``confidence``; empty for a run that certifies nothing."""
    confidence: float
    """Of each bound."""
    judged: int
    """Verdicts at most; a judge that is a model is called for each."""
    compared: int = 0
    """Pairs of benign answers at most that nothing but a pair judge can compare."""

    @property
    def at_least(self) -> int:
        """Calls that any answers bring about."""
        return sum(step.least for step in self.steps)

    @property
    def at_most(self) -> int:
        """Calls that no answers exceed."""
        return sum(step.calls for step in self.steps)

    @property
    def prompt_tokens(self) -> int:
        """That the most calls read, estimated."""
        return sum(step.prompt_tokens for step in self.steps)


@dataclass(frozen=True)
class Votes:
    """Copies of prompts, for one vote or several on each."""

    smooth: SmoothLLM
    copies: int
    texts: Sequence[Prompt]
    seeds: Sequence[int]

    @property
    def count(self) -> int:
        """Copies in all."""
        return len(self.texts) * len(self.seeds) * self.copies

    def prompts(self) -> Iterator[Prompt]:
        """All of them."""
        for seed in self.seeds:
            for text in self.texts:
                yield from self.smooth.perturbed(text, seed=seed)

    def first(self) -> list[Prompt]:
        """Those that are asked before any is answered."""
        asks = (self.smooth.perturbed(text, seed=s) for s in self.seeds for text in self.texts)
        return [prompt for one in asks for prompt in first_asked(one)]


def first_asked(asks: Asks) -> Sequence[Prompt]:
    """The questions of a decision that are asked whatever is answered: its first, at once."""
    return asks[: asks.poll().now.fewest]


class CallCounter:
    """Counts calls, equal ones and those in the store once."""

    def __init__(self, target: StoredTarget, tokens: Tokens) -> None:
        self._target, self._tokens = target, tokens
        self._kept = len(target.store) > 0
        self._sure: set[str] = set()
        self._steps: list[Step] = []
        self._judged = 0

    def add(
        self, name: str, prompts: Sequence[Prompt], certain: Sequence[Prompt] | None = None
    ) -> None:
        """A step that asks some of these prompts, among them all ``certain`` ones; None: all."""
        self._judged += len(prompts)
        fresh = self._fresh(prompts)
        sure = fresh if certain is None else self._fresh(certain)
        self._sure |= sure
        sample = prompts[:: max(1, len(prompts) // SAMPLE)]
        self._append(name, len(fresh), len(sure), sample)

    def add_one_of(self, name: str, choices: Sequence[Sequence[Prompt]]) -> None:
        """A step that asks one of these; of several, answers decide which, and the largest counts.

        None of several is certain.
        """
        largest = max(choices, key=lambda prompts: len(self._fresh(prompts)))
        self.add(name, largest, None if len(choices) == 1 else ())

    def add_unknown(self, name: str, calls: int, widest: Sequence[Prompt]) -> None:
        """A step of prompts that answers bring about, none longer than the longest of these."""
        self._judged += calls
        longest = max(map(self._tokens, widest), default=0)
        self._steps.append(Step(name, calls, 0, calls * longest))

    def add_votes(self, name: str, settings: Sequence[Votes], *, sure: bool) -> None:
        """A step of all copies under one of the settings; where ``sure`` there is one alone."""
        if sure:
            self.add(name, list(settings[0].prompts()))
        else:
            self.add_widest(name, [[setting] for setting in settings])

    def add_decisions(self, name: str, decided: Sequence[Votes], *, sure: bool) -> None:
        """A step of votes that end as soon as they are decided."""
        prompts = [prompt for votes in decided for prompt in votes.prompts()]
        first = [prompt for votes in decided for prompt in votes.first()] if sure else []
        self.add(name, prompts, first)

    def add_widest(self, name: str, choices: Sequence[Sequence[Votes]]) -> None:
        """A step of some votes of one of these choices; answers decide, and the largest counts."""
        # Copies take a millisecond each: they are made only where some may have been asked before.
        if self._kept:
            counts = [
                len(self._fresh(prompt for batch in choice for prompt in batch.prompts()))
                for choice in choices
            ]
        else:
            counts = [sum(batch.count for batch in choice) for choice in choices]
        self._judged += max(sum(batch.count for batch in choice) for choice in choices)
        widest = choices[int(np.argmax(counts))][-1]
        every = max(1, widest.copies)
        sample = list(islice(widest.prompts(), 0, SAMPLE * every, every))
        self._append(name, max(counts), 0, sample)

    def forecast(
        self, bounds: tuple[BestBound, ...], confidence: float, compared: int = 0
    ) -> Forecast:
        """All that was counted."""
        return Forecast(tuple(self._steps), bounds, confidence, self._judged, compared)

    def _fresh(self, prompts: Iterable[Prompt]) -> set[str]:
        """Keys that nothing answers yet, and that no step before is certain to ask."""
        keys = {self._target.key(prompt) for prompt in prompts} - self._sure
        store = self._target.store
        return {key for key in keys if store.get(key) is None} if self._kept else keys

    def _append(self, name: str, calls: int, least: int, sample: Sequence[Prompt]) -> None:
        read = [self._tokens(prompt) for prompt in sample[:SAMPLE]] if calls else []
        self._steps.append(Step(name, calls, least, round(calls * float(np.mean(read or [0])))))
