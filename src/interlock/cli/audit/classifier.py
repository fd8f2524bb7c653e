"""The part of an audit that is about a classifier: what it looks at, what a patch does to it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from interlock.cli.audit.asked import PhotosAsked
from interlock.cli.audit.assured import AREA
from interlock.cli.audit.cases import make_cases
from interlock.cli.audit.look import Looker, look
from interlock.cli.audit.packaged import cut_photos
from interlock.cli.audit.page import Page
from interlock.cli.audit.patch import patch_chapter, patch_finding
from interlock.cli.audit.photos import gather_photos
from interlock.cli.audit.plan import Pace, PhotoPlan
from interlock.cli.audit.study import AREAS, ATTACK, PatchStudy
from interlock.cli.bench import Bench, Outcome, note_problems
from interlock.cli.defend.certify import proof_seconds
from interlock.cli.inputs import Photo, problem
from interlock.cli.terminal import Terminal, one_line
from interlock.defend import CertifiedShield
from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.defences import SHIELD
from interlock.errors import DataError, InterlockError

LOOKS, PATCHES = "looks", "patches"
"""Folders of the results."""


class ClassifierPart:
    """Explains, patches and proves.

    Args:
        asked: the classifier and its photos.
        out: folder of the audit.
        terminal: shows the progress.
        outcome: is told what cannot be used.

    Raises:
        InterlockError: the model cannot be loaded, or there are no photos for it.
    """

    def __init__(self, asked: PhotosAsked, out: Path, terminal: Terminal, outcome: Outcome) -> None:
        self._asked, self._out, self._terminal, self._outcome = asked, out, terminal, outcome
        self._bench = Bench(asked.setup, terminal, outcome)
        _ = self._bench.classifier  # a model that cannot be loaded is told of first
        self._given = asked.photos or cut_photos(out / "photos")
        self._photos = gather_photos(
            self._bench,
            self._given,
            asked.clean,
            asked.setup.seed,
            outcome,
            terminal,
            groups=asked.groups,
            packaged=asked.photos is None,
        )
        self._looker = Looker(self._bench, asked.setup.seed, out / LOOKS, terminal)
        self._study = PatchStudy(asked.setup, self._photos, out / PATCHES, terminal)

    @property
    def count(self) -> int:
        """Photos that can be measured."""
        return len(self._photos.measured)

    def pace(self, pace: Pace) -> Pace:
        """Measure one photo, and see how long it takes; what comes out is kept.

        Raises:
            InterlockError: no photo can be read, or the model fails.
        """
        begun = time.monotonic()
        number = self._first_readable()
        photo = self._photos.measured[number]
        self._looker.explain([photo])
        explain = time.monotonic() - begun
        self._study.run(number + 1, 0)
        began = time.monotonic() - begun
        safe = CertifiedShield(self._bench.model, area=AREA)
        _, proof = proof_seconds(self._bench, safe, photo, 1)
        return replace(pace, begin=began, explain=explain, patch=self._study.seconds(), proof=proof)

    def said(self, plan: PhotoPlan) -> str:
        """What will be done."""
        photos = self._photos
        named = f"{photos.given} photos" if photos.given != 1 else "one photo"
        return (
            f"{named}: {plan.explained} explained, {plan.measured} patched, {plan.proven} proven"
            + (f"; the shield learns from {photos.fitted} others" if photos.fitted else "")
        )

    def work(self, plan: PhotoPlan, page: Page) -> None:
        """Do it, and put it on the page.

        Raises:
            InterlockError: nothing could be measured.
            KeyboardInterrupt: Ctrl-C; what is finished is kept.
        """
        asked, photos, study = self._asked, self._photos, self._study
        explained = self._looker.explain(photos.explained(plan.explained))
        study.run(plan.measured, plan.proven)
        patched = study.patched(plan.measured, plan.proven)
        complained = {one.source for one in self._outcome.problems}
        problems = [
            problem(Path(file), error.rpartition(f"{file}: ")[2])
            for file, error in patched.errors.items()
        ]
        fresh = [one for one in problems if one.source not in complained]
        note_problems(fresh, self._outcome, self._terminal)
        shield = study.shield(plan.measured, plan.proven)
        cases = make_cases(self._bench, study, patched, photos, shield, link=f"{PATCHES}/")
        seen = look(explained, asked.setup.model)
        patch = patch_finding(patched, photos, cases, asked.setup.model, self._given, shield)
        page.findings += [seen.finding, patch]
        page.chapters += [patch_chapter(patched, photos), *cases.chapters, *seen.chapters]
        page.facts |= {
            "model": one_line(self._bench.name),
            "photos": str(len(patched.evaluation.images)),
        }
        page.settings |= self._settings(plan)

    def _settings(self, plan: PhotoPlan) -> dict[str, str]:
        photos = self._photos
        attack = {
            name: str(value)
            for name, value in NamedAttacks(seed=self._asked.setup.seed)
            .options(ATTACK, AREA)
            .items()
            if name in ("steps", "restarts", "candidates")
        }
        others = (
            "crops of the package's photos" if photos.packaged else "photos that are not measured"
        )
        fitted = f"{photos.fitted} {others}" if photos.fitted else "nothing: no shield"
        return {
            "model": one_line(self._bench.name),
            "weights": self._bench.weights[:16],
            "photos given": str(photos.given),
            "left out as copies of others": str(photos.copies),
            "what counts as right": "the label" if photos.labels else "the model's own answer",
            "photos explained": str(plan.explained),
            "photos patched": str(plan.measured),
            "photos proven": str(plan.proven),
            "sizes of the patch": ", ".join(f"{area:.0%}" for area in AREAS) + " of the photo",
            "attack": ", ".join([ATTACK, *(f"{name} {value}" for name, value in attack.items())]),
            f"the {SHIELD} was fitted to": fitted,
        }

    def _first_readable(self) -> int:
        for number, photo in enumerate(self._photos.measured):
            if self._readable(photo):
                return number
        raise DataError(f"{self._given}: none of its {self.count} photos can be read")

    def _readable(self, photo: Photo) -> bool:
        try:
            self._bench.read(photo.path)
        except InterlockError:
            return False
        return True
