"""``measure`` and ``plan`` with ``--defence``: whole decisions, and what a bound on them takes.

ASR(k), the attack's success after k changed characters, says nothing of a defence that drops words,
erases them or asks the target itself. There the decision's refusals are measured as they are, and
what can be planned is how many attacks a bound needs, and how many calls.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interlock._files import write_atomically
from interlock.certify import SmoothLLM, write_attacks
from interlock.certify.attacks.attack import Attack, attacks_hash
from interlock.certify.attacks.clusters import find_clusters
from interlock.certify.attacks.families import Family, by_kind, part_families
from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.counts import groups_needed
from interlock.certify.bounds.groups import group_means
from interlock.certify.defences import defence_text
from interlock.certify.measures.measure import measure_defence
from interlock.certify.vote.asks import Defence
from interlock.cli.certify.question import Question, calls, read_aloud
from interlock.cli.terminal import Terminal, table

FAILURES = (0, 1, 2, 5, 10)
"""Groups whose attacks are not refused, for which a plan says how many groups a bound needs."""


def attacks_to_fit(attacks: Sequence[Attack], seed: int) -> dict[str, tuple[Attack, ...]]:
    """Of each family the attacks that may be measured to choose by; all of one without parts."""
    return {one.name: _measured(one) for one in part_families(attacks, seed=seed)}


def measure(
    question: Question, defence: Defence, repeats: int, seed: int, terminal: Terminal
) -> dict[str, Any]:
    """Put a defence to the attacks set apart for fitting; writes refusals.json and the rest.

    Raises:
        InterlockError: something cannot be opened or asked.
    """
    file, name = question.read_attacks(terminal), defence_text(defence)
    chosen = attacks_to_fit(file.attacks, seed)
    families = []
    with question.open() as asks, terminal.steps(lines=True) as tell:
        for family, attacks in chosen.items():
            made = measure_defence(
                SmoothLLM(asks.target, defence, judge=asks.judge), [a.asked for a in attacks],
                repeats=repeats, seed=seed, progress=tell(f"{name}: {family}"),
            )  # fmt: skip
            groups = find_clusters(attacks).groups
            means = group_means(made.defended.mean(axis=1), groups)
            families.append(
                {
                    "family": family,
                    "attacks": len(attacks),
                    "groups": len(means),
                    "refused": float(means.mean()),
                    "interval": list(mean_interval(means, 0.95)),
                    "calls": made.calls / made.defended.size,
                    "by_attack": [
                        {"attack": attacks_hash([one])[:16], "group": group, "refused": refused}
                        for one, group, refused in zip(
                            attacks, groups.tolist(), made.defended.sum(axis=1).tolist(),
                            strict=True,
                        )
                    ],
                }
            )  # fmt: skip
        asked = calls(asks.target, terminal)
    measured = {one for attacks in chosen.values() for one in attacks}
    rest = [one for one in file.attacks if one not in measured]
    outcome = {"defence": name, "decisions": repeats, "families": families}
    path = write_atomically(question.out / "refusals.json", json.dumps(outcome, indent=1) + "\n")
    head = ["family", "attacks", "groups", "refused", "95 % interval", "calls"]
    for line in table([head, *map(_row, families)]):
        terminal.say(line)
    left = write_attacks(rest, question.out / "rest.jsonl") if rest else None
    if left is not None:
        terminal.say(
            f"{left}: the {len(rest)} attacks that were not asked; bound the defence on them "
            f"('certify report --defence {name} --attacks {left}') if these refusals chose it"
        )
    terminal.say(f"refusals: {path} ({asked['asked']} calls, {asked['remembered']} remembered)")
    written = {"refusals": str(path), "rest": None if left is None else str(left)}
    return written | outcome | {"calls": asked} | file.left_out


def plan(
    defence: Defence,
    attacks: Path | None,
    dsp: float,
    confidence: float,
    terminal: Terminal,
    *,
    keep_failed: bool = False,
) -> tuple[dict[str, Any], bool]:
    """How many groups of attacks a bound of ``dsp`` needs, and whether each family has so many."""
    name, file = defence_text(defence), None
    if attacks is not None:
        file = read_aloud(attacks, keep_failed, terminal)
    needs = []
    for failures in FAILURES:
        groups = groups_needed(dsp, failures, confidence)
        # Each attack and its goal are asked without a defence, too.
        most = groups * (defence.most + 2)
        needs.append({"not_refused": failures, "groups": groups, "calls_at_most": most})
    terminal.say(
        f"{name}: no curve speaks of it; groups of attacks that a bound of {dsp:g} needs, with "
        f"{confidence:.0%} confidence"
    )
    head = ["groups not refused", "groups needed", "calls at most"]
    for line in table([head, *([f"{value:,}" for value in row.values()] for row in needs)]):
        terminal.say(line)
    families = []
    for family, members in by_kind([] if file is None else file.attacks).items():
        groups = find_clusters(members).effective
        enough = groups >= needs[0]["groups"]
        families.append({"family": family, "groups": groups, "enough": enough})
        terminal.say(
            f"{family}: {len(members)} attacks in {groups} groups, "
            + ("enough if all are refused" if enough else f"fewer than {needs[0]['groups']}")
        )
    terminal.say(
        f"'certify measure --defence {name}' counts refusals, 'certify report' gives the bound"
    )
    outcome = {"defence": name, "target_dsp": dsp, "confidence": confidence, "needs": needs}
    left_out = {} if file is None else file.left_out
    planned = file is None or any(one["enough"] for one in families)
    return outcome | left_out | {"families": families}, planned


def _measured(family: Family) -> tuple[Attack, ...]:
    return family.fit or family.certify


def _row(family: dict[str, Any]) -> list[str]:
    low, high = family["interval"]
    return [
        family["family"], str(family["attacks"]), str(family["groups"]),
        f"{family['refused']:.3f}", f"{low:.3f}–{high:.3f}", f"{family['calls']:.1f}",
    ]  # fmt: skip
