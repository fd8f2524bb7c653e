"""What a campaign will ask and could promise at best, told before anything is asked.

Some steps ask the same whatever the answers are: ASR(k), benign prompts without a defence, and,
for a setting of one's own, the votes that bounds are made of. These are counted one by one, equal
prompts once. The others depend on answers: plans that the curve may or may not give, copies that a
vote may not need, attacks that are left out where the bare target refuses them. For these the most
is counted that any answers can bring about, and the least: of a vote the first copies, that are
asked together. What the store holds is in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from interlock.certify.attacks.attack import Attack, texts_of
from interlock.certify.attacks.clusters import find_clusters
from interlock.certify.attacks.families import Family
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.measure import decay_prompts, repeat_seed
from interlock.certify.campaign.undefended import undefended_prompts
from interlock.certify.campaign.utility import bare_prompt
from interlock.certify.targets.protocol import Prompt
from interlock.certify.targets.store import StoredTarget
from interlock.certify.vote.asks import Asks
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
        texts: Sequence[Prompt],
        repeats: int = 1,
    ) -> Votes:
        smooth = SmoothLLM(campaign.target, Perturbation(kind, rate), copies, campaign.judge)
        seeds = [repeat_seed(options.seed, repeat) for repeat in range(repeats)]
        return Votes(smooth, copies, texts, seeds)

    def decays(attacks: Sequence[Attack], kind: PerturbationKind) -> list[Prompt]:
        return decay_prompts(
            attacks, kind, sorted(set(options.changes)), trials=options.trials, seed=options.seed
        )[1]

    # Which attacks are left out, and whether any are left, the first answers decide.
    sifted = options.only_successful
    parts = [
        (one, part)
        for one in campaign.families
        for part in (*("fit", "certify"), *(["held_out"] if sifted else []))
        if getattr(one, part)
    ]

    def undefended() -> None:
        for one, part in parts:
            prompts = list(undefended_prompts(getattr(one, part), options.seed).values())
            # Another family's first part is asked only where there is a setting to assess.
            sure = sifted or own is not None or part == "certify" or one is family
            counter.add(f"{one.name}, {part}: undefended", prompts, None if sure else ())

    if sifted:
        undefended()
    for one in campaign.families:
        choices = [one.fit, one.certify] if sifted else [one.fit or one.certify]
        for kind in options.kinds:
            name = f"{one.name}, {kind}: ASR(k)"
            counter.add_one_of(name, [decays(some, kind) for some in choices if some])
    if not whole:
        return counter.forecast((), options.confidence)
    if not sifted:
        undefended()
    bare = [bare_prompt(one, options.seed) for one in campaign.benign]
    counter.add("benign prompts, undefended", bare, () if sifted else None)
    defended = [votes(kind, rate, most, bare) for kind, rate in settings]
    if own is not None:
        counter.add_decisions("benign prompts, defended", defended, sure=not sifted)
    else:
        counter.add_widest("benign prompts, defended", [defended])
    compared = len(bare) * len(settings) if options.answer_from == "copy" else 0
    if own is None:
        planned = campaign.families if sifted and options.family is None else [family]
        fits = [[attack.asked for attack in one.fit] for one in planned]
        tried = [[votes(kind, rate, most, fit) for kind, rate in settings] for fit in fits if fit]
        counter.add_widest("plans on whole votes", tried)
    sure, trials = own is not None and not sifted, max(options.votes, most)
    for one in (each for each in campaign.families if each.split):
        fitted = [attack.asked for attack in one.fit]
        under = [votes(kind, rate, trials, fitted) for kind, rate in settings]
        counter.add_votes(f"{one.name}: votes that decide", under, sure=sure)
    for one in campaign.families:
        certify = [attack.asked for attack in one.certify]
        under = [votes(kind, rate, trials, certify) for kind, rate in settings]
        counter.add_votes(f"{one.name}: votes", under, sure=sure)
        if held := [attack.asked for attack in one.held_out]:
            under = [votes(kind, rate, most, held, options.repeats) for kind, rate in settings]
            name = f"{one.name}: votes on attacks held out"
            if own is not None:
                counter.add_decisions(name, under, sure=not sifted)
            else:
                counter.add_widest(name, [[choice] for choice in under])
    bounds = tuple(best_bound(campaign, one, most) for one in campaign.families)
    return counter.forecast(bounds, options.confidence, compared)


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
