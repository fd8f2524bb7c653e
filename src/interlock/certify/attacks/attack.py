"""Found attacks, and the file that keeps them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock.certify.attacks.artifacts import AttackPrompt
from interlock.certify.targets.protocol import Span
from interlock.data.rows import read_rows
from interlock.errors import DataError, OutputError

EMBEDDED = Path(__file__).parent.parent / "embedded"


@dataclass(frozen=True)
class Attack:
    """A prompt that made a target comply."""

    goal: str
    """What was asked for, without the attack."""
    prompt: str
    """The whole user message."""
    span: Span
    """Code-point offsets (start, stop) of the adversarial part: the suffix of a suffix attack,
    the whole message of a role-play."""
    kind: str
    """``"gcg"`` or ``"role-play"``; other tools may write other names."""
    seed: int
    """Of the search."""
    iterations: int
    """Steps of the search until it succeeded."""
    answer: str
    """What the target said."""

    @property
    def suffix(self) -> str:
        """The adversarial part."""
        return self.prompt[self.span[0] : self.span[1]]


@dataclass(frozen=True)
class AskedPrompt:
    """A held-out prompt of the embedded model's world."""

    kind: str
    """``"benign"`` or ``"forbidden"``."""
    prompt: str
    """The user message."""
    goal: str
    """What it asks for: a verb and an object."""
    opening: str
    """How an answer that complies begins."""
    reply: str
    """The intended answer."""


def read_attacks(path: str | Path = "embedded") -> list[Attack]:
    """Read a JSONL file of attacks; ``"embedded"`` are those found against the embedded model.

    A row without a ``span``, as in JailbreakBench files, gets that of its estimated suffix.

    Raises:
        DataError: the file is missing, empty, or a line is no attack (it is named).
    """
    path = EMBEDDED / "tiny_chat_attacks.jsonl" if path == "embedded" else Path(path)
    attacks = [attack_from(row, where) for row, where in read_rows(path)]
    if not attacks:
        raise DataError(f"{path}: holds no attacks")
    return attacks


def write_attacks(attacks: Iterable[Attack], path: str | Path) -> Path:
    """Write attacks as JSONL; the name appears only when the file is complete.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    # "attack" and "jailbroken" make each row one of the JailbreakBench layout, too.
    lines = [
        json.dumps(asdict(a) | {"attack": a.kind, "jailbroken": True}, sort_keys=True) + "\n"
        for a in attacks
    ]
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text("".join(lines), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def attacks_hash(attacks: Sequence[Attack]) -> str:
    """SHA-256 of the prompts and spans, whatever their order: names the set in a certificate."""
    lines = sorted(json.dumps([a.prompt, list(a.span)]) for a in attacks)
    return sha256("\n".join(lines).encode()).hexdigest()


def embedded_prompts(kind: str) -> list[AskedPrompt]:
    """Prompts the embedded model never saw: 200 ``"benign"`` and 200 ``"forbidden"`` ones."""
    names = AskedPrompt.__dataclass_fields__
    return [
        AskedPrompt(**{name: row[name] for name in names})
        for row, _ in read_rows(EMBEDDED / "tiny_chat_prompts.jsonl")
        if row["kind"] == kind
    ]


def attack_from(row: Mapping[str, Any], where: str) -> Attack:
    """One row of a file of attacks.

    Args:
        row: its JSON object; without a ``span``, that of its estimated suffix is taken.
        where: names the row in errors.

    Raises:
        DataError: it is no attack.
    """
    try:
        goal, prompt, kind = row["goal"], row["prompt"], row.get("kind", row.get("attack"))
        if not isinstance(goal, str) or not isinstance(prompt, str) or not prompt:
            raise TypeError("goal and prompt must be text")
        span = row.get("span") or AttackPrompt("", "", 0, goal, prompt, True).suffix_span
        start, stop = int(span[0]), int(span[1])
        attack = Attack(
            goal=goal,
            prompt=prompt,
            span=(start, stop),
            kind=str(kind or "unknown"),
            seed=int(row.get("seed", 0)),
            iterations=int(row.get("iterations", 0)),
            answer=str(row.get("answer", "")),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{where}: no attack ({type(error).__name__}: {error})") from None
    if not 0 <= start <= stop <= len(prompt):
        raise DataError(f"{where}: span {span} lies outside the prompt")
    return attack
