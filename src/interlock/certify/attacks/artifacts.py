"""Attack prompts in the JailbreakBench artifact format, and where in each the attack sits.

Two layouts are read: the published artifact, one JSON object with ``parameters`` and
``jailbreaks``, and JSON lines with one attack each (``attack``, ``model``, ``index``, ``goal``,
``prompt``, ``jailbroken``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from interlock.certify.bounds.decay import DecayCurve
from interlock.certify.bounds.plan import NoPlan, Plan, plan
from interlock.certify.vote.graphemes import graphemes
from interlock.errors import DataError
from interlock.names import PerturbationKind

Shape = Literal["suffix", "template", "whole"]


@dataclass(frozen=True)
class AttackPrompt:
    """One attack on one goal.

    Attributes:
        attack: the family, such as ``"GCG"``.
        model: the model it was made for.
        index: of the goal in its benchmark.
        goal: what the attacker wants, in plain words.
        prompt: what is sent to the model; never empty.
        jailbroken: whether it succeeded when recorded.
    """

    attack: str
    model: str
    index: int
    goal: str
    prompt: str
    jailbroken: bool

    @cached_property
    def length(self) -> int:
        """m, the characters (grapheme clusters) of the prompt."""
        return len(graphemes(self.prompt))

    @cached_property
    def shape(self) -> Shape:
        """How the attack is built: after the goal, around it, or in words of its own."""
        if self._goal_end is not None:
            return "suffix"
        return "template" if self.goal.lower() in self.prompt.lower() else "whole"

    @cached_property
    def suffix_span(self) -> tuple[int, int]:
        """Code-point offsets of the adversarial suffix; the whole prompt where there is none."""
        return (self._goal_end or 0, len(self.prompt))

    @cached_property
    def suffix_length(self) -> int:
        """m_S, the adversarial characters: the suffix, or all that is not the goal itself.

        For a template they are not one block at the end, so the law of ``patch`` is approximate.
        """
        if self.shape == "template":
            return self.length - len(graphemes(self.goal))
        start, stop = self.suffix_span
        return len(graphemes(self.prompt[start:stop]))

    @cached_property
    def _goal_end(self) -> int | None:
        """Where the goal ends, if the prompt begins with it or with most of it."""
        same = 0
        for ours, theirs in zip(self.goal, self.prompt, strict=False):
            if ours.lower() != theirs.lower():
                break
            same += 1
        return same if self.goal and 2 * same >= len(self.goal) else None


def load_attacks(path: str | PathLike[str]) -> list[AttackPrompt]:
    """The attacks of a JailbreakBench artifact (``.json``) or of a JSON-lines file.

    Goals for which the artifact holds no prompt (``null``, or empty) are left out.

    Raises:
        DataError: no such file, not JSON, a field missing, or no prompt in it.
    """
    source = Path(path)
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{source}: cannot be read as UTF-8 text ({error})") from error
    rows = list(_rows(source, text))
    attacks = [_attack(f"{source}, attack {i}", row) for i, row in enumerate(rows, 1)]
    found = [attack for attack in attacks if attack is not None]
    if not found:
        raise DataError(f"{source}: holds no attack prompt")
    return found


def _rows(source: Path, text: str) -> Sequence[Mapping[str, Any]]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        whole = None
    if isinstance(whole, dict) and "jailbreaks" in whole:
        shared = whole.get("parameters") or {}
        common = {"attack": shared.get("method", "unknown"), "model": shared.get("model", "")}
        if not isinstance(whole["jailbreaks"], list):
            raise DataError(f"{source}: 'jailbreaks' must be a list")
        return [{**common, **row} for row in whole["jailbreaks"]]
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{source}, line {number}: not JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise DataError(f"{source}, line {number}: give one JSON object a line")
        rows.append(row)
    return rows


def _attack(where: str, row: Mapping[str, Any]) -> AttackPrompt | None:
    for name in ("goal", "prompt"):
        if name not in row:
            raise DataError(f"{where}: no field {name!r}")
    goal, prompt = row["goal"], row["prompt"]
    if prompt is None or prompt == "":
        return None
    if not (isinstance(goal, str) and isinstance(prompt, str)):
        raise DataError(f"{where}: goal and prompt must be text")
    return AttackPrompt(
        str(row.get("attack", "unknown")),
        str(row.get("model", "")),
        int(row.get("index", 0)),
        goal,
        prompt,
        bool(row.get("jailbroken", False)),
    )


def plan_families(
    attacks: Sequence[AttackPrompt],
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
    for family in dict.fromkeys(attack.attack for attack in attacks):
        curve = curves if isinstance(curves, DecayCurve) else curves.get(family)
        if curve is None:
            raise DataError(f"no decay curve for the attack family {family!r}; measure one")
        mine = [attack for attack in attacks if attack.attack == family]
        plans[family] = plan(
            target,
            length=[attack.length for attack in mine],
            suffix_length=[attack.suffix_length for attack in mine],
            curve=curve,
            epsilon=epsilon,
            perturbation=perturbation,
            max_copies=max_copies,
        )
    return plans
