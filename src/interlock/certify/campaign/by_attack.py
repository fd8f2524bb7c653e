"""What each attack of a bound did, for results and for runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlock.certify.attacks.attack import Attack, attacks_hash
from interlock.certify.bounds.groups import Labels
from interlock.certify.bounds.population import PopulationCertificate
from interlock.certify.measures.undefended import Undefended


def by_attack(
    attacks: Sequence[Attack],
    groups: Labels,
    certificate: PopulationCertificate,
    undefended: Undefended,
) -> list[dict[str, Any]]:
    """A row for each attack, named by the hash of its prompt and span.

    Args:
        attacks: n of them.
        groups: (n,) the group of each.
        certificate: of the votes on them, in this order.
        undefended: what they do without a defence, in this order.
    """
    rows = zip(
        attacks,
        groups.tolist(),
        certificate.refusals.tolist(),
        certificate.per_prompt.tolist(),
        undefended.successful.tolist(),
        strict=True,
    )
    return [
        {
            "attack": attacks_hash([attack])[:16],
            "group": group,
            "category": attack.category,
            "refused": refused,
            "of": certificate.trials,
            "dsp": dsp,
            "succeeds_undefended": succeeds,
        }
        for attack, group, refused, dsp, succeeds in rows
    ]
