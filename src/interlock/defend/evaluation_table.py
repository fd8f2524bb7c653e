"""An evaluation as blocks of a table, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interlock.defend.evaluation import CLEAN, Evaluation, Rate, Tally, Trial

MASKED = "masked by the shield"


@dataclass(frozen=True)
class Line:
    """One row, for each size."""

    name: str
    rates: tuple[Rate, ...]
    passes: tuple[float | None, ...] = ()
    """Forward passes on average; None where they are not known. Empty for what has none."""


@dataclass(frozen=True)
class Block:
    """Clean images, one attack, or the worst of several."""

    name: str
    areas: tuple[float | None, ...]
    """Sizes of the patch, a column each; None of a column for no single size."""
    lines: tuple[Line, ...]


def blocks(evaluation: Evaluation) -> list[Block]:
    """Clean images first, then attack by attack, then the worst of them on each image."""
    areas = tuple(dict.fromkeys(t.trial.area for t in evaluation.patched))
    attacks = dict.fromkeys(t.trial.attack for t in evaluation.patched)
    found = [_clean(evaluation)]
    for attack in attacks:
        tallies = [evaluation[Trial(attack, area)] for area in areas]
        found.append(Block(attack, areas, _lines(tallies)))
    worst = {w.area: w.right for w in evaluation.worst()}
    if all(area in worst for area in areas):
        lines = [Line(row, tuple(worst[area][row] for area in areas)) for row in worst[areas[0]]]
        found.append(Block("worst attack on each photo", areas, tuple(lines)))
    if None in worst:
        lines = [Line(row, (rate,)) for row, rate in worst[None].items()]
        name = "worst attack and size on each photo" if len(attacks) > 1 else "worst size on each"
        found.append(Block(name, (None,), tuple(lines)))
    return found


def _clean(evaluation: Evaluation) -> Block:
    lines = list(_lines([evaluation.clean]))
    for tally in evaluation.tallies:
        attack, area = tally.trial
        if attack == CLEAN.attack and area is not None:
            lines += [
                Line(f"{row}, {100 * area:g} %", (tally.rate(row),), (tally.mean_passes(row),))
                for row in tally.right
            ]
    return Block(CLEAN.attack, (None,), tuple(lines))


def _lines(tallies: Sequence[Tally]) -> tuple[Line, ...]:
    lines = [
        Line(row, tuple(t.rate(row) for t in tallies), tuple(t.mean_passes(row) for t in tallies))
        for row in tallies[0].right
    ]
    return (*lines, Line(MASKED, tuple(Rate.of(t.masked) for t in tallies)))
