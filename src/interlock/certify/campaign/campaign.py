"""The whole way, from attacks to a certificate that was checked: what ``certify report`` runs.

Every step asks its target in one seeded order. With a ``StoredTarget`` a killed campaign continues
where it was, and a repeated one asks nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

from interlock.certify.attacks.attack import Attack, attacks_hash, sift
from interlock.certify.attacks.families import Family, PartName, part_families
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.campaign.assessment import Assessment, assess, decide
from interlock.certify.campaign.offers import Choice, Front, choose, make_offers
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.result import CampaignResult
from interlock.certify.judges.judge import Judge
from interlock.certify.judges.pairs import PairJudge
from interlock.certify.measures.benign import BenignPrompt, as_benign
from interlock.certify.measures.curve_file import describe_fit
from interlock.certify.measures.family_decay import FamilyDecay, measure_family_decay
from interlock.certify.measures.measure import Progress
from interlock.certify.measures.undefended import Undefended, measure_undefended
from interlock.certify.measures.utility import ask_bare
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
        benign: prompts that should be answered, with references or as texts; :meth:`run` needs
            some.
        options: see :class:`CampaignOptions`.
        judge_error: a labelled sample of the judge's verdicts, paid for inside the certificates.
        pair_judge: compares benign answers with the bare model's where no reference does.
        tell: given the name of each step, returns who is told how far it is.

    Attacks with the prompt of another, and those marked as failed, are left out with a warning;
    ``notes`` has a line on what was left out, and on what cannot be certified.

    Raises:
        DataError: no attacks are left, no family can be split, or the one to plan for is not among
            those that can.
    """

    def __init__(
        self,
        target: Target,
        judge: Judge,
        attacks: Sequence[Attack],
        benign: Sequence[str | BenignPrompt],
        options: CampaignOptions | None = None,
        *,
        judge_error: JudgeSample | None = None,
        pair_judge: PairJudge | None = None,
        tell: Tell = lambda step: None,
    ) -> None:
        self.target, self.judge, self.benign = target, judge, as_benign(benign)
        self.pair_judge = pair_judge
        self.options = options or CampaignOptions()
        self.judge_error, self._tell = judge_error, tell
        file = sift(attacks, keep_failed=self.options.keep_failed)
        self.notes: list[str] = [file.note] if file.note else []
        if file.note:
            warnings.warn(file.note, stacklevel=2)
        attacks = file.attacks
        self.families = part_families(
            attacks,
            seed=self.options.seed,
            planned=self.options.family,
            by_source=self.options.by_source,
        )
        self.family = self._planned_for()
        self.made_from: dict[str, Any] = {
            "target": dict(target.identity),
            "judge": dict(judge.identity),
            "attacks_sha256": attacks_hash(attacks),
            "seed": self.options.seed,
        }
        """What all numbers rest on, beside the options."""
        self.notes += [
            f"no certificate for {one.name}: {one.why_whole}"
            for one in self.families
            if not one.split
        ]
        self._undefended: dict[tuple[str, PartName], Undefended] = {}

    def _planned_for(self) -> Family:
        wanted = self.options.family or self.families[0].name
        named = {family.name: family for family in self.families}
        if wanted not in named:
            raise DataError(f"family={wanted!r}: the attacks are of {', '.join(named)}")
        if not named[wanted].split:
            raise DataError(f"family={wanted!r}: {named[wanted].why_whole}")
        return named[wanted]

    def measure(self) -> list[FamilyDecay]:
        """ASR(k) of each family under each perturbation, on the attacks to fit.

        Raises:
            ModelError: every single copy of a measurement was lost.
        """
        self._leave_out_what_fails()
        return [
            measure_family_decay(
                self.target,
                self.judge,
                family.name,
                family.fit or family.certify,  # without three parts nothing is chosen or certified
                kind,
                k=self.options.changes,
                trials=self.options.trials,
                seed=self.options.seed,
                confidence=self.options.confidence,
                by_source=self.options.by_source,
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
        undefended = {
            family.name: self._without_defence(family, "certify") for family in self.families
        }
        complies = self._without_defence(self.family, "fit")
        bare = ask_bare(
            self.target, self.judge, self.benign, seed=options.seed, run_code=options.run_code
        )
        offers = make_offers(
            self.target,
            self.judge,
            [decay for decay in decays if decay.family == self.family.name],
            [attack.asked for attack in self.family.fit],
            self.benign,
            bare,
            options,
            groups=self.family.clusters("fit").groups,
            pair_judge=self.pair_judge,
            progress=self._tell("plans, and benign prompts"),
        )
        # A setting of one's own is taken without question.
        front = Front(tuple(offers))
        choice = Choice(offers[0]) if options.copies else choose(front, options.utility, complies)
        assessments = self._assess(choice, decays)
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
            undefended=sum(one.answered for one in bare) / len(bare),
            without_defence=undefended,
            notes=tuple(self.notes),
            assessments=tuple(assessments),
            cards={name: card for name, card in cards.items() if card is not None},
        )

    def _without_defence(self, family: Family, part: PartName) -> Undefended:
        """What one part of a family does without a defence; asked once."""
        key = family.name, part
        if key not in self._undefended:
            self._undefended[key] = measure_undefended(
                self.target,
                self.judge,
                getattr(family, part),
                family.clusters(part).groups,
                seed=self.options.seed,
                confidence=self.options.confidence,
                progress=self._tell(f"{family.name}, {part.replace('_', ' ')}: undefended"),
            )
        return self._undefended[key]

    def _leave_out_what_fails(self) -> None:
        """With ``only_successful``, drop the attacks that the undefended target refuses."""
        if not self.options.only_successful:
            return
        kept, parts = [], get_args(PartName)
        for family in self.families:
            rows = {part: getattr(family, part) for part in parts}
            for part, attacks in rows.items():
                if attacks:
                    successful = self._without_defence(family, part).successful
                    rows[part] = tuple(
                        a for a, good in zip(attacks, successful, strict=True) if good
                    )
            one = replace(family, **rows)
            if one.size < family.size:
                self.notes.append(
                    f"{family.name}: left out {family.size - one.size} attacks that the undefended "
                    f"target refuses; {one.size} attacks are left"
                )
                for part in parts:
                    self._undefended.pop((family.name, part), None)
            if one.certify:
                kept.append(one)
        self.families = sorted(kept, key=lambda family: (not family.split, -family.size))
        if not any(family.split for family in kept):
            raise DataError(
                "too few attacks are left to fit, to certify and to hold out: "
                + "; ".join(self.notes)
            )
        self.family = self._planned_for()

    def _assess(self, choice: Choice, decays: Sequence[FamilyDecay]) -> list[Assessment]:
        """The setting against each family, the one planned for first."""
        if choice.offer is None:
            return []
        of_kind = {decay.family: decay for decay in decays if decay.kind == choice.offer.kind}
        families = sorted(self.families, key=lambda family: family is not self.family)
        setting = choice.offer.perturbation, choice.offer.copies
        # Before the first vote that a bound is made of.
        decided = [
            decide(self.target, self.judge, family, *setting, self.options) for family in families
        ]
        bare = [self._without_defence(family, "fit") if family.fit else None for family in families]
        return [
            assess(
                self.target,
                self.judge,
                family,
                *setting,
                of_kind[family.name],
                self.options,
                undefended=self._without_defence(family, "certify"),
                bare=of_fit,
                decided_on=decided_on,
                joint=len(families) if self.options.joint else 1,
                judge_error=self.judge_error,
                progress=self._tell(f"{family.name}: votes"),
            )
            for family, decided_on, of_fit in zip(families, decided, bare, strict=True)
        ]
