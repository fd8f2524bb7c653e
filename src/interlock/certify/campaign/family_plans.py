"""The cheapest vote for each family of attacks, by its own lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.families import by_kind
from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.plan import NoPlan, Plan, plan
from interlock.errors import DataError
from interlock.names import PerturbationKind


def plan_families(
    attacks: Sequence[Attack],
    curves: DecayCurve | Mapping[str, DecayCurve],
    *,
    target: float = 0.95,
    epsilon: float = 0.05,
    perturbation: PerturbationKind = "swap",
    max_copies: int = 25,
) -> dict[str, Plan | NoPlan]:
    """The plan of each attack family, with its own prompts' lengths and suffixes.

    Args:
        attacks: of any families.
        curves: one decay curve for all, or one for each family by name.
        target, epsilon, perturbation, max_copies: as in :func:`interlock.certify.bounds.plan`.

    Raises:
        DataError: no attack, or a family without a curve.
    """
    if not attacks:
        raise DataError("no attacks to plan for")
    plans: dict[str, Plan | NoPlan] = {}
    for family, members in by_kind(attacks).items():
        curve = curves if isinstance(curves, DecayCurve) else curves.get(family)
        if curve is None:
            raise DataError(f"no decay curve for the attack family {family!r}; measure one")
        plans[family] = plan(
            target,
            length=[attack.length for attack in members],
            suffix_length=[attack.suffix_length for attack in members],
            curve=curve,
            epsilon=epsilon,
            perturbation=perturbation,
            max_copies=max_copies,
        )
    return plans
