"""What the images of a ``defend`` study go through: its attacks at their sizes, each by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from interlock.defend.attacks.named import Against, NamedAttacks
from interlock.errors import OptionError
from interlock.lab.code import digest_of
from interlock.lab.study import AttackPart, DefencePart, DefendStudy, label, unknown
from interlock.lab.tasks.defend.defences import (
    FILE,
    MASKING,
    attacked_itself,
    fitted_as,
    options_of,
    told_of_patch,
)
from interlock.lab.tasks.options import unknown_options
from interlock.names import ATTACKS, ON_SHIELD

OWN = ("bounds", "seed", "patches")
"""Of ``NamedAttacks``, not of a study."""


class Condition(NamedTuple):
    """What the images of a job go through, and who then answers."""

    attack: int | None
    """Number in the study; None for no attack."""
    area: float | None
    """Share of the image that is patched, or that a defence is told to expect; else None."""
    against: int | None
    """The defence that is attacked; None for the bare model."""
    methods: tuple[int, ...]
    """Numbers in the study."""


def conditions(study: DefendStudy) -> Iterator[Condition]:
    """All that each block goes through: clean first, then attack by attack."""
    parts = study.methods
    knows = [told_of_patch(part.method, part.options) for part in parts]
    everyone = tuple(range(len(parts)))
    yield Condition(None, None, None, tuple(k for k in everyone if knows[k] == "nothing"))
    for area in sorted({area for attack in study.attacks for area in attack.areas}):
        sized = tuple(k for k in everyone if knows[k] == "size" and _expects(study, k, area))
        if sized:
            yield Condition(None, area, None, sized)
    for number, area in _sizes(study):
        attack = study.attacks[number]
        meeting = tuple(k for k in everyone if _meets(parts[k], attack, area))
        if attack.against is not None:
            (against,) = (k for k in everyone if label(parts[k]) == attack.against)
            yield Condition(number, area, against, meeting)
        elif attack.attack in ON_SHIELD:
            for k in meeting:
                yield Condition(number, area, k, (k,))
        elif meeting:
            yield Condition(number, area, None, meeting)


def _sizes(study: DefendStudy) -> list[tuple[int, float]]:
    """Attacks by number, in the study's order, each at its sizes from small to large."""
    first: dict[str, int] = {}
    for number, attack in enumerate(study.attacks):
        first.setdefault(label(attack), number)
    pairs = [(number, area) for number, a in enumerate(study.attacks) for area in a.areas]
    return sorted(pairs, key=lambda pair: (first[label(study.attacks[pair[0]])], pair[1]))


def _expects(study: DefendStudy, method: int, area: float) -> bool:
    """Whether a defence meets patches of a size at all."""
    part = study.methods[method]
    return any(area in attack.areas and _meets(part, attack, area) for attack in study.attacks)


def _meets(part: DefencePart, attack: AttackPart, area: float) -> bool:
    """Whether a defence is measured under an attack of a size."""
    itself = attack.attack in ON_SHIELD and attack.against is None
    if itself and not attacked_itself(part.method, attack.attack):
        return False
    names = (label(attack), condition_label(attack, area))
    return part.attacks is None or any(name in part.attacks for name in names)


def expected_shapes(study: DefendStudy, area: float) -> tuple[str, ...]:
    """Of the patches of a size: what a defence prepares for that is told their size alone."""
    attacks = (attack for attack in study.attacks if area in attack.areas)
    return tuple(sorted({attack.options.get("shape", "square") for attack in attacks}))


def condition_label(attack: AttackPart | None, area: float | None) -> str:
    """``"clean"``, ``"patch, 2 %"``."""
    size = "" if area is None else f", {100 * area:g} %"
    return f"{'clean' if attack is None else label(attack)}{size}"


def attack_options(
    part: AttackPart, area: float, against: DefencePart | None = None
) -> dict[str, Any]:
    """Everything that an attack, also one on a defence, is made with; its defaults too."""
    options = NamedAttacks(**part.options).options(part.attack, area, against=_kind(against))
    return {key: value for key, value in options.items() if key not in ("seed", "area")}


def attack_code(name: str, against: DefencePart | None = None) -> str:
    """Digest of the code of an attack, also one on a defence."""
    return digest_of(*NamedAttacks().parts(name, _kind(against)), beside=[NamedAttacks])


def _kind(against: DefencePart | None) -> Against:
    cleanser = against is not None and against.method in MASKING
    return "patchcleanser" if cleanser else "shield"


def problems(study: DefendStudy) -> Iterator[str]:
    """What is wrong with the methods and attacks of a study, a line each."""
    for number, part in enumerate(study.methods):
        where = f"methods[{number}]"
        try:
            known = options_of(part.method, part.options)
        except OptionError as error:
            yield f"{where}.method: {part.method!r}: {error}"
            continue
        for option, wrong in unknown_options(part.options, known):
            yield f"{where}.options.{option}: {wrong}"
        fitted = fitted_as(part.method, part.options)
        if fitted and FILE not in part.options and study.clean is None:
            yield (
                f"clean: is missing; {part.method} is fitted to clean images, or takes a fitted "
                f"shield: {where}.options.{FILE}"
            )
        names = {
            name
            for attack in study.attacks
            for area in attack.areas
            for name in (label(attack), condition_label(attack, area))
        }
        for name in part.attacks or ():
            if name not in names:
                yield f"{where}.attacks: {name!r}: {unknown('attack', name, sorted(names))}"
    for number, attack in enumerate(study.attacks):
        yield from _attack_problems(f"attacks[{number}]", attack, study)


def _attack_problems(where: str, part: AttackPart, study: DefendStudy) -> Iterator[str]:
    if part.attack not in ATTACKS:
        yield f"{where}.attack: {part.attack!r}: {unknown('attack', part.attack, ATTACKS)}"
        return
    known = [f.name for f in fields(NamedAttacks) if f.name not in OWN]
    wrong = list(unknown_options(part.options, known))
    yield from (f"{where}.options.{option}: {text}" for option, text in wrong)
    if not wrong:
        try:
            for area in part.areas:
                attack_options(part, area)
        except (OptionError, TypeError) as error:
            yield f"{where}: {error}"
    if part.against is not None:
        yield from _against_problems(f"{where}.against", part, study)
    elif part.attack in ON_SHIELD and not any(
        attacked_itself(method.method, part.attack) for method in study.methods
    ):
        yield f"{where}.attack: {part.attack} is made against a shield, and the study has none"


def _against_problems(where: str, part: AttackPart, study: DefendStudy) -> Iterator[str]:
    methods = {label(method): method.method for method in study.methods}
    if part.attack not in ON_SHIELD:
        yield f"{where}: {part.attack} knows the bare model alone; leave it out"
    elif part.against not in methods:
        yield f"{where}: {part.against!r}: {unknown('method', part.against or '', [*methods])}"
    elif not attacked_itself(methods[part.against], part.attack):
        yield f"{where}: {part.attack} cannot be made against {part.against}"
