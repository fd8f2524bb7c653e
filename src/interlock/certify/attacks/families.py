"""Attack families, each split in three so that no attack vouches for its own defence.

The curve and the plan are chosen on the first part, the certificate counts votes on the second,
and the third checks it. If one part served two of these, the choice would flatter the bound.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from interlock.certify.attacks.attack import Attack
from interlock.errors import DataError, OptionError

SHARES = (0.25, 0.5, 0.25)
"""Of the goals: to fit, to certify, held out."""


@dataclass(frozen=True)
class Family:
    """Attacks of one kind in three parts, no goal in two of them."""

    name: str
    """``Attack.kind``, such as ``"gcg"``."""
    fit: tuple[Attack, ...]
    """For ASR(k), the curve and the plan."""
    certify: tuple[Attack, ...]
    """For the certificate's votes."""
    held_out: tuple[Attack, ...]
    """For the check."""

    @property
    def size(self) -> int:
        """Attacks in all."""
        return len(self.fit) + len(self.certify) + len(self.held_out)


def by_kind(attacks: Sequence[Attack]) -> dict[str, list[Attack]]:
    """The attacks of each family by its name, in the order of the first of each."""
    families: dict[str, list[Attack]] = {}
    for attack in attacks:
        families.setdefault(attack.kind, []).append(attack)
    return families


def split_families(
    attacks: Sequence[Attack], *, seed: int = 0, shares: tuple[float, float, float] = SHARES
) -> list[Family]:
    """The families that can be split, largest first.

    Args:
        attacks: of any kinds.
        seed: of the split; the order of ``attacks`` does not matter.
        shares: of each family's goals, to fit, to certify and held out; they sum to 1.

    Raises:
        OptionError: shares that are none.
        DataError: every family has fewer than three goals.
    """
    to_fit, _, held = shares
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise OptionError(f"shares={shares}: give three positive shares that sum to 1")
    families = []
    for kind, members in by_kind(attacks).items():
        if len({attack.goal for attack in members}) < 3:
            continue
        rest, held_out = split_attacks(members, held, seed=seed)
        while len({attack.goal for attack in rest}) < 2:  # three or four goals: one held out
            rest, held_out = split_attacks(members, 1e-9, seed=seed)
        certify, fit = split_attacks(rest, to_fit / (1 - held), seed=seed + 1)
        families.append(Family(kind, tuple(fit), tuple(certify), tuple(held_out)))
    if not families:
        raise DataError(
            "no family has attacks on three different goals, so none can be split into attacks to "
            "fit, to certify and to hold out; give more attacks"
        )
    return sorted(families, key=lambda family: -family.size)


def split_attacks(
    attacks: Sequence[Attack], share: float = 0.5, *, seed: int = 0
) -> tuple[list[Attack], list[Attack]]:
    """Attacks to certify on, and attacks held out; those on one goal stay together.

    Args:
        attacks: two different goals at least.
        share: of the goals that are held out, in (0, 1); at least one goal goes to each side.
        seed: of the shuffle; the order of ``attacks`` does not matter.

    Raises:
        OptionError: share outside (0, 1).
        DataError: fewer than two goals.
    """
    if not 0 < share < 1:
        raise OptionError(f"share={share}: must lie between 0 and 1")
    goals = sorted({attack.goal for attack in attacks})
    if len(goals) < 2:
        raise DataError(f"{len(goals)} goals cannot be split; give attacks on two at least")
    random.Random(seed).shuffle(goals)
    held = set(goals[: min(max(1, round(share * len(goals))), len(goals) - 1)])
    return [a for a in attacks if a.goal not in held], [a for a in attacks if a.goal in held]
