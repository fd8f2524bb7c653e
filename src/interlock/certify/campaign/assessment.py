"""One setting against one attack family: votes, certificate, and the check on attacks held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from interlock._version import versions
from interlock.certify.attacks.attack import Attack, attacks_hash
from interlock.certify.attacks.families import Family
from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.certificate import Certificate
from interlock.certify.bounds.judge_error import JudgeSample
from interlock.certify.bounds.laws import majority
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.campaign.card import AlikeCertificate, CertificateCard, HeldOut
from interlock.certify.campaign.family_decay import FamilyDecay
from interlock.certify.campaign.measure import Progress, measure_defence, measure_votes
from interlock.certify.campaign.measurements import DefenceMeasurement, VoteMeasurement
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.judges.judge import Judge
from interlock.certify.targets.protocol import Identity, Target
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.smoothllm import SmoothLLM
from interlock.errors import InterlockError, OptionError


@dataclass(frozen=True, eq=False)
class Assessment:
    """What one setting did against one family."""

    family: Family
    """Its attacks in three parts."""
    perturbation: Perturbation
    """Of the setting."""
    copies: int
    """N."""
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
    held_out: HeldOut
    """The same setting on the third part."""
    alike: AlikeCertificate | None
    """The published certificate; None where the curve gives none."""
    seed: int
    """Of split and perturbations."""

    @property
    def alpha(self) -> float:
        """The mean share of refused copies."""
        return float(self.votes.refused.mean())

    @property
    def refusal(self) -> str:
        """Why no certificate is given; empty where one is."""
        return self.taken_at_its_word.refusal

    def card(self, target: Target, judge: Judge) -> CertificateCard | None:
        """The certificate card; None where ``refusal`` says why there is none."""
        if self.refusal:
            return None
        error = self.certificate.judge
        return CertificateCard(
            target=target_name(target.identity),
            target_identity=dict(target.identity),
            family=self.family.name,
            attacks=self.certificate.prompts,
            attacks_sha256=attacks_hash(self.family.certify),
            judge=dict(judge.identity),
            judge_error=None if error is None else _counted(error),
            perturbation=self.perturbation.kind,
            rate=self.perturbation.rate,
            alphabet=self.perturbation.alphabet,
            paper=self.perturbation.paper,
            copies=self.copies,
            majority=int(majority(self.copies)),
            trials=self.certificate.trials,
            seed=self.seed,
            confidence=self.certificate.confidence,
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for people and programs; bounds only where there is a certificate."""
        certified = not self.refusal
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
            "alpha": self.alpha,
            "certified": certified,
            "refusal": self.refusal,
            "confidence": self.certificate.confidence,
            "lower": self.certificate.lower if certified else None,
            "lower_judge_believed": self.taken_at_its_word.lower if certified else None,
            "estimate": self.certificate.estimate,
            "formula": self.certificate.homogeneous,
            "share_tau": self.tau,
            "share_lower": self.share_lower if certified else None,
            "held_out": asdict(self.held_out),
            "lost": int(self.votes.lost.sum()),
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
    judge_error: JudgeSample | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Count votes on the attacks to certify on, and put those held out through whole votes.

    Args:
        target, judge: answer and judge the copies.
        family: the attacks.
        perturbation, copies: the setting to deploy.
        decay: the family's measured ASR(k) under this perturbation, for the published certificate.
        options: votes, repeats, confidence, tau, epsilon and seed.
        judge_error: a labelled sample of the judge's verdicts that the bound accounts for.
        progress: told how many of the calls are done, at most.

    Raises:
        ModelError: every single copy was lost.
    """
    trials, seed, confidence = max(options.votes, copies), options.seed, options.confidence
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
    believed = PopulationCertificate.from_votes(votes.refused, copies, confidence)
    certificate = PopulationCertificate.from_votes(
        votes.refused, copies, confidence, judge=judge_error
    )
    defence = measure_defence(
        SmoothLLM(target, perturbation, copies, judge),
        [attack.asked for attack in family.held_out],
        repeats=options.repeats,
        seed=seed,
        progress=_part(progress, voted, checked, voted + checked),
    )
    return Assessment(
        family=family,
        perturbation=perturbation,
        copies=copies,
        votes=votes,
        certificate=certificate,
        taken_at_its_word=believed,
        tau=options.tau,
        share_lower=_share(certificate, options.tau),
        held_out=_held_out(family.held_out, defence, confidence),
        alike=published(decay, perturbation, copies, options.epsilon),
        seed=seed,
    )


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


def _held_out(attacks: Sequence[Attack], defence: DefenceMeasurement, confidence: float) -> HeldOut:
    low, high = mean_interval(defence.defended.mean(axis=1), confidence)
    votes = int(defence.defended.shape[1])
    return HeldOut(len(attacks), attacks_hash(attacks), votes, defence.dsp, low, high)


def _share(certificate: PopulationCertificate, tau: float) -> float | None:
    try:
        return certificate.share(tau).lower
    except OptionError:
        return None  # the judge model "any" allows no such bound


def _counted(error: JudgeSample) -> dict[str, Any]:
    record = asdict(error)
    del record["credit_false_alarms"]
    return record


def _part(progress: Progress | None, before: int, size: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, of: progress(before + size * done // max(of, 1), total)
