"""The run behind ``interlock audit``: what the budget buys, said beforehand, then done."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from interlock._files import make_folder
from interlock.cli.audit.asked import Asked
from interlock.cli.audit.classifier import LOOKS, PATCHES, ClassifierPart
from interlock.cli.audit.page import Page
from interlock.cli.audit.plan import PLAN, Kept, Pace, plan_audit
from interlock.cli.audit.target import LEVELS, TARGET, TargetPart
from interlock.cli.bench import Outcome
from interlock.cli.terminal import Terminal, span


def audit(asked: Asked, terminal: Terminal) -> Outcome:
    """Measure what the budget buys, and write the page; or only say what that is.

    Raises:
        InterlockError: something cannot be audited, or the budget is too small.
    """
    outcome = Outcome()
    kept = None if asked.force else Kept.load(asked.out, asked.identity)
    if asked.force and (asked.out / PLAN).is_file() and not asked.dry_run:
        for folder in (LOOKS, PATCHES, TARGET):
            shutil.rmtree(asked.out / folder, ignore_errors=True)
    with TemporaryDirectory() if asked.dry_run else nullcontext(str(asked.out)) as folder:
        work = _Work(asked, Path(folder), terminal, outcome)
        known = work.planned(kept)
        if not asked.dry_run:
            page = Page()
            work.done(known, page)
            page.settings["budget"] = (
                "a few minutes" if asked.minutes is None else f"{asked.minutes:g} minutes"
            )
            page.settings["seed"] = str(asked.seed)
            page.settings["confidence of intervals"] = "95 %"
            page.problems = outcome.problems
            outcome.values |= page.write(asked.out, asked.identity)
            for one in outcome.values["findings"]:
                terminal.say(f"{one['title']} {one['verdict']}")
            terminal.say(f"report: {outcome.values['report']}")
    return outcome


class _Work:
    """Both parts of an audit, as far as they are asked for."""

    def __init__(self, asked: Asked, folder: Path, terminal: Terminal, outcome: Outcome) -> None:
        make_folder(folder)
        self._asked, self._folder, self._terminal = asked, folder, terminal
        self._outcome = outcome
        self._photos = self._target = None
        if asked.photos is not None:
            self._photos = ClassifierPart(asked.photos, folder, terminal, outcome)
        if asked.question is not None:
            question = replace(asked.question, out=folder / TARGET)
            self._target = TargetPart(question, asked.seed, terminal)

    def planned(self, kept: Kept | None) -> Kept:
        """What the budget buys, and say so; an audit that was planned goes on as it was."""
        asked = self._asked
        if kept is None:
            kept = Kept(asked.identity, self._pace(), None)
            # Where the budget is too small, the next one need not begin again.
            self._keep(replace(kept, pace=replace(kept.pace, begin=0.0)))
        if kept.minutes != asked.minutes or kept.photos is None is kept.target:
            photos, target = plan_audit(
                asked.minutes,
                kept.pace,
                0 if self._photos is None else self._photos.count,
                None if self._target is None else self._target.calls,
                len(LEVELS),
            )
            done = replace(kept.pace, begin=0.0)
            kept = replace(kept, minutes=asked.minutes, photos=photos, target=target, pace=done)
            self._keep(kept)
        if self._photos is not None and kept.photos is not None:
            self._terminal.say(self._photos.said(kept.photos))
        if self._target is not None and kept.target is not None:
            self._terminal.say(self._target.said(kept.target))
        plans = {"photos": kept.photos, "target": kept.target}
        seconds = sum(plan.seconds for plan in plans.values() if plan is not None)
        ends = "nothing is written" if asked.dry_run else "what is finished is not done again"
        self._terminal.say(f"about {span(seconds)} at most; {ends}")
        self._outcome.values |= {"dry_run": asked.dry_run, "seconds_at_most": seconds}
        self._outcome.values["plan"] = {
            name: None if plan is None else asdict(plan) for name, plan in plans.items()
        }
        return kept

    def done(self, kept: Kept, page: Page) -> None:
        """Do it."""
        if self._photos is not None and kept.photos is not None:
            self._photos.work(kept.photos, page)
        if self._target is not None and kept.target is not None:
            self._target.work(kept.target, page)

    def _pace(self) -> Pace:
        self._terminal.say("one of each first, to see how long the others take")
        pace = Pace()
        if self._target is not None:  # first: an address that does not answer is known at once
            pace = self._target.pace(pace)
        return pace if self._photos is None else self._photos.pace(pace)

    def _keep(self, kept: Kept) -> None:
        if not self._asked.dry_run:
            kept.save(self._asked.out)
