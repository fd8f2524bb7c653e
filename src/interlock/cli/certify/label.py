"""The run behind ``certify label``: a person says of some of a run's answers what they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interlock._files import write_atomically
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.labelled import LabelledVerdicts, measure_error
from interlock.certify.judges.model import judges
from interlock.certify.targets.store import CallStore
from interlock.cli.certify.question import Question
from interlock.cli.terminal import Terminal
from interlock.data.rows import read_rows
from interlock.errors import DataError

Key = Literal["r", "c", "s", "u", "q"]
KEYS = "r refused   c complied   s skip   u undo   q stop"
_FEATURES = 4096


@dataclass(frozen=True)
class Answer:
    """One of a run's answers to an attack."""

    prompt: str
    """The user's text, as it was asked."""
    answer: str
    """What the target said."""
    verdict: Verdict
    """The judge's."""


def label(
    question: Question, answers: int, seed: int, terminal: Terminal, press: Callable[[], str]
) -> dict[str, Any]:
    """Ask for labels until the sample has them all, or the person stops.

    The labels lie in ``labels.jsonl`` in the run's folder, written whole after each key; a later
    session goes on where this one ended.

    Args:
        question: the run's folder, attacks, benign prompts and judge.
        answers: how many to label.
        seed: of the sample.
        terminal: where they are shown, one at a time.
        press: gives the next key.

    Returns:
        For ``--json``.

    Raises:
        DataError: the folder has no run, or the run no answer to an attack.
    """
    calls = question.out / "calls.sqlite"
    if not calls.is_file():
        raise DataError(f"{question.out}: no calls.sqlite; give the folder of a run")
    path = question.out / "labels.jsonl"
    with CallStore(calls) as store:
        judge = question.make_judge(store)
        drawn = sample(_answers(question, store, judge, terminal), answers, seed)
        rows = [row for row, _ in read_rows(path)] if path.is_file() else []
        rows = _ask(drawn, rows, path, terminal, press)
        outcome: dict[str, Any] = {"sample": len(drawn), "labelled": len(rows)}
        if not rows:
            return outcome
        error = measure_error(judge, LabelledVerdicts(path))
    terminal.say(
        f"judge: {error.missed} of {error.jailbroken} answers that complied called refused, "
        f"{error.false_alarms} of {error.refused} refusals not known"
    )
    terminal.say(f"labels: {path}; count them in with: interlock certify report --labels {path}")
    counted = ("missed", "jailbroken", "false_alarms", "refused")
    return outcome | {"labels": str(path)} | {name: getattr(error, name) for name in counted}


def sample(answers: Sequence[Answer], number: int, seed: int) -> list[Answer]:
    """A random sample with each verdict's share of all answers, in random order.

    Shares are kept, for a miss rate is one among all answers that complied: a sample with more of
    those that the judge calls complied would make its misses look rarer than they are.
    """

    def rank(answer: Answer) -> str:
        return sha256(json.dumps([seed, answer.prompt, answer.answer]).encode()).hexdigest()

    strata = [[one for one in answers if one.verdict is verdict] for verdict in Verdict]
    number = min(number, len(answers))
    shares = [number * len(stratum) / max(1, len(answers)) for stratum in strata]
    quotas = [int(share) for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda i: quotas[i] - shares[i])
    for i in by_rest[: number - sum(quotas)]:
        quotas[i] += 1
    drawn = [
        one
        for stratum, quota in zip(strata, quotas, strict=True)
        for one in sorted(stratum, key=rank)[:quota]
    ]
    return sorted(drawn, key=rank)


def _answers(
    question: Question, store: CallStore, judge: Judge, terminal: Terminal
) -> list[Answer]:
    """The run's answers to attacks and their copies, each pair of prompt and answer once.

    Answers to bare goals are none of them: no bound is made of those.
    """
    read = question.read_attacks(terminal).attacks
    attacks = [attack.prompt for attack in read]
    goals = {attack.goal for attack in read} - set(attacks)
    pairs = list(
        dict.fromkeys(
            (prompt.text, reply.text)
            for prompt, reply in store
            if prompt.wants == "answer"
            and not reply.lost
            and reply.text.strip()
            and not judges(prompt)
            and prompt.text not in goals
        )
    )
    benign = [one.prompt for one in question.read_benign()]
    of_attack = _nearer([prompt for prompt, _ in pairs], attacks, benign)
    pairs = [pair for pair, attacked in zip(pairs, of_attack, strict=True) if attacked]
    if not pairs:
        raise DataError(f"{question.out}: no answer to an attack is kept there")
    verdicts = judge([prompt for prompt, _ in pairs], [answer for _, answer in pairs])
    return [Answer(*pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True)]


def _nearer(texts: Sequence[str], those: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """Which texts, perturbed as they may be, come from those rather than from the others."""
    if not texts:
        return np.zeros(0, dtype=bool)
    features = _features(texts)
    nearest: NDArray[np.bool_] = (features @ _features(those).T).max(1) >= (
        features @ _features([*others, ""]).T
    ).max(1)
    return nearest


def _features(texts: Sequence[str]) -> NDArray[np.float32]:
    """Hashed triples of characters, of length one: (texts, features)."""
    table = np.zeros((len(texts), _FEATURES), dtype=np.float32)
    for row, text in zip(table, texts, strict=True):
        for start in range(max(1, len(text) - 2)):
            row[int.from_bytes(sha256(text[start : start + 3].encode()).digest()[:2]) % 4096] = 1
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-9
    return table


def _ask(
    drawn: Sequence[Answer],
    rows: list[dict[str, Any]],
    path: Path,
    terminal: Terminal,
    press: Callable[[], str],
) -> list[dict[str, Any]]:
    """Show what has no label yet, one at a time; returns all labels."""
    skipped: list[Answer] = []

    def open_ones() -> list[Answer]:
        done = {(row.get("prompt"), row.get("answer")) for row in rows}
        rest = [one for one in drawn if (one.prompt, one.answer) not in done]
        return [one for one in rest if one not in skipped]

    again: Answer | None = None
    while waiting := open_ones():
        current = again if again in waiting else waiting[0]
        again = None
        terminal.note(_shown(current, len(drawn) - len(waiting) + 1, len(drawn)))
        key = _key(press)
        if key == "q":
            break
        if key == "s":
            skipped.append(current)
        elif key == "u" and rows:
            last = rows.pop()
            same = (last.get("prompt"), last.get("answer"))
            again = next((one for one in drawn if (one.prompt, one.answer) == same), None)
            _write(path, rows)
        elif key in ("r", "c"):
            row = {"prompt": current.prompt, "answer": current.answer, "refused": key == "r"}
            rows.append(row)
            _write(path, rows)
    return rows


def _key(press: Callable[[], str]) -> Key:
    while (key := press()[:1].lower()) not in ("r", "c", "s", "u", "q"):
        if not key:  # the input has ended
            return "q"
    return key  # type: ignore[return-value]


def _shown(one: Answer, number: int, of: int) -> str:
    """One answer for a person, without its control characters, which a terminal would obey."""
    return (
        f"\n{number} of {of}\nasked:\n{_plain(one.prompt)}\nanswer:\n{_plain(one.answer)}\n{KEYS}"
    )


def _plain(text: str) -> str:
    kept = ("".join(c if c.isprintable() else "\ufffd" for c in line) for line in text.split("\n"))
    return "\n".join(f"  {line}" for line in kept)


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
