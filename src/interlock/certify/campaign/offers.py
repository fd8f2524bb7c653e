"""What each perturbation and q gives and costs: attacks refused, benign answers, calls.

The fitted curve plans a number of copies. It knows suffix characters only, takes attacks for alike,
and a copy changes the request, too; so the plan is tried on whole votes before it is offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.certify.bounds.groups import Labels, group_means
from interlock.certify.bounds.plan import NoPlan, Plan, plan
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.judges.judge import Judge
from interlock.certify.judges.pairs import PairJudge
from interlock.certify.measures.benign import BenignPrompt
from interlock.certify.measures.family_decay import FamilyDecay
from interlock.certify.measures.measure import Progress, measure_votes
from interlock.certify.measures.outcome import Graded, Utility
from interlock.certify.measures.undefended import Undefended
from interlock.certify.measures.utility import measure_utility
from interlock.certify.targets.protocol import Prompt, Target
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM
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
    """Benign prompts released, and how good the answers are."""
    copies: int
    """N of ``utility``: as tried, else as planned, else a few."""
    certified: float | None = None
    """The estimated E[DSP] with these copies on the attacks that the curve was fitted to; None
    where no votes on them were cast. No bound."""

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
            "certified": self.certified,
            "answered": self.utility.released,
            "asked": self.utility.asked,
            "answered_interval": list(self.utility.interval()),
            "answered_with_copies": self.copies,
            "utility": self.utility.to_dict(),
        }


@dataclass(frozen=True)
class Front:
    """Offers by certified rate, utility and calls, and those that no other one beats."""

    offers: tuple[Offer, ...]
    """All, as they were made."""

    @property
    def best(self) -> tuple[Offer, ...]:
        """The Pareto set: no other refuses as much, is as useful and asks as little, and is better
        in one of the three. The fewest calls first; offers without votes on attacks are not in it.
        """
        measured = [(_worth(offer), offer) for offer in self.offers if offer.certified is not None]
        kept = [
            offer
            for worth, offer in measured
            if not any(_beats(other, worth) for other, _ in measured)
        ]
        return tuple(sorted(kept, key=lambda offer: (offer.utility.mean_calls, offer.rate)))


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
    benign: Sequence[BenignPrompt],
    bare: Sequence[Graded],
    options: CampaignOptions,
    *,
    groups: Labels | None = None,
    pair_judge: PairJudge | None = None,
    progress: Progress | None = None,
) -> list[Offer]:
    """Plan one family at every perturbation measured and every q, and ask what that costs.

    Args:
        target, judge: answer and judge the copies.
        decays: of one family, one for each perturbation.
        attacks: prompts of the same family that plans are tried on; none of those to certify on.
        benign: prompts that should be answered.
        bare: the answers to them without a defence.
        options: what a plan must reach, at which q, and with what.
        groups: (n,) of attacks that are alike.
        pair_judge: compares answers that no reference does.
        progress: told how many of the offers are done.

    Raises:
        DataError: there are no benign prompts.
        ModelError: every single copy of a measurement was lost.
    """
    offers = []
    pairs = [(decay, rate) for decay in decays for rate in options.rates]
    for number, (decay, rate) in enumerate(pairs, 1):
        perturbation, outcome = Perturbation(decay.kind, rate), plan_decay(decay, rate, options)
        planned = outcome if isinstance(outcome, Plan) else None
        trial = certified = None
        copies = options.copies or min(_WITHOUT_PLAN, options.max_copies)
        if planned is not None and options.copies is None:
            votes = max(options.votes, planned.copies)
            refused = measure_votes(
                target, judge, attacks, perturbation, trials=votes, seed=options.seed
            ).refused
            trial = _tried(refused, groups, planned, options)
            copies = trial.copies or planned.copies
            certified = PopulationCertificate.from_votes(refused, copies, groups=groups).estimate
        utility = measure_utility(
            SmoothLLM(target, perturbation, copies, judge, answer_from=options.answer_from),
            benign,
            bare,
            seed=options.seed,
            run_code=options.run_code,
            pair_judge=pair_judge,
        )
        refusal = "" if planned is not None else str(outcome)
        offers.append(Offer(decay.kind, rate, planned, refusal, trial, utility, copies, certified))
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


def choose(front: Front, least_utility: float, undefended: Undefended | None = None) -> Choice:
    """Of the front's offers that hold and are useful enough: the fewest calls.

    What refuses and helps as much at fewer calls is never passed over, so the choice is one of
    ``front.best``. Where none is good enough, ``undefended``, what the bare target does, is said;
    and where it complies with half of the bare goals or more, nothing else: no setting changes
    that.
    """
    offers = front.offers
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
    good = [offer for offer in holding if offer.utility.useful >= least_utility]
    if not good:
        best = max(holding, key=lambda offer: offer.utility.useful)
        return Choice(
            None,
            f"every plan that holds answers fewer than {least_utility:.0%} of the benign prompts; "
            f"the best, {best.kind} at q = {best.rate:.0%}, answers {best.utility.useful:.0%}: "
            "allow that with --utility, or strengthen the model",
        )
    return Choice(min(good, key=_worth))


def _tried(
    refused: NDArray[np.bool_], groups: Labels | None, planned: Plan, options: CampaignOptions
) -> TriedPlan:
    alpha, best = float(group_means(refused.mean(axis=1), groups).mean()), 0.0
    for copies in range(planned.copies, refused.shape[1] + 1, 2):
        dsp = PopulationCertificate.from_votes(refused, copies, groups=groups).estimate
        if dsp >= options.dsp and alpha > 0.5:
            return TriedPlan(alpha, copies, dsp)
        best = max(best, dsp)
    return TriedPlan(alpha, None, best)


def _worth(offer: Offer) -> tuple[float, float, float]:
    """Calls, what is not useful, what is not refused: less is better in all three."""
    refused = 0.0 if offer.certified is None else offer.certified
    return offer.utility.mean_calls, 1 - offer.utility.useful, 1 - refused


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
