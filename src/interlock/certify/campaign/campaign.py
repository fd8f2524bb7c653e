"""The whole way, from attacks to a certificate that was checked: what ``certify report`` runs.

Every step asks its target in one seeded order. With a ``StoredTarget`` a killed campaign continues
where it was, and a repeated one asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from interlock.certify.attacks.attack import Attack, attacks_hash
from interlock.certify.attacks.families import Family, split_families
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.campaign.assessment import Assessment, assess
from interlock.certify.campaign.curve_file import describe_fit
from interlock.certify.campaign.family_decay import FamilyDecay, measure_family_decay
from interlock.certify.campaign.measure import Progress, measure_utility
from interlock.certify.campaign.offers import Choice, choose, make_offers
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.result import CampaignResult
from interlock.certify.judges.judge import Judge
from interlock.certify.targets.protocol import Target
from interlock.errors import DataError

Tell = Callable[[str], Progress | None]
"""The name of a step -> who is told how far it is."""


class Campaign:
    """Attacks, split; what they do; the setting chosen for one family; its certificates.

    Args:
        target: asked for everything.
        judge: of every answer.
        attacks: of one family or several.
        benign: prompts that should be answered; :meth:`run` needs some.
        options: see :class:`CampaignOptions`.
        judge_error: a labelled sample of the judge's verdicts, paid for inside the certificates.
        tell: given the name of each step, returns who is told how far it is.

    Raises:
        DataError: no family can be split, or the one to plan for is not among them.
    """

    def __init__(
        self,
        target: Target,
        judge: Judge,
        attacks: Sequence[Attack],
        benign: Sequence[str],
        options: CampaignOptions | None = None,
        *,
        judge_error: JudgeSample | None = None,
        tell: Tell = lambda step: None,
    ) -> None:
        self.target, self.judge, self.benign = target, judge, benign
        self.options = options or CampaignOptions()
        self.judge_error, self._tell = judge_error, tell
        self.families = split_families(attacks, seed=self.options.seed)
        named = {family.name: family for family in self.families}
        wanted = self.options.family or self.families[0].name
        if wanted not in named:
            raise DataError(f"family={wanted!r}: the attacks are of {', '.join(named)}")
        self.family: Family = named[wanted]
        self.made_from: dict[str, Any] = {
            "target": dict(target.identity),
            "judge": dict(judge.identity),
            "attacks_sha256": attacks_hash(attacks),
            "seed": self.options.seed,
        }
        """What all numbers rest on, beside the options."""

    def measure(self) -> list[FamilyDecay]:
        """ASR(k) of each family under each perturbation, on the attacks to fit.

        Raises:
            ModelError: every single copy of a measurement was lost.
        """
        return [
            measure_family_decay(
                self.target,
                self.judge,
                family.name,
                family.fit,
                kind,
                k=self.options.changes,
                trials=self.options.trials,
                seed=self.options.seed,
                confidence=self.options.confidence,
                progress=self._tell(f"{family.name}, {kind}: ASR(k)"),
            )
            for family in self.families
            for kind in self.options.kinds
        ]

    def run(self) -> CampaignResult:
        """Every step; the result asks nobody anything.

        Raises:
            DataError: too few distinct k to fix a curve, or no benign prompts.
            ModelError: every single copy of a measurement was lost.
        """
        options, decays = self.options, self.measure()
        fits = [describe_fit(decay, options.epsilon, options.seed) for decay in decays]
        offers = make_offers(
            self.target,
            self.judge,
            [decay for decay in decays if decay.family == self.family.name],
            [attack.asked for attack in self.family.fit],
            self.benign,
            options,
            progress=self._tell("plans, and benign prompts"),
        )
        # A setting of one's own is taken without question.
        choice = Choice(offers[0]) if options.copies else choose(offers, options.utility)
        assessments = self._assess(choice, decays)
        [undefended] = measure_utility(
            self.target, self.judge, self.benign, "swap", [0.0], seed=options.seed
        )
        cards = {one.family.name: one.card(self.target, self.judge) for one in assessments}
        return CampaignResult(
            options=options,
            made_from=self.made_from,
            family=self.family.name,
            families=tuple(family.name for family in self.families),
            benign=len(self.benign),
            judge_counted=self.judge_error is not None,
            decays=tuple(decays),
            fits=tuple(fits),
            offers=tuple(offers),
            choice=choice,
            undefended=undefended.share,
            assessments=tuple(assessments),
            cards={name: card for name, card in cards.items() if card is not None},
        )

    def _assess(self, choice: Choice, decays: Sequence[FamilyDecay]) -> list[Assessment]:
        """The setting against each family, the one planned for first."""
        if choice.offer is None:
            return []
        of_kind = {decay.family: decay for decay in decays if decay.kind == choice.offer.kind}
        ordered = sorted(self.families, key=lambda family: family is not self.family)
        return [
            assess(
                self.target,
                self.judge,
                family,
                choice.offer.perturbation,
                choice.offer.copies,
                of_kind[family.name],
                self.options,
                judge_error=self.judge_error,
                progress=self._tell(f"{family.name}: votes"),
            )
            for family in ordered
        ]
