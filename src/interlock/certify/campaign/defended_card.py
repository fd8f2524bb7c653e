"""The certificate card of a defence that was named beforehand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from interlock._version import versions
from interlock.certify.attacks.attack import attacks_hash
from interlock.certify.bounds.laws import majority
from interlock.certify.campaign.assessment import (
    bare_rates,
    counted_error,
    share_bound,
    target_name,
)
from interlock.certify.campaign.defended import DefendedFamily
from interlock.certify.statement.card import CertificateCard
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.perturb import Perturbation
from interlock.certify.vote.random_copies import RandomCopies


def defended_card(one: DefendedFamily, defence: Defence, tau: float) -> CertificateCard | None:
    """The card of a defence against a family; None where ``one.refusal`` says why there is none.

    A vote over perturbed copies is described as that of a campaign is, so that what deploys the
    one deploys the other; of every other defence the card holds the identity.

    Args:
        one: what was measured; all of its attacks count, for nothing was chosen on them.
        defence: as it was measured.
        tau: a prompt counts for the share bound if its own DSP is at least this.
    """
    if one.refusal:
        return None
    bound, error = one.certificate, one.certificate.judge
    return CertificateCard(
        target=target_name(one.asked),
        target_identity=dict(one.asked),
        family=one.family,
        attacks=bound.prompts,
        groups=one.clusters.effective,
        ties=one.clusters.counts,
        failed=one.failed,
        undefended=bare_rates(one.undefended),
        attacks_sha256=attacks_hash(one.attacks),
        judge=dict(one.judge),
        judge_error=None if error is None else counted_error(error),
        **_setting(defence),
        trials=bound.trials,
        seed=one.seed,
        tries=bound.tries,
        joint=one.joint,
        confidence=one.confidence,
        method=bound.method,
        lower=bound.lower,
        estimate=bound.estimate,
        share_tau=tau,
        share_lower=share_bound(bound, tau),
        alike=None,
        held_out=None,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        named=one.named,
    )


def _setting(defence: Defence) -> dict[str, Any]:
    """How a card describes a defence."""
    names = ("perturbation", "rate", "alphabet", "paper", "copies", "majority")
    if not isinstance(defence, RandomCopies) or not isinstance(defence.change, Perturbation):
        return {**dict.fromkeys(names), "defence": dict(defence.identity)}
    change = defence.change
    values = (change.kind, change.rate, change.alphabet, change.paper, defence.copies)
    return dict(zip(names, (*values, int(majority(defence.copies))), strict=True))
