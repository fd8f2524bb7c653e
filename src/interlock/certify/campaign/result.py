"""What a campaign ends in: plain measurements and bounds, with nobody left to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.certify.campaign.assessment import Assessment, target_name
from interlock.certify.campaign.offers import Choice, Front, Offer
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.measures.family_decay import FamilyDecay
from interlock.certify.measures.undefended import Undefended
from interlock.certify.statement.card import CertificateCard


@dataclass(frozen=True, eq=False)
class CampaignResult:
    """All that a report, ``results.json`` and the cards are made of."""

    options: CampaignOptions
    """What decided the numbers."""
    made_from: Mapping[str, Any]
    """Identities of target and judge, the hash of the attacks, the seed."""
    family: str
    """The family planned for."""
    families: tuple[str, ...]
    """All, largest first; those that could not be split last."""
    benign: int
    """Prompts that should be answered."""
    judge_counted: bool
    """Whether the certificates pay for the judge's counted errors."""
    decays: tuple[FamilyDecay, ...]
    """ASR(k) of each family under each perturbation."""
    fits: tuple[dict[str, Any], ...]
    """A curve for each of ``decays``, see :func:`describe_fit`."""
    offers: tuple[Offer, ...]
    """What each perturbation and q gives and costs against the family planned for."""
    choice: Choice
    """The setting to deploy, or why there is none."""
    undefended: float
    """The share of benign prompts that the target answers without a defence."""
    without_defence: Mapping[str, Undefended]
    """Family -> what its attacks to certify on do without a defence."""
    notes: tuple[str, ...]
    """A line on each thing that was left out or cannot be certified."""
    assessments: tuple[Assessment, ...]
    """The setting against each family, the one planned for first; empty without a setting."""
    cards: Mapping[str, CertificateCard]
    """Family -> its certificate card, where there is one."""

    @property
    def front(self) -> Front:
        """The offers by attacks refused, utility and calls."""
        return Front(self.offers)

    @property
    def target(self) -> str:
        """The target's name."""
        return target_name(self.made_from["target"])

    @property
    def certified(self) -> bool:
        """Whether the family planned for has a certificate."""
        return self.family in self.cards

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for programs."""
        offer, best = self.choice.offer, self.front.best
        return {
            "target": self.target,
            "family": self.family,
            "setting": None
            if offer is None
            else {"perturbation": offer.kind, "rate": offer.rate, "copies": offer.copies},
            "no_setting": self.choice.reason,
            "notes": list(self.notes),
            "undefended": {name: one.to_dict() for name, one in self.without_defence.items()},
            "benign_answered_undefended": self.undefended,
            "offers": [
                one.to_dict() | {"on_front": one in best, "setting": one is offer}
                for one in self.offers
            ],
            "families": [one.to_dict() for one in self.assessments],
        }
