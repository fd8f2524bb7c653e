"""What each perturbation and q would cost: copies for the defence, answers for benign users.

The fitted curve plans a number of copies. It knows suffix characters only, takes attacks for alike,
and a copy changes the request, too; so the plan is tried on whole votes before it is offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock.certify.bounds.groups import Labels, group_means
from interlock.certify.bounds.plan import NoPlan, Plan, plan
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.family_decay import FamilyDecay
from interlock.certify.campaign.measure import Progress, measure_utility, measure_votes
from interlock.certify.campaign.measurements import Utility
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.undefended import Undefended
from interlock.certify.judges.judge import Judge
from interlock.certify.targets.protocol import Prompt, Target
from interlock.certify.vote.perturb import Perturbation
from interlock.errors import InterlockError
from interlock.names import PerturbationKind

_WITHOUT_PLAN = 5
"""Copies that benign prompts are asked with where there is no plan."""


@dataclass(frozen=True)
class TriedPlan:
    """A plan tried on votes on the attacks that the curve was fitted to. No bound, a choice."""

    alpha: float
    """The mean share of copies refused, over groups."""
    copies: int | None
    """The fewest, odd and no fewer than planned, whose estimated E[DSP] reaches the target; None
    where no number up to the votes cast does."""
    dsp: float
    """That estimate, or the best one where ``copies`` is None."""


@dataclass(frozen=True)
class Offer:
    """One perturbation at one q."""

    kind: PerturbationKind
    """The perturbation."""
    rate: float
    """q."""
    plan: Plan | None
    """The fewest copies that reach the target at this q, by the fitted curve."""
    refusal: str
    """Why the curve has no plan; empty where it has."""
    trial: TriedPlan | None
    """The plan tried; None where there is none, or none was asked for."""
    utility: Utility
    """Benign prompts still answered."""
    copies: int
    """N of ``utility``: as tried, else as planned, else a few."""

    @property
    def perturbation(self) -> Perturbation:
        """Ready to deploy."""
        return Perturbation(self.kind, self.rate)

    @property
    def holds(self) -> bool:
        """Whether the plan stood its trial."""
        return self.trial is not None and self.trial.copies is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "perturbation": self.kind,
            "rate": self.rate,
            "planned": None
            if self.plan is None
            else {"alpha": self.plan.alpha, "copies": self.plan.copies, "dsp": self.plan.dsp},
            "refusal": self.refusal,
            "tried": None if self.trial is None else vars(self.trial),
            "answered": self.utility.answered,
            "asked": self.utility.asked,
            "answered_interval": list(self.utility.interval()),
            "answered_with_copies": self.copies,
        }


@dataclass(frozen=True)
class Choice:
    """The offer to deploy, or why none is good enough."""

    offer: Offer | None
    """None where ``reason`` says why."""
    reason: str = ""
    """One sentence, with what would help."""


def make_offers(
    target: Target,
    judge: Judge,
    decays: Sequence[FamilyDecay],
    attacks: Sequence[str | Prompt],
    benign: Sequence[str],
    options: CampaignOptions,
    *,
    groups: Labels | None = None,
    progress: Progress | None = None,
) -> list[Offer]:
    """Plan one family at every perturbation measured and every q, and ask what that costs.

    Args:
        target, judge: answer and judge the copies.
        decays: of one family, one for each perturbation.
        attacks: prompts of the same family that plans are tried on; none of those to certify on.
        benign: prompts that should be answered.
        options: what a plan must reach, at which q, and with what.
        groups: (n,) of attacks that are alike.
        progress: told how many of the offers are done.

    Raises:
        DataError: there are no benign prompts.
        ModelError: every single copy of a measurement was lost.
    """
    offers = []
    pairs = [(decay, rate) for decay in decays for rate in options.rates]
    for number, (decay, rate) in enumerate(pairs, 1):
        outcome, trial = plan_decay(decay, rate, options), None
        planned = outcome if isinstance(outcome, Plan) else None
        if planned is not None and options.copies is None:
            trial = _try(
                target, judge, attacks, groups, Perturbation(decay.kind, rate), planned, options
            )
        copies = options.copies or (trial and trial.copies) or (planned and planned.copies)
        copies = copies or min(_WITHOUT_PLAN, options.max_copies)
        [utility] = measure_utility(
            target, judge, benign, decay.kind, [rate], copies=copies, seed=options.seed
        )
        refusal = "" if planned is not None else str(outcome)
        offers.append(Offer(decay.kind, rate, planned, refusal, trial, utility, copies))
        if progress is not None:
            progress(number, len(pairs))
    return offers


def plan_decay(decay: FamilyDecay, rate: float, options: CampaignOptions) -> Plan | NoPlan | str:
    """The plan at one q by the fitted curve, over the lengths of the measured attacks.

    Returns:
        A plan, why there is none, or why none can be made: an epsilon that the curve never reaches.
    """
    try:
        return plan(
            options.dsp,
            length=decay.lengths,
            suffix_length=decay.suffix_lengths,
            curve=decay.curve,
            epsilon=options.epsilon,
            perturbation=decay.kind,
            rates=[rate],
            max_copies=options.max_copies,
        )
    except InterlockError as error:
        return str(error)


def choose(
    offers: Sequence[Offer], least_utility: float, undefended: Undefended | None = None
) -> Choice:
    """Of the offers that hold and answer enough benign prompts: fewest copies, most answers.

    Where none is good enough, ``undefended``, what the bare target does, is said; and where it
    complies with half of the bare goals or more, nothing else: no setting changes that.
    """
    bare = "" if undefended is None else f"; {undefended}"
    hopeless = undefended is not None and undefended.complies
    planned = [offer for offer in offers if offer.plan is not None]
    if not planned:
        last = offers[-1] if offers and not hopeless else None
        at = "" if last is None else f"; {last.kind}, q = {last.rate:.0%}: {last.refusal}"
        return Choice(None, f"no perturbation and q reach the target{bare}{at}")
    holding = [offer for offer in planned if offer.holds]
    if not holding:
        best = max(planned, key=lambda offer: offer.trial.dsp if offer.trial else 0.0)
        reached, alpha = (best.trial.dsp, best.trial.alpha) if best.trial else (0.0, 0.0)
        advice = "; allow more --votes or a lower --dsp"
        if alpha <= 0.5:
            advice = (
                f"; a copy is refused with probability {alpha:.2f} there, and at or below one half "
                "more votes make things worse"
            )
        return Choice(
            None,
            "the curve has plans, but votes on the attacks it was fitted to do not bear them out: "
            f"they reach a DSP of {reached:.2f} at best ({best.kind}, q = {best.rate:.0%})"
            f"{bare}{'' if hopeless else advice}",
        )
    good = [offer for offer in holding if offer.utility.share >= least_utility]
    if not good:
        best = max(holding, key=lambda offer: offer.utility.share)
        return Choice(
            None,
            f"every plan that holds answers fewer than {least_utility:.0%} of the benign prompts; "
            f"the best, {best.kind} at q = {best.rate:.0%}, answers {best.utility.share:.0%}: "
            "allow that with --utility, or strengthen the model",
        )
    return Choice(min(good, key=lambda offer: (offer.copies, -offer.utility.share, offer.rate)))


def _try(
    target: Target,
    judge: Judge,
    attacks: Sequence[str | Prompt],
    groups: Labels | None,
    perturbation: Perturbation,
    planned: Plan,
    options: CampaignOptions,
) -> TriedPlan:
    votes = max(options.votes, planned.copies)
    refused = measure_votes(
        target, judge, attacks, perturbation, trials=votes, seed=options.seed
    ).refused
    alpha, best = float(group_means(refused.mean(axis=1), groups).mean()), 0.0
    for copies in range(planned.copies, votes + 1, 2):
        dsp = PopulationCertificate.from_votes(refused, copies, groups=groups).estimate
        if dsp >= options.dsp and alpha > 0.5:
            return TriedPlan(alpha, copies, dsp)
        best = max(best, dsp)
    return TriedPlan(alpha, None, best)
