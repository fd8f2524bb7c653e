"""What a campaign will ask and could promise at best, told before anything is asked.

Some steps ask the same whatever the answers are: ASR(k), benign prompts without a defence, and,
for a setting of one's own, all but the votes on attacks held out. These are counted one by one,
equal prompts once. The others depend on answers: plans that the curve may or may not give, copies
that a vote may not need. For these the most that any answers can bring about is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from interlock.certify.attacks.attack import texts_of
from interlock.certify.attacks.clusters import find_clusters
from interlock.certify.attacks.families import Family
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.measure import decay_prompts, repeat_seed
from interlock.certify.campaign.undefended import undefended_prompts
from interlock.certify.campaign.utility import bare_prompt
from interlock.certify.targets.protocol import Prompt
from interlock.certify.targets.store import StoredTarget
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.names import PerturbationKind

SAMPLE = 40
"""Prompts of a step whose tokens are counted; the others are taken to be like them."""
Tokens = Callable[[Prompt], int]


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    name: str
    """As the progress names it."""
    calls: int
    """Of the target that are still to be made, >= 0; the most where not ``exact``."""
    exact: bool
    """Whether no answer changes the number."""
    prompt_tokens: int
    """That these calls read, estimated."""


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
    remembered: int
    """Calls of the exact steps that the store answers."""
    judged: int
    """Verdicts at most; a judge that is a model is called for each."""

    @property
    def at_least(self) -> int:
        """Calls that any answers bring about."""
        return sum(step.calls for step in self.steps if step.exact)

    @property
    def at_most(self) -> int:
        """Calls that no answers exceed."""
        return sum(step.calls for step in self.steps)

    @property
    def prompt_tokens(self) -> int:
        """That the most calls read, estimated."""
        return sum(step.prompt_tokens for step in self.steps)


@dataclass(frozen=True)
class _Votes:
    """Copies of texts, for one vote or several."""

    smooth: SmoothLLM
    copies: int
    texts: Sequence[str | Prompt]
    seeds: Sequence[int]

    @property
    def count(self) -> int:
        return len(self.texts) * len(self.seeds) * self.copies

    def prompts(self) -> Iterator[Prompt]:
        for seed in self.seeds:
            for text in self.texts:
                yield from self.smooth.perturbed(text, seed=seed)


def forecast(
    campaign: Campaign, target: StoredTarget, tokens: Tokens, *, whole: bool = True
) -> Forecast:
    """Count what a campaign asks; asks nothing.

    Args:
        campaign: ready to run.
        target: its target, with the store of answers that need not be asked again.
        tokens: counts those of a prompt.
        whole: all of :meth:`Campaign.run`; else :meth:`Campaign.measure` alone.

    Raises:
        DataError: a step has nothing to ask about.
    """
    counter = CallCounter(target, tokens)
    options, family = campaign.options, campaign.family
    own, most = options.copies, options.copies or max(options.votes, options.max_copies)
    settings = [(kind, rate) for kind in options.kinds for rate in options.rates]

    def votes(
        kind: PerturbationKind,
        rate: float,
        copies: int,
        texts: Sequence[str | Prompt],
        repeats: int = 1,
    ) -> _Votes:
        smooth = SmoothLLM(campaign.target, Perturbation(kind, rate), copies, campaign.judge)
        seeds = [repeat_seed(options.seed, repeat) for repeat in range(repeats)]
        return _Votes(smooth, copies, texts, seeds)

    for one in campaign.families:
        for kind in options.kinds:
            _, prompts = decay_prompts(
                one.fit or one.certify, kind, sorted(set(options.changes)), trials=options.trials,
                seed=options.seed,
            )  # fmt: skip
            counter.add(f"{one.name}, {kind}: ASR(k)", prompts)
    if not whole:
        return counter.forecast((), options.confidence)
    for one in campaign.families:
        for part in ("fit", "certify"):
            if attacks := getattr(one, part):
                prompts = list(undefended_prompts(attacks, options.seed).values())
                counter.add(f"{one.name}, {part}: undefended", prompts)
    bare = [bare_prompt(one, options.seed) for one in campaign.benign]
    counter.add("benign prompts, undefended", bare)
    benign = [one.prompt for one in campaign.benign]
    defended = [votes(kind, rate, most, benign) for kind, rate in settings]
    counter.add_votes("benign prompts, defended", defended, exact=own is not None)
    if own is None:
        fit = [attack.asked for attack in family.fit]
        tried = [votes(kind, rate, most, fit) for kind, rate in settings]
        counter.add_votes("plans on whole votes", tried, exact=False)
    for one in (each for each in campaign.families if each.split):
        fitted = [attack.asked for attack in one.fit]
        trials = max(options.votes, most)
        counter.add_widest(
            f"{one.name}: votes that decide",
            [[votes(kind, rate, trials, fitted)] for kind, rate in settings],
            exact=own is not None,
        )
    for one in campaign.families:
        certify = [attack.asked for attack in one.certify]
        held = [attack.asked for attack in one.held_out]
        trials = max(options.votes, most)
        counter.add_widest(
            f"{one.name}: votes",
            [[votes(kind, rate, trials, certify)] for kind, rate in settings],
            exact=own is not None,
        )
        counter.add_widest(
            f"{one.name}: votes on attacks held out",
            [[votes(kind, rate, most, held, options.repeats)] for kind, rate in settings],
            exact=False,
        )
    bounds = tuple(best_bound(campaign, one, most) for one in campaign.families)
    return counter.forecast(bounds, options.confidence)


def best_bound(campaign: Campaign, family: Family, copies: int) -> BestBound:
    """What a family gives if each of up to ``copies`` copies of each attack is refused."""
    groups = find_clusters(family.certify).groups
    number, judge = len(family.certify), campaign.judge_error

    def lower(labels: Sequence[int] | None) -> float:
        return max(
            PopulationCertificate.from_votes(
                np.ones((number, n), dtype=bool), n, campaign.options.confidence, judge=judge,
                groups=labels, texts=texts_of(family.certify),
            ).lower
            for n in {1, copies}
        )  # fmt: skip

    labels = np.asarray(groups).tolist()
    by_groups = lower(labels) if len(set(labels)) < number else lower(None)
    return BestBound(family.name, number, len(set(labels)), lower(None), by_groups)


class CallCounter:
    """Counts calls, equal ones and those in the store once."""

    def __init__(self, target: StoredTarget, tokens: Tokens) -> None:
        self._target, self._tokens = target, tokens
        self._kept = len(target.store) > 0
        self._seen: set[str] = set()
        self._steps: list[Step] = []
        self._remembered = self._judged = 0

    def add(self, name: str, prompts: Sequence[Prompt]) -> None:
        """An exact step."""
        fresh = self._fresh(prompts)
        self._remembered += len(prompts) - len(fresh)
        self._judged += len(prompts)
        self._seen |= fresh
        self._append(name, len(fresh), True, prompts[:: max(1, len(prompts) // SAMPLE)])

    def add_at_most(self, name: str, prompts: Sequence[Prompt]) -> None:
        """A step that asks some of these prompts, by what is answered."""
        self._judged += len(prompts)
        sample = prompts[:: max(1, len(prompts) // SAMPLE)]
        self._append(name, len(self._fresh(prompts)), False, sample)

    def add_unknown(self, name: str, calls: int, widest: Sequence[Prompt]) -> None:
        """A step of prompts that answers bring about, none longer than the longest of these."""
        self._judged += calls
        longest = max(map(self._tokens, widest), default=0)
        self._steps.append(Step(name, calls, False, calls * longest))

    def add_votes(self, name: str, batches: Sequence[_Votes], *, exact: bool) -> None:
        """A step of all these votes."""
        if exact:
            self.add(name, [prompt for batch in batches for prompt in batch.prompts()])
        else:
            self.add_widest(name, [batches], exact=False)

    def add_widest(self, name: str, choices: Sequence[Sequence[_Votes]], *, exact: bool) -> None:
        """A step of one of these choices, of which answers decide; the largest counts."""
        if exact:
            self.add_votes(name, choices[0], exact=True)
            return
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
        self._append(name, max(counts), False, sample)

    def forecast(self, bounds: tuple[BestBound, ...], confidence: float) -> Forecast:
        """All that was counted."""
        return Forecast(tuple(self._steps), bounds, confidence, self._remembered, self._judged)

    def _fresh(self, prompts: Sequence[Prompt] | Iterator[Prompt]) -> set[str]:
        """Keys that nothing answers yet."""
        keys = {self._target.key(prompt) for prompt in prompts} - self._seen
        store = self._target.store
        return {key for key in keys if store.get(key) is None} if self._kept else keys

    def _append(self, name: str, calls: int, exact: bool, sample: Sequence[Prompt]) -> None:
        read = [self._tokens(prompt) for prompt in sample[:SAMPLE]] if calls else []
        self._steps.append(Step(name, calls, exact, round(calls * float(np.mean(read or [0])))))
