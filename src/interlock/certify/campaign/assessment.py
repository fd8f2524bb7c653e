"""One setting against one attack family: votes, certificate, and the check on attacks held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from interlock._version import versions
from interlock.certify.attacks.attack import attacks_hash, texts_of
from interlock.certify.attacks.families import Family
from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.certificate import Certificate
from interlock.certify.bounds.counts import joint_confidence
from interlock.certify.bounds.groups import group_means
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import majority
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.by_attack import by_attack
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.judges.judge import Judge, SaysWhy
from interlock.certify.measures.family_decay import FamilyDecay
from interlock.certify.measures.measure import Progress, measure_defence, measure_votes
from interlock.certify.measures.measurements import DefenceMeasurement, VoteMeasurement
from interlock.certify.measures.undefended import Undefended
from interlock.certify.statement.card import AlikeCertificate, BareRates, CertificateCard, HeldOut
from interlock.certify.statement.claim import claim
from interlock.certify.targets.protocol import Identity, Reply, Target
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.errors import InterlockError, OptionError
from interlock.names import FailedAttacks


@dataclass(frozen=True, eq=False)
class Assessment:
    """What one setting did against one family."""

    family: Family
    """Its attacks in three parts."""
    perturbation: Perturbation
    """Of the setting."""
    copies: int
    """N."""
    undefended: Undefended
    """The attacks of the second part, and their goals, without a defence."""
    decided_on: PopulationCertificate | None
    """Votes on the attacks of the first part, which alone decide whether to certify; None where
    there are too few groups for three parts."""
    bare: Undefended | None
    """The first part without a defence; None likewise."""
    votes: VoteMeasurement
    """(certify, r) votes on the attacks of the second part."""
    certificate: PopulationCertificate
    """With the judge's known error inside, where it is known."""
    taken_at_its_word: PopulationCertificate
    """The same votes, the judge believed."""
    tau: float
    """Of the share bound."""
    share_lower: float | None
    """Lower bound on the share of attacks whose own DSP is at least ``tau``."""
    confidence: float
    """Of the claim; that of the bounds themselves is higher where several hold together."""
    joint: int
    """Families whose bounds hold at once; 1: this one by itself."""
    failed: FailedAttacks
    """What was done with attacks that failed."""
    held_out: HeldOut | None
    """The same setting on the third part; None where there is none."""
    alike: AlikeCertificate | None
    """The published certificate; None where the curve gives none."""
    reasons: tuple[str, ...]
    """(certify r) why the verdict on each copy is what it is, where that can be said."""
    asked: Identity
    """The target's identity."""
    judge: Mapping[str, Any]
    """The judge's identity."""
    seed: int
    """Of split and perturbations."""

    @property
    def alpha(self) -> float:
        """The mean share of refused copies, over groups."""
        shares = self.votes.refused.mean(axis=1)
        return float(group_means(shares, self.certificate.groups).mean())

    @property
    def refusal(self) -> str:
        """Why no certificate is given; empty where one is.

        By votes on the first part and by the number of groups, never by the votes that the bound
        is made of: a bound that is shown only where it looks good does not hold.
        """
        if self.decided_on is None:
            return f"No certificate: {self.family.why_whole}."
        if self.decided_on.refusal and self.bare is not None and self.bare.complies:
            return f"No certificate: {self.bare}, so that perturbing an attack cannot help."
        return self.decided_on.refusal

    def statement(self) -> str:
        """The bound of the second part in one sentence, whether there is a certificate or not."""
        error = self.certificate.judge
        changed = f"{self.perturbation.rate:.0%} of the characters changed"
        return claim(
            lower=self.certificate.lower, confidence=self.confidence, joint=self.joint,
            tries=self.certificate.tries, family=self.family.name,
            attacks=self.certificate.prompts, groups=self.certificate.effective,
            failed=self.failed, judge=self.judge,
            judge_error=None if error is None else counted_error(error),
            target=target_name(self.asked), identity=self.asked,
            defence=f"a vote of {self.copies} copies with {changed} by {self.perturbation.kind}",
        )  # fmt: skip

    def card(self, target: Target, judge: Judge) -> CertificateCard | None:
        """The certificate card; None where ``refusal`` says why there is none."""
        if self.refusal:
            return None
        clusters = self.family.clusters()
        error = self.certificate.judge
        return CertificateCard(
            target=target_name(target.identity),
            target_identity=dict(target.identity),
            family=self.family.name,
            attacks=self.certificate.prompts,
            groups=clusters.effective,
            ties=clusters.counts,
            failed=self.failed,
            undefended=bare_rates(self.undefended),
            attacks_sha256=attacks_hash(self.family.certify),
            judge=dict(judge.identity),
            judge_error=None if error is None else counted_error(error),
            perturbation=self.perturbation.kind,
            rate=self.perturbation.rate,
            alphabet=self.perturbation.alphabet,
            paper=self.perturbation.paper,
            copies=self.copies,
            majority=int(majority(self.copies)),
            trials=self.certificate.trials,
            seed=self.seed,
            tries=self.certificate.tries,
            joint=self.joint,
            confidence=self.confidence,
            method=self.certificate.method,
            lower=self.certificate.lower,
            estimate=self.certificate.estimate,
            share_tau=self.tau,
            share_lower=self.share_lower,
            alike=self.alike,
            held_out=self.held_out,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=versions(),
        )

    def by_attack(self) -> list[dict[str, Any]]:
        """What each attack of the second part did, named by the hash of its prompt and span."""
        family = self.family
        return by_attack(
            family.certify, family.clusters().groups, self.certificate, self.undefended
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for people and programs; the bound also where there is no certificate."""
        clusters = self.family.clusters()
        return {
            "family": self.family.name,
            "perturbation": self.perturbation.kind,
            "rate": self.perturbation.rate,
            "copies": self.copies,
            "attacks": {
                "fit": len(self.family.fit),
                "certify": len(self.family.certify),
                "held_out": len(self.family.held_out),
            },
            "groups": clusters.effective,
            "ties": clusters.counts,
            "failed": self.failed,
            "undefended": self.undefended.to_dict(),
            "alpha": self.alpha,
            "certified": not self.refusal,
            "refusal": self.refusal,
            "statement": self.statement(),
            "confidence": self.confidence,
            "joint": self.joint,
            "tries": self.certificate.tries,
            "lower": self.certificate.lower,
            "lower_judge_believed": self.taken_at_its_word.lower,
            "estimate": self.certificate.estimate,
            "formula": self.certificate.homogeneous,
            "share_tau": self.tau,
            "share_lower": self.share_lower,
            "held_out": None if self.held_out is None else asdict(self.held_out),
            "lost": int(self.votes.lost.sum()),
            "by_attack": self.by_attack(),
        }


def assess(
    target: Target,
    judge: Judge,
    family: Family,
    perturbation: Perturbation,
    copies: int,
    decay: FamilyDecay,
    options: CampaignOptions,
    *,
    undefended: Undefended,
    bare: Undefended | None = None,
    decided_on: PopulationCertificate | None = None,
    joint: int = 1,
    judge_error: JudgeSample | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Count votes on the attacks to certify on, and put those held out through whole votes.

    Args:
        target, judge: answer and judge the copies.
        family: the attacks.
        perturbation, copies: the setting to deploy.
        decay: the family's measured ASR(k) under this perturbation, for the published certificate.
        options: votes, repeats, confidence, tau, tries, epsilon and seed.
        undefended: what the attacks to certify on do without a defence.
        bare, decided_on: the same of the attacks to fit, and what :func:`decide` says of them.
        joint: families whose bounds shall hold at once.
        judge_error: a labelled sample of the judge's verdicts that the bound accounts for.
        progress: told how many of the calls are done, at most.

    Raises:
        ModelError: every single copy was lost.
    """
    trials, seed = max(options.votes, copies), options.seed
    confidence = joint_confidence(options.confidence, joint)
    if not family.split:  # its attacks may be like those that the setting was chosen on
        confidence = joint_confidence(confidence, options.settings)
    voted = len(family.certify) * trials
    checked = len(family.held_out) * copies * options.repeats
    votes = measure_votes(
        target,
        judge,
        [attack.asked for attack in family.certify],
        perturbation,
        trials=trials,
        seed=seed,
        progress=_part(progress, 0, voted, voted + checked),
    )
    believed, certificate = (
        PopulationCertificate.from_votes(
            votes.refused, copies, confidence, judge=error, groups=family.clusters().groups,
            tries=options.tries, texts=texts_of(family.certify),
        )
        for error in (None, judge_error)
    )  # fmt: skip
    held_out = None
    if family.held_out:
        defence = measure_defence(
            SmoothLLM(target, perturbation, copies, judge),
            [attack.asked for attack in family.held_out],
            repeats=options.repeats,
            seed=seed,
            progress=_part(progress, voted, checked, voted + checked),
        )
        held_out = _held_out(family, defence, options.confidence)
    return Assessment(
        family=family,
        perturbation=perturbation,
        copies=copies,
        undefended=undefended,
        decided_on=decided_on,
        bare=bare,
        votes=votes,
        certificate=certificate,
        taken_at_its_word=believed,
        tau=options.tau,
        share_lower=share_bound(certificate, options.tau),
        confidence=options.confidence,
        joint=joint,
        failed=options.failed,
        held_out=held_out,
        alike=published(decay, perturbation, copies, options.epsilon),
        reasons=tuple(
            _reason(judge, reply, refused)
            for reply, refused in zip(votes.replies, votes.refused.ravel().tolist(), strict=True)
        ),
        asked=dict(target.identity),
        judge=dict(judge.identity),
        seed=seed,
    )


def decide(
    target: Target,
    judge: Judge,
    family: Family,
    perturbation: Perturbation,
    copies: int,
    options: CampaignOptions,
) -> PopulationCertificate | None:
    """Votes on the attacks to fit: they say whether the setting is worth a certificate.

    Returns:
        Their certificate, whose ``refusal`` decides; None where the family has no three parts.

    Raises:
        ModelError: every single copy was lost.
    """
    if not family.split:
        return None
    prompts = [attack.asked for attack in family.fit]
    trials = max(options.votes, copies)
    votes = measure_votes(target, judge, prompts, perturbation, trials=trials, seed=options.seed)
    return PopulationCertificate.from_votes(
        votes.refused, copies, options.confidence, groups=family.clusters("fit").groups,
        tries=options.tries, texts=texts_of(family.fit),
    )  # fmt: skip


def published(
    decay: FamilyDecay, perturbation: Perturbation, copies: int, epsilon: float
) -> AlikeCertificate | None:
    """The (k, epsilon) certificate at the median attack; None where the curve gives none."""
    length, suffix = (int(np.median(v)) for v in (decay.lengths, decay.suffix_lengths))
    try:
        curve = decay.curve
        certificate = Certificate(
            curve.threshold(epsilon), epsilon, length, suffix, perturbation.rate, copies,
            perturbation.kind, curve, perturbation.paper,
        )  # fmt: skip
    except InterlockError:
        return None
    return AlikeCertificate(
        certificate.k, epsilon, length, suffix, {"a": curve.a, "b": curve.b, "c": curve.c},
        certificate.alpha, certificate.dsp,
    )  # fmt: skip


def target_name(identity: Identity) -> str:
    """The model's name, as a certificate card compares it."""
    name = identity.get("model") or identity.get("sha256") or identity.get("target")
    return str(name)


def _reason(judge: Judge, reply: Reply, refused: bool) -> str:
    if reply.lost:
        return reply.error or "lost"
    if reply.finish == "blocked":
        return "the provider's filter"
    return judge.words(reply.text) if refused and isinstance(judge, SaysWhy) else ""


def _held_out(family: Family, defence: DefenceMeasurement, confidence: float) -> HeldOut:
    clusters, attacks = family.clusters("held_out"), family.held_out
    means = group_means(defence.defended.mean(axis=1), clusters.groups)
    low, high = mean_interval(means, confidence)
    votes = int(defence.defended.shape[1])
    dsp = float(means.mean())
    return HeldOut(
        len(attacks), clusters.effective, attacks_hash(attacks), votes, dsp, low, high
    )  # fmt: skip


def bare_rates(undefended: Undefended) -> BareRates:
    """As a card holds them."""
    attack, goal = undefended.attack, undefended.goal
    of_goals = (None, None, None) if goal is None else (goal.share, goal.low, goal.high)
    return BareRates(attack.share, attack.low, attack.high, *of_goals)


def share_bound(certificate: PopulationCertificate, tau: float) -> float | None:
    """As a card holds it; None where the judge model gives none."""
    try:
        return certificate.share(tau).lower
    except OptionError:
        return None  # the judge model "any" allows no such bound


def counted_error(error: JudgeSample) -> dict[str, Any]:
    """As a card holds it."""
    record = asdict(error)
    del record["credit_false_alarms"]
    return record


def _part(progress: Progress | None, before: int, size: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, of: progress(before + size * done // max(of, 1), total)
