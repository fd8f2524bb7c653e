"""What a campaign will ask and could promise at best, told before anything is asked.

Some steps ask the same whatever the answers are: ASR(k), benign prompts without a defence, and,
for a setting of one's own, the votes that bounds are made of. These are counted one by one, equal
prompts once. The others depend on answers: plans that the curve may or may not give, copies that a
vote may not need, attacks that are left out where the bare target refuses them. For these the most
is counted that any answers can bring about, and the least: of a vote the first copies, that are
asked together. What the store holds is in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interlock.certify.attacks.attack import Attack, texts_of
from interlock.certify.attacks.families import Family
from interlock.certify.bounds.counts import joint_confidence
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.call_counter import BestBound, CallCounter, Forecast, Tokens, Votes
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.measures.measure import decay_prompts, repeat_seed
from interlock.certify.measures.undefended import undefended_prompts
from interlock.certify.measures.utility import bare_prompt
from interlock.certify.targets.protocol import Prompt
from interlock.certify.targets.store import StoredTarget
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM


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
    way = _Way(campaign, CallCounter(target, tokens))
    if way.sifted:
        way.undefended()
    way.decays()
    if not whole:
        return way.counter.forecast((), campaign.options.confidence)
    if not way.sifted:
        way.undefended()
    way.benign()
    way.certify()
    bounds = tuple(best_bound(campaign, one, way.most) for one in campaign.families)
    return way.counter.forecast(bounds, campaign.options.confidence, way.compared)


@dataclass(frozen=True)
class _Way:
    """The steps of a campaign, in the order of their questions."""

    campaign: Campaign
    counter: CallCounter

    @property
    def sifted(self) -> bool:
        """Whether attacks may be left out, by the first answers, so that nothing later is sure."""
        return self.campaign.options.only_successful

    @property
    def own(self) -> bool:
        """Whether the setting is given, and none is chosen."""
        return self.campaign.options.copies is not None

    @property
    def most(self) -> int:
        """N at most."""
        options = self.campaign.options
        return options.copies or max(options.votes, options.max_copies)

    @property
    def compared(self) -> int:
        """Pairs of benign answers at most; the original's answer is the bare model's."""
        options = self.campaign.options
        settings = len(options.kinds) * len(options.rates)
        return len(self.campaign.benign) * settings if options.answer_from == "copy" else 0

    def undefended(self) -> None:
        """Attacks and their goals without a defence."""
        for one in self.campaign.families:
            for part in ("fit", "certify", *(["held_out"] if self.sifted else [])):
                if not (attacks := getattr(one, part)):
                    continue
                prompts = list(undefended_prompts(attacks, self.campaign.options.seed).values())
                # Another family's first part is asked only where there is a setting to assess.
                first = part == "certify" or one is self.campaign.family
                certain = None if self.sifted or self.own or first else ()
                self.counter.add(f"{one.name}, {part}: undefended", prompts, certain)

    def decays(self) -> None:
        """ASR(k)."""
        options = self.campaign.options
        for one in self.campaign.families:
            parts = [one.fit, one.certify] if self.sifted else [one.fit or one.certify]
            for kind in options.kinds:
                choices = [
                    decay_prompts(
                        attacks, kind, sorted(set(options.changes)), trials=options.trials,
                        seed=options.seed,
                    )[1]
                    for attacks in parts
                    if attacks
                ]  # fmt: skip
                self.counter.add_one_of(f"{one.name}, {kind}: ASR(k)", choices)

    def benign(self) -> None:
        """Benign prompts, bare and defended, and the plans that are tried on the way."""
        options, name = self.campaign.options, "benign prompts, defended"
        bare = [bare_prompt(one, options.seed) for one in self.campaign.benign]
        self.counter.add("benign prompts, undefended", bare, () if self.sifted else None)
        if self.own:
            self.counter.add_decisions(name, self._under(self.most, bare), sure=not self.sifted)
            return
        self.counter.add_widest(name, [self._under(self.most, bare)])
        free = self.sifted and options.family is None  # which family is planned for may change
        planned = self.campaign.families if free else [self.campaign.family]
        tried = [self._under(self.most, _asked(one.fit)) for one in planned if one.fit]
        self.counter.add_widest("plans on whole votes", tried)

    def certify(self) -> None:
        """The votes that decide, those that bounds are made of, and those held out."""
        options, sure = self.campaign.options, self.own and not self.sifted
        trials = max(options.votes, self.most)
        for one in self.campaign.families:
            if one.split:
                deciding = self._under(trials, _asked(one.fit))
                self.counter.add_votes(f"{one.name}: votes that decide", deciding, sure=sure)
        for one in self.campaign.families:
            voting = self._under(trials, _asked(one.certify))
            self.counter.add_votes(f"{one.name}: votes", voting, sure=sure)
            if not one.held_out:
                continue
            name = f"{one.name}: votes on attacks held out"
            held = self._under(self.most, _asked(one.held_out), options.repeats)
            if self.own:
                self.counter.add_decisions(name, held, sure=sure)
            else:
                self.counter.add_widest(name, [[setting] for setting in held])

    def _under(self, copies: int, prompts: Sequence[Prompt], repeats: int = 1) -> list[Votes]:
        """Votes under each setting."""
        options, campaign = self.campaign.options, self.campaign
        seeds = [repeat_seed(options.seed, repeat) for repeat in range(repeats)]
        return [
            Votes(
                SmoothLLM(campaign.target, Perturbation(kind, rate), copies, campaign.judge),
                copies, prompts, seeds,
            )
            for kind in options.kinds
            for rate in options.rates
        ]  # fmt: skip


def _asked(attacks: Sequence[Attack]) -> list[Prompt]:
    return [attack.asked for attack in attacks]


def best_bound(campaign: Campaign, family: Family, copies: int) -> BestBound:
    """What a family gives if each copy of each attack is refused, under the run's own options.

    N is the setting's own, else the best of a few up to ``copies``.
    """
    options, clusters, attacks = campaign.options, family.clusters(), len(family.certify)
    confidence = joint_confidence(
        options.confidence, len(campaign.families) if options.joint else 1
    )
    if not family.split:  # as it pays for the settings that might have been chosen
        confidence = joint_confidence(confidence, options.settings)

    def lower(labels: Sequence[int] | None) -> float:
        return max(
            PopulationCertificate.from_votes(
                np.ones((attacks, max(options.votes, n)), dtype=bool), n, confidence,
                judge=campaign.judge_error, groups=labels, tries=options.tries,
                texts=texts_of(family.certify),
            ).lower
            for n in ({options.copies} if options.copies else {1, min(3, copies), copies})
        )  # fmt: skip

    alone = lower(None)
    grouped = lower(clusters.groups.tolist()) if clusters.effective < attacks else alone
    return BestBound(family.name, attacks, clusters.effective, alone, grouped)
