"""Attack families, each split in three so that no attack vouches for its own defence.

The curve and the plan are chosen on the first part, which also decides whether to certify; the
certificate counts votes on the second, and the third checks it. If one part served two of these,
the choice would flatter the bound. So would attacks that are alike in two parts: whole groups
(:mod:`interlock.certify.attacks.clusters`) go to one part.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from interlock.certify.attacks.attack import Attack
from interlock.certify.attacks.clusters import Clusters, find_clusters
from interlock.errors import DataError, OptionError

SHARES = (0.25, 0.5, 0.25)
"""Of the groups: to fit, to certify, held out."""
LEAST = 3
"""Groups that a family needs for its three parts."""

PartName = Literal["fit", "certify", "held_out"]


@dataclass(frozen=True)
class Family:
    """Attacks of one kind in three parts, no goal, template or suffix in two of them."""

    name: str
    """``Attack.kind``, such as ``"gcg"``."""
    fit: tuple[Attack, ...]
    """For ASR(k), the curve, the plan, and whether to certify; empty where there are too few groups
    for three parts, and then there is no certificate."""
    certify: tuple[Attack, ...]
    """For the certificate's votes; all attacks where there are too few groups."""
    held_out: tuple[Attack, ...]
    """For the check; empty where ``fit`` is."""
    by_source: bool = field(default=False, kw_only=True)
    """Whether attacks made on one model are a group."""

    @property
    def size(self) -> int:
        """Attacks in all."""
        return len(self.fit) + len(self.certify) + len(self.held_out)

    @property
    def split(self) -> bool:
        """Whether there are three parts."""
        return bool(self.fit and self.certify and self.held_out)

    @property
    def why_whole(self) -> str:
        """Why there are no three parts; empty where there are."""
        if self.split:
            return ""
        return (
            f"{self.clusters()}; three groups are needed, to choose with, to certify on and to "
            "hold out, the last two not like attacks that a setting is chosen on"
        )

    @cached_property
    def _clusters(self) -> dict[PartName, Clusters]:
        parts: dict[PartName, tuple[Attack, ...]] = {
            "fit": self.fit,
            "certify": self.certify,
            "held_out": self.held_out,
        }
        return {name: find_clusters(part, by_source=self.by_source) for name, part in parts.items()}

    def clusters(self, part: PartName = "certify") -> Clusters:
        """The groups of one part: a group lies in one part, so they are those of the family."""
        return self._clusters[part]


def by_kind(attacks: Sequence[Attack]) -> dict[str, list[Attack]]:
    """The attacks of each family by its name, in the order of the first of each."""
    families: dict[str, list[Attack]] = {}
    for attack in attacks:
        families.setdefault(attack.kind, []).append(attack)
    return families


def split_families(attacks: Sequence[Attack], **options: Any) -> list[Family]:
    """The families that can be split, largest first; ``options`` as :func:`part_families` has them.

    Raises:
        OptionError: shares that are none.
        DataError: every family has fewer than three groups.
    """
    return [family for family in part_families(attacks, **options) if family.split]


def part_families(
    attacks: Sequence[Attack],
    *,
    seed: int = 0,
    shares: tuple[float, float, float] = SHARES,
    planned: str | None = None,
    by_source: bool = False,
) -> list[Family]:
    """The families, largest first; those that cannot be split come last, see ``Family.split``.

    Groups of a family are found within it: they are its independent draws. Across families one
    thing is kept apart: the setting is chosen on the first part of the family planned for, so
    groups of any other that share a goal, a template or a suffix with it go to their own first
    part.

    Args:
        attacks: of any kinds.
        seed: of the split; the order of ``attacks`` does not matter.
        shares: of each family's groups, to fit, to certify and held out; they sum to 1.
        planned: the family planned for; the largest that can be split when None.
        by_source: attacks made on one model are one group, too.

    Raises:
        OptionError: shares that are none.
        DataError: every family has fewer than three groups.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise OptionError(f"shares={shares}: give three positive shares that sum to 1")
    kinds = by_kind(attacks)
    families = [
        _split(kind, members, (), seed, shares, by_source) for kind, members in kinds.items()
    ]
    families.sort(key=lambda family: (not family.split, -family.size))
    if not families or not families[0].split:
        ties = "; ".join(
            f"{kind}: {find_clusters(members, by_source=by_source)}"
            for kind, members in kinds.items()
        )
        raise DataError(
            "no family has three groups of attacks, on three different goals with templates and "
            "suffixes of their own, so none can be split into attacks to fit, to certify and to "
            f"hold out; give more attacks that are not alike ({ties})"
        )
    chosen = next((one for one in families if one.name == planned), families[0])
    families = [
        one
        if one is chosen
        else _split(one.name, kinds[one.name], chosen.fit, seed, shares, by_source)
        for one in families
    ]
    return sorted(families, key=lambda family: (not family.split, -family.size))


def _split(
    kind: str,
    members: Sequence[Attack],
    chosen_on: Sequence[Attack],
    seed: int,
    shares: tuple[float, float, float],
    by_source: bool,
) -> Family:
    """One family; groups that are tied to attacks that a setting is chosen on go to ``fit``."""
    labels = find_clusters([*members, *chosen_on], by_source=by_source).groups
    seen = set(labels[len(members) :].tolist())
    own = find_clusters(members, by_source=by_source).groups.tolist()
    known = {group for group, label in zip(own, labels.tolist(), strict=False) if label in seen}
    tied = [a for a, group in zip(members, own, strict=True) if group in known]
    free = [a for a, group in zip(members, own, strict=True) if group not in known]
    # Named by what it holds, so that the order of the attacks does not matter.
    names: dict[int, tuple[str, str]] = {}
    for attack, group in zip(members, own, strict=True):
        least = (attack.goal, attack.prompt)
        names[group] = min(names.get(group, least), least)
    id_of = {attack: names[group] for attack, group in zip(members, own, strict=True)}
    groups = len({id_of[attack] for attack in free})
    if groups < LEAST - bool(known):
        return Family(kind, (), tuple(members), (), by_source=by_source)
    to_fit, _, held = shares

    def parted(
        some: Sequence[Attack], share: float, salt: int
    ) -> tuple[list[Attack], list[Attack]]:
        return split_attacks(some, share, seed=seed + salt, ids=[id_of[a] for a in some])

    if known:
        # As many groups more as the first part lacks, then the others by their shares.
        lacking = round(to_fit * (groups + len(known))) - len(known)
        rest, fit = (free, []) if lacking < 1 else parted(free, lacking / groups, 1)
        if len({id_of[a] for a in rest}) < 2:
            rest, fit = free, []
        certify, held_out = parted(rest, held / (1 - to_fit), 0)
        fit = tied + fit
    else:
        rest, held_out = parted(members, held, 0)
        while len({id_of[a] for a in rest}) < 2:  # three or four groups: one held out
            rest, held_out = parted(members, 1e-9, 0)
        certify, fit = parted(rest, to_fit / (1 - held), 1)
    return Family(kind, tuple(fit), tuple(certify), tuple(held_out), by_source=by_source)


def split_attacks(
    attacks: Sequence[Attack],
    share: float = 0.5,
    *,
    seed: int = 0,
    ids: Sequence[Hashable] | None = None,
) -> tuple[list[Attack], list[Attack]]:
    """Attacks to certify on, and attacks held out; those on one goal stay together.

    Args:
        attacks: two different goals at least.
        share: of the goals that are held out, in (0, 1); at least one goal goes to each side.
        seed: of the shuffle; the order of ``attacks`` does not matter.
        ids: what stays together in place of goals, one for each attack; they can be sorted.

    Raises:
        OptionError: share outside (0, 1).
        DataError: fewer than two goals.
    """
    if not 0 < share < 1:
        raise OptionError(f"share={share}: must lie between 0 and 1")
    names = [attack.goal for attack in attacks] if ids is None else list(ids)
    kept: list[Hashable] = sorted(set(names))  # type: ignore[type-var]
    if len(kept) < 2:
        raise DataError(f"{len(kept)} goals cannot be split; give attacks on two at least")
    random.Random(seed).shuffle(kept)
    held = set(kept[: min(max(1, round(share * len(kept))), len(kept) - 1)])
    pairs = list(zip(attacks, names, strict=True))
    return [a for a, name in pairs if name not in held], [a for a, name in pairs if name in held]
