"""Attacks, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from interlock._files import write_atomically
from interlock.certify.targets.protocol import Message, Prompt, Span
from interlock.certify.vote.graphemes import graphemes
from interlock.data.rows import HALF, lacks, read_rows
from interlock.errors import DataError, OptionError

EMBEDDED = Path(__file__).parent.parent / "embedded"

Shape = Literal["suffix", "template", "whole"]


@dataclass(frozen=True)
class Attack:
    """A prompt made so that a target complies."""

    goal: str
    """What was asked for, without the attack."""
    prompt: str
    """The whole user message; never empty."""
    span: Span
    """Code-point offsets (start, stop) of the adversarial part: the suffix of a suffix attack,
    the whole message of a role-play."""
    kind: str
    """The family: ``"gcg"`` or ``"role-play"``; other tools write other names."""
    seed: int
    """Of the search."""
    iterations: int
    """Steps of the search until it succeeded."""
    answer: str
    """What the target said."""
    jailbroken: bool = True
    """Whether it succeeded when it was recorded."""
    source: str = field(default="", compare=False)
    """The model it was made on, where the file says so; the same attack is equal from anywhere."""
    category: str = field(default="", compare=False)
    """Of the goal, where the file says so, such as ``"Privacy"``."""
    earlier: tuple[Message, ...] = ()
    """Of an attack over several turns: the messages before ``prompt``, oldest first."""

    @property
    def asked(self) -> Prompt:
        """What the target is asked: the prompt, after the messages before it."""
        return Prompt((*self.earlier, Message("user", self.prompt)))

    @property
    def whole(self) -> str:
        """All that is asked as one text: the prompt, or of several turns each message in a line."""
        return "\n".join(message.content for message in self.asked.messages)

    @property
    def suffix(self) -> str:
        """The adversarial part."""
        return self.prompt[self.span[0] : self.span[1]]

    @cached_property
    def length(self) -> int:
        """m, the characters (grapheme clusters) of the prompt."""
        return len(graphemes(self.prompt))

    @property
    def shape(self) -> Shape:
        """How the attack is built: a part of its own, around the goal, or in words of its own."""
        if self.span != (0, len(self.prompt)):
            return "suffix"
        return "template" if self.goal.lower() in self.prompt.lower() else "whole"

    @cached_property
    def suffix_length(self) -> int:
        """m_S, the characters of the span: where k counts changes.

        ASR(k) is measured with exactly k changes anywhere in the span, a template's goal included,
        so X, the changes of a copy that fall there, must count the same characters. For a template,
        whose span is the whole prompt, X is M under every perturbation. For a suffix it has the
        laws of :mod:`interlock.certify.bounds.laws`; that of ``patch`` takes the span for the
        prompt's end.
        """
        return len(graphemes(self.suffix))


@dataclass(frozen=True)
class AttackFile:
    """The attacks of a file, and how many of its rows were left out."""

    path: str
    """As it was given."""
    attacks: tuple[Attack, ...]
    """At least one, no two with the same prompt."""
    duplicates: int = 0
    """Rows whose prompt stands in an earlier row that was kept."""
    failed: int = 0
    """Rows marked ``"jailbroken": false``."""
    absent: int = 0
    """Goals without a prompt, as artifacts list them where a search failed."""

    @property
    def left_out(self) -> dict[str, int]:
        """The counts, for results."""
        return {"duplicates": self.duplicates, "failed_attacks": self.failed}

    @property
    def note(self) -> str:
        """One line on what was left out; empty where nothing was."""
        reasons = {
            "with the prompt of an earlier row": self.duplicates,
            "marked as not jailbroken": self.failed,
            "without a prompt": self.absent,
        }
        parts = [f"{count} {reason}" for reason, count in reasons.items() if count]
        kept = f"{len(self.attacks)} attacks are left"
        return f"{self.path}: left out {', '.join(parts)}; {kept}" if parts else ""


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


def read_attacks(path: str | Path = "embedded", *, keep_failed: bool = False) -> list[Attack]:
    """The attacks of a file, as :func:`read_attack_file` reads them.

    Raises:
        DataError: as there.
    """
    return list(read_attack_file(path, keep_failed=keep_failed).attacks)


def read_attack_file(path: str | Path = "embedded", *, keep_failed: bool = False) -> AttackFile:
    """The attacks of JSON lines, a JSON array, a JailbreakBench artifact, or CSV with a header.

    An artifact is one object with ``parameters`` and ``jailbreaks``. A row has ``goal`` and
    ``prompt``, and may have ``kind`` (or ``attack``), ``span``, ``seed``, ``iterations``,
    ``answer``, ``jailbroken``, ``source`` (or ``model``), the model it was made on, and
    ``category`` (or ``behavior``), the kind of its goal. An attack over several turns has
    ``messages`` (or ``turns``) in place of ``prompt``: a list of texts of the user, or of objects
    with ``role`` and ``content``, the last one the user's; its kind is ``"multi-turn"`` where the
    row names none.

    Args:
        path: the file, UTF-8; ``"embedded"`` are those found against the embedded model.
        keep_failed: keep rows marked ``"jailbroken": false``.

    Raises:
        DataError: the file is missing or holds no attacks, or a row is none (it is named).
        OptionError: ``keep_failed`` is neither true nor false.
    """
    if not isinstance(keep_failed, bool):
        raise OptionError(f"keep_failed={keep_failed!r}: give true or false")
    source = EMBEDDED / "tiny_chat_attacks.jsonl" if str(path) == "embedded" else Path(path)
    attacks, absent = [], 0
    for whole, stands in read_rows(source):
        for row, where in _unfolded(whole, stands):
            if "prompt" in row and row["prompt"] is None:
                absent += 1
            else:
                attacks.append(attack_from(row, where))
    return sift(attacks, str(path), keep_failed=keep_failed, absent=absent)


def sift(
    attacks: Iterable[Attack], name: str = "attacks", *, keep_failed: bool = False, absent: int = 0
) -> AttackFile:
    """Attacks without duplicates and without those that failed, and how many these were.

    Args:
        attacks: in the order of a file; of those with one prompt the first is kept.
        name: says where they are from.
        keep_failed: keep those that are marked as not jailbroken.
        absent: goals without a prompt, counted by who read them.

    Raises:
        DataError: none are left.
    """
    kept: dict[Prompt, Attack] = {}
    duplicates = failed = 0
    for attack in attacks:
        if not attack.jailbroken and not keep_failed:
            failed += 1
        elif attack.asked in kept:
            duplicates += 1
        else:
            kept[attack.asked] = attack
    if not kept:
        why = f" but {failed} marked as not jailbroken; --keep-failed keeps them" if failed else ""
        raise DataError(f"{name}: holds no attacks{why}")
    return AttackFile(name, tuple(kept.values()), duplicates, failed, absent)


def write_attacks(attacks: Iterable[Attack], path: str | Path) -> Path:
    """Write attacks as JSON lines; the name appears only when the file is complete.

    Raises:
        OutputError: the file cannot be written.
    """
    # "attack" makes each row one of the JailbreakBench layout, too.
    rows = (json.dumps(asdict(a) | {"attack": a.kind}, sort_keys=True) + "\n" for a in attacks)
    return write_atomically(path, "".join(rows))


def attacks_hash(attacks: Sequence[Attack]) -> str:
    """SHA-256 of the prompts and spans, whatever their order: names the set in a certificate."""
    lines = sorted(
        json.dumps([a.asked.as_chat() if a.earlier else a.prompt, list(a.span)]) for a in attacks
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def texts_of(attacks: Sequence[Attack]) -> list[str]:
    """(n,) each attack's prompt with all its messages: equal ones ask the same."""
    return [json.dumps(attack.asked.as_chat()) for attack in attacks]


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
        row: its values by name; those of a table may all be text. Without a ``span``, that of its
            estimated suffix is taken.
        where: names the row in errors.

    Raises:
        DataError: it is no attack.
    """
    try:
        row, earlier = _unrolled(row)
        for key in ("goal", "prompt"):
            if key not in row:
                raise DataError(f"{where}: no attack ({lacks(row, key)})")
        goal, prompt = row["goal"], row["prompt"]
        if not isinstance(goal, str) or not isinstance(prompt, str) or not prompt:
            raise TypeError("goal and prompt must be text")
        kind = _name(row, "kind", "attack") or ("multi-turn" if earlier else "unknown")
        if HALF.search("".join([goal, prompt, kind, *(turn.content for turn in earlier)])):
            raise ValueError("half a surrogate pair; write the text as UTF-8")
        start, stop = _goal_end(goal, prompt), len(prompt)
        if given := row.get("span"):
            start, stop = _span(given)
        attack = Attack(
            goal=goal,
            prompt=prompt,
            span=(start, stop),
            kind=kind,
            seed=int(row.get("seed") or 0),
            iterations=int(row.get("iterations") or 0),
            answer=str(row.get("answer") or ""),
            jailbroken=_marked(row.get("jailbroken")),
            source=_name(row, "source", "model"),
            category=_name(row, "category", "Category", "behavior"),
            earlier=earlier,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: no attack ({type(error).__name__}: {error})") from None
    if not 0 <= start <= stop <= len(prompt):
        raise DataError(f"{where}: span [{start}, {stop}] lies outside the prompt")
    return attack


def _span(given: Any) -> Span:
    """The offsets that a row gives; in a table as ``[2, 7]``, ``(2, 7)`` or ``2,7``."""
    try:
        numbers = given.strip("[]() ").split(",") if isinstance(given, str) else given
        start, stop = map(float, numbers)
    except (TypeError, ValueError, OverflowError):
        start = stop = 0.5
    if not (start.is_integer() and stop.is_integer()):
        raise ValueError(f"span={given!r}, give two offsets, [start, stop]")
    return int(start), int(stop)


def _name(row: Mapping[str, Any], *keys: str) -> str:
    """The first of these that a row has, as text of one line; empty where it has none."""
    given = next((row[key] for key in keys if row.get(key)), "")
    if not isinstance(given, str | int | float):
        raise TypeError(f"{keys[0]} must be text")
    return " ".join(str(given).split())


def _unrolled(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[Message, ...]]:
    """The row with its last message as ``prompt``, and the messages before it."""
    turns, earlier = row.get("messages") or row.get("turns"), row.get("earlier")
    turns, earlier = (json.loads(v) if isinstance(v, str) else v for v in (turns, earlier))
    if not turns:
        return row, _messages(earlier or [])
    messages = _messages(turns)
    last = messages[-1]
    if last.role != "user" or row.get("prompt") not in (None, "", last.content):
        raise ValueError("messages must end in the user's, which is the prompt")
    return {**row, "prompt": last.content}, messages[:-1]


def _messages(turns: object) -> tuple[Message, ...]:
    if not isinstance(turns, list):
        raise TypeError("messages must be a list")
    made = []
    for turn in turns:
        role, text = ("user", turn) if isinstance(turn, str) else (turn["role"], turn["content"])
        if role not in ("system", "user", "assistant") or not isinstance(text, str):
            raise ValueError("a message has a role (system, user, assistant) and a text as content")
        made.append(Message(role, text))
    return tuple(made)


def _marked(mark: object) -> bool:
    """As JSON and tables write it; a row without the mark counts as jailbroken."""
    text = str(mark).strip().lower()
    if text in ("false", "0", "0.0", "no"):
        return False
    if text not in ("none", "true", "1", "1.0", "yes"):
        raise ValueError(f"jailbroken={mark!r}, give true or false")
    return True


def _goal_end(goal: str, prompt: str) -> int:
    """Where the goal ends, if the prompt begins with it or with most of it; else 0."""
    same = 0
    for ours, theirs in zip(goal, prompt, strict=False):
        if ours.lower() != theirs.lower():
            break
        same += 1
    return same if goal and 2 * same >= len(goal) else 0


def _unfolded(row: dict[str, Any], where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a JailbreakBench artifact; any other row is itself."""
    if "jailbreaks" not in row:
        yield row, where
        return
    shared, rows = row.get("parameters") or {}, row["jailbreaks"]
    if not isinstance(rows, list) or not isinstance(shared, dict):
        raise DataError(f"{where}: 'jailbreaks' must be a list, 'parameters' an object")
    for number, one in enumerate(rows, 1):
        if not isinstance(one, dict):
            raise DataError(f"{where}, jailbreak {number}: expected an object")
        yield (
            {"attack": shared.get("method"), "model": shared.get("model"), **one},
            f"{where}, jailbreak {number}",
        )
