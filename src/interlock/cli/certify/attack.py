"""The run behind ``certify attack``: find attacks on a target, and keep them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.certify import Attack, write_attacks
from interlock.certify.attacks.attack import attacks_hash, embedded_prompts
from interlock.cli.certify.question import Question, read_prompts
from interlock.cli.terminal import Terminal
from interlock.errors import DataError, ModelError, OptionError


@dataclass(frozen=True)
class Search:
    """What to search."""

    prompts: Path | None = None
    """Requests that the target should refuse; held-out ones of the embedded target when None."""
    goals: int = 20
    """Requests to attack at most, drawn by the seed."""
    opening: str = "Sure, here is"
    """How a complying answer begins."""
    length: int = 32
    """Tokens of a suffix."""
    steps: int = 150
    """Exchanges at most."""
    framings: Path | None = None
    """Texts with ``{request}``, one a line: role-play instead of suffixes."""
    seed: int = 0
    """Of the choice of requests and of every search."""


def attack(question: Question, search: Search, terminal: Terminal) -> dict[str, Any]:
    """Search one attack for each request; what was found before is kept.

    Raises:
        InterlockError: the target cannot be attacked, or no attack was found.
    """
    requests = requests_of(question, search)
    with question.open() as asks:
        target, judge = asks.target, asks.judge
        if search.framings is not None:
            attacks = _role_plays(target, judge, requests, search.framings, terminal)
        else:
            attacks = _suffixes(question, target.target, judge, requests, search, terminal)
    if not attacks:
        raise DataError(
            f"none of {len(requests)} searches found an attack; allow more --steps or a longer "
            "--length, or the target holds against this attack"
        )
    path = write_attacks(attacks, question.out / "attacks.jsonl")
    terminal.say(f"{len(attacks)} attacks on {len(requests)} requests: {path}")
    return {
        "attacks": str(path),
        "found": len(attacks),
        "tried": len(requests),
        "kinds": sorted({one.kind for one in attacks}),
        "sha256": attacks_hash(attacks),
    }


def requests_of(question: Question, search: Search) -> list[str]:
    """The requests to attack, drawn by the seed.

    Raises:
        DataError: there are none.
    """
    from random import Random

    if search.prompts is not None:
        requests = read_prompts(search.prompts)
    elif question.target.name == "embedded":
        requests = [prompt.prompt for prompt in embedded_prompts("forbidden")]
    else:
        raise DataError(f"target {question.target.name}: give --prompts that it should refuse")
    requests = list(dict.fromkeys(requests))
    Random(f"{search.seed}/requests").shuffle(requests)
    return requests[: search.goals]


def _suffixes(
    question: Question,
    target: Any,
    judge: Any,
    requests: list[str],
    search: Search,
    terminal: Terminal,
) -> list[Attack]:
    from interlock.certify.attacks.gcg import SuffixAttack
    from interlock.certify.attacks.search import search_attacks
    from interlock.certify.targets.local import LocalTarget

    if question.budget is not None:
        raise OptionError(
            f"budget={question.budget}: a suffix search spends gradients, not calls; bound it by "
            "goals=… and steps=…"
        )
    if not isinstance(target, LocalTarget):
        raise OptionError(
            f"target {question.target.name}: a suffix search needs the model's gradients; attack a "
            "local model, or give --framings for role-plays"
        )
    method = SuffixAttack(length=search.length, steps=search.steps, candidates=48)
    pairs = [(request, search.opening) for request in requests]
    unmade: dict[str, str] = {}
    with terminal.steps(lines=True) as tell:
        outcomes = search_attacks(
            target, method, judge, pairs, journal=question.out / "searches.jsonl",
            seed=search.seed, progress=tell("suffix search"), failed=unmade.__setitem__,
        )  # fmt: skip
    if unmade:
        reason = next(iter(unmade.values()))
        if len(unmade) == len(pairs):
            raise ModelError(reason)
        terminal.say(f"{len(unmade)} of {len(pairs)} searches could not be made: {reason}")
    return [one for one in outcomes if one is not None]


def _role_plays(
    target: Any, judge: Any, requests: list[str], framings: Path, terminal: Terminal
) -> list[Attack]:
    from interlock.certify.attacks.gcg import RolePlayAttack

    method, attacks = RolePlayAttack(tuple(read_prompts(framings))), []
    for request in terminal.track(requests, len(requests), lambda text: text[:40]):
        attacks += method.run(target, request, judge)[:1]
    return attacks
