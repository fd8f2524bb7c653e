"""How sure a language model's refusal is: a campaign of ``certify``, of the size of a budget."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from interlock._files import file_digest, make_folder
from interlock._version import __version__
from interlock.certify import write_attacks
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.measures.undefended import undefended_prompts
from interlock.cli.audit.page import Page
from interlock.cli.audit.plan import Pace, TargetPlan
from interlock.cli.audit.refusal import refusal_finding
from interlock.cli.certify.dry_run import counted
from interlock.cli.certify.question import Question
from interlock.cli.certify.report import run_campaign
from interlock.cli.kept import Keeper, plain
from interlock.cli.terminal import Terminal, one_line
from interlock.data.sources.selection import shuffled

TARGET = "target"
"""Folder of every call and of the results."""
PROBED = 8
"""Prompts that are asked to see how long one takes; the campaign asks them too."""
RECORD, CHAPTERS = "part.json", "chapters.json"


@dataclass(frozen=True)
class Level:
    """How much is asked."""

    attacks: int | None
    """Drawn from those given; None: all."""
    benign: int
    """Prompts at most."""
    options: CampaignOptions


SPOT = CampaignOptions(
    kinds=("insert",), rates=(0.15,), copies=5, changes=(0, 4, 32), trials=1, votes=5, repeats=1
)
"""One setting, named beforehand."""
QUICK = CampaignOptions(
    rates=(0.10, 0.15, 0.20), changes=(0, 1, 2, 4, 8, 16, 32, 64), trials=1, max_copies=7, votes=7
)
"""A setting is chosen of many."""
LEVELS = (
    Level(24, 10, SPOT),
    Level(60, 20, SPOT),
    Level(None, 30, SPOT),
    Level(None, 30, QUICK),
    Level(None, 100, CampaignOptions()),
)
"""From little to much: what ``certify report`` does by itself is the last."""


class TargetPart:
    """The campaign of an audit.

    Args:
        question: whom to ask, about what; its folder holds every call.
        seed: of draws, splits and perturbations.
        terminal: shows the progress.
    """

    def __init__(self, question: Question, seed: int, terminal: Terminal) -> None:
        self._question, self._seed, self._terminal = question, seed, terminal

    def pace(self, pace: Pace) -> Pace:
        """Ask a few of the first prompts that any campaign asks, and see how long one takes.

        Raises:
            InterlockError: the target cannot be reached, or there are no attacks.
        """
        question, file = self._question, self._question.read_attacks(self._terminal)
        benign = question.read_benign()
        with question.open() as asks:
            family = Campaign(asks.target, asks.judge, file.attacks, benign).family
            prompts = [*undefended_prompts(family.certify, self._seed).values()]
            asks.target.ask(prompts[:1])  # what is loaded at the first call is loaded once
            first, asked = asks.target.asked, prompts[1 : 1 + PROBED]
            begun = time.monotonic()
            asks.target.ask(asked)
            seconds = time.monotonic() - begun
            return replace(pace, call=seconds / max(1, asks.target.asked - first))

    @cache  # noqa: B019  (one part for each audit)
    def calls(self, level: int) -> int:
        """How many calls a level makes at most; asks nothing.

        Raises:
            DataError: there are too few attacks.
        """
        at = LEVELS[level]
        value, _, _ = counted(
            self._asking(at), self._options(at), self._terminal, whole=True, benign=at.benign
        )
        return int(value["calls"]["at_most"])

    def said(self, plan: TargetPlan) -> str:
        """What will be done."""
        level = LEVELS[plan.level]
        attacks = "all attacks" if level.attacks is None else f"{level.attacks} attacks at most"
        return f"{self._question.target.name}: {attacks}, {plan.calls:,} questions at most"

    def work(self, plan: TargetPlan, page: Page) -> None:
        """Do it, unless it is finished, and put it on the page.

        Raises:
            InterlockError: the target fails, or its attacks are too few.
        """
        at, question, terminal = LEVELS[plan.level], self._question, self._terminal
        keeper = Keeper(None, question.out, {})
        key = self._key(at)
        record = keeper.take(RECORD, key)
        if record is None:
            link = f"{question.out.name}/"
            made = run_campaign(
                self._asking(at), self._options(at), terminal, benign=at.benign, link=link
            )
            files = ["results.json", keeper.put_chapters(CHAPTERS, made.chapters)]
            record = keeper.put(RECORD, key, {"outcome": plain(made.outcome)}, files)
        outcome = record["outcome"]
        page.findings.append(refusal_finding(outcome, question))
        page.chapters += keeper.chapters(CHAPTERS)
        page.facts["target"] = one_line(question.target.model or question.target.name)
        options = at.options
        page.settings |= {
            "target": one_line(question.target.name),
            "attacks": one_line(question.attacks or "embedded"),
            "attacks asked": "all" if at.attacks is None else f"{at.attacks} drawn by the seed",
            "harmless prompts": f"{at.benign} at most",
            "perturbations": ", ".join(options.kinds),
            "shares of characters changed": ", ".join(f"{rate:.0%}" for rate in options.rates),
            "copies": str(options.copies or f"{options.max_copies} at most"),
            "votes on each attack": str(options.votes),
            "questions asked": f"{outcome['calls']['asked']:,}",
        }

    def _options(self, at: Level) -> CampaignOptions:
        return replace(at.options, seed=self._seed)

    def _asking(self, at: Level) -> Question:
        """About so many attacks, drawn by the seed and listed in a file."""
        question = self._question
        if at.attacks is None:
            return question
        attacks = question.read_attacks(self._terminal).attacks
        drawn = sorted(shuffled(len(attacks), self._seed)[: at.attacks].tolist())
        make_folder(question.out)
        path = write_attacks([attacks[k] for k in drawn], question.out / "attacks.jsonl")
        return replace(question, attacks=str(path))

    def _key(self, at: Level) -> dict[str, Any]:
        """All that decides what comes out, as far as files tell it."""
        question = self._question
        folder, name = Path(question.target.name), question.attacks or "embedded"
        files = (
            sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        )
        return plain(
            {
                "target": asdict(question.target) | {"system": str(question.target.system)},
                "files": {path.name: file_digest(path) for path in files},
                "attacks": [name, file_digest(Path(name))],
                "benign": [str(question.benign), file_digest(question.benign or Path("embedded"))],
                "judge": question.judge,
                "level": [at.attacks, at.benign, asdict(self._options(at))],
                "interlock": __version__,
            }
        )
