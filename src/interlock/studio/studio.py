"""The studio itself: one photo, one model, one prompt, and the work on them."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from interlock._files import naming_what_is_unreadable
from interlock.certify import Target, load_target
from interlock.defend import ConceptShield
from interlock.errors import OptionError
from interlock.explain import Explanation
from interlock.models import load_classifier
from interlock.studio.board import Board
from interlock.studio.defending import CROPS, certify, fit_shield, shield_part
from interlock.studio.explaining import explain, explanation_part, removed_part
from interlock.studio.jobs import Job, Jobs
from interlock.studio.models import check_codeless, check_plain, load_plain
from interlock.studio.patches import Patch, Square, attack, moved
from interlock.studio.photos import sample_photo
from interlock.studio.prompts import LONGEST, chosen_defence, hold_vote
from interlock.studio.scene import Photo, Scene

OTHER = "motorcycle_left"
"""The photo that a patch shows when it shows one."""
MAX_TOKENS = 64
"""Of an answer of a model in this process."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the studio begins with."""

    model: str = "embedded"
    """A classifier, as ``--model`` names it."""
    target: str = "embedded"
    """A chat model, as ``--target`` names it."""
    target_model: str | None = None
    """Its name at an endpoint."""
    shield: Path | None = None
    """Fitted to the classifier; None fits one when it is first asked."""
    device: str | None = None
    seed: int = 0
    """Of explanations, attacks, fitting and votes."""


class Studio:
    """What the page asks for. Threads make the calls, which do not wait for work that takes long.

    Args:
        given: what it begins with; models of this are loaded here.

    Raises:
        InterlockError: they cannot be.
    """

    def __init__(self, given: Given) -> None:
        self.board, self.jobs = Board(), Jobs()
        self._given, self._lock = given, threading.RLock()
        with naming_what_is_unreadable(given.target):
            check_codeless(given.target)
        with naming_what_is_unreadable(given.model):
            check_codeless(given.model)
            self._classifier = load_classifier(given.model, device=given.device)
        self._scene: Scene | None = None
        self._explanation: Explanation | None = None
        self._patch: Patch | None = None
        self._shield: ConceptShield | None = None
        self._photos_of_shield = "a file"
        if given.shield is not None:
            self._shield = ConceptShield.load(given.shield, self._classifier.model)
        self._target: tuple[str, Target] | None = None
        if given.target != "embedded":
            self._target = given.target, self._opened(given.target)
        self._show_model(given.model)

    def close(self) -> None:
        """Stop all work."""
        self.jobs.close()

    # ---- the photo and its model ----

    def show(self, photo: Photo) -> None:
        """Put a photo before the model, and begin to explain it.

        Raises:
            InterlockError: the model cannot take it.
        """
        with self._lock:
            scene = Scene.of(photo, self._classifier)
            part = scene.part()
            patch = Patch(Square.first(scene), "checkers", on=False)
            self.jobs.stop("explain", "attack", "certify")
            self.board.drop("explanation", "removed", "patch", "shield", "certified")
            self._scene, self._explanation, self._patch = scene, None, patch
            self.board.put("photo", part)
            self.board.put("patch", patch.part(scene, self._other))
            self.explain(None)

    def load(self, name: str) -> None:
        """Begin to load another classifier; the photo is put before it then."""

        def work(job: Job) -> None:
            job.tell(note=f"loading {name}")
            own, device = name == self._given.model, self._given.device
            with naming_what_is_unreadable(name):
                classifier = (load_classifier if own else load_plain)(name, device=device)
            job.check()
            with self._lock:
                photo = self._scene.photo if self._scene is not None else None
                self.jobs.stop("explain", "attack", "shield", "certify")
                gone = ("photo", "explanation", "removed", "patch", "shield", "certified")
                self.board.drop(*gone)
                self._classifier, self._shield, self._scene = classifier, None, None
                self._show_model(name)
                if photo is not None:
                    self.show(photo)

        self.jobs.start("model", work)

    def explain(self, target: int | None) -> None:
        """Begin to explain the photo.

        Args:
            target: class; None for the model's answer.
        """
        scene = self._shown()
        if target is not None and target >= len(scene.before):
            raise OptionError(f"target={target}: the model has no such class")

        def work(job: Job) -> None:
            made = explain(scene, target, self._given.seed, job)
            part = explanation_part(made, scene)
            removed = removed_part(made, scene, ())
            with self._lock:
                job.check()
                if self._scene is scene:
                    self._explanation = made
                    self.board.put("explanation", part)
                    self.board.put("removed", removed)

        self.jobs.start("explain", work)

    def remove(self, ranks: Collection[int]) -> None:
        """Take regions away, and see what the model answers.

        Args:
            ranks: of all that are to be away, from 1.
        """
        with self._lock:
            scene = self._shown()
            if self._explanation is None:
                raise OptionError("the photo is not explained yet; wait for its regions")
            self.board.put("removed", removed_part(self._explanation, scene, set(ranks)))

    # ---- the patch ----

    def change_patch(self, given: dict[str, Any]) -> None:
        """Move it, resize it, have it show something else, paste it or take it off."""
        with self._lock:
            scene = self._shown()
            self._put_patch(moved(self._patched(), given, scene), scene)

    def make_patch(self, steps: int) -> None:
        """Begin an attack in the place of the square."""
        scene, square = self._shown(), self._patched().square

        def work(job: Job) -> None:
            made = attack(scene, square, steps, self._given.seed, job)
            with self._lock:
                job.check()
                if self._scene is scene:
                    self._put_patch(made, scene)

        self.jobs.start("attack", work)

    def ask_shield(self) -> None:
        """Begin to ask the fast shield about the picture as it is; it is fitted at first."""
        self._shown()
        classifier = self._classifier

        def work(job: Job) -> None:
            shield = self._shield or fit_shield(classifier, self._given.seed, job)
            with self._lock:
                job.check()
                if self._classifier is not classifier:
                    return
                if self._shield is None:
                    self._photos_of_shield = f"{CROPS} crops of the photos that come along"
                self._shield = shield
                if self._scene is not None:
                    self._put_shield(self._scene)

        self.jobs.start("shield", work)

    def certify(self, area: float) -> None:
        """Begin to work out the certified answer to the picture as it is."""
        with self._lock:
            scene, patch, shield = self._shown(), self._patched(), self._shield
            x, side = self._picture(scene), patch.square.side if patch.on else 0

        def work(job: Job) -> None:
            part = certify(scene, x, side, area, shield, job)
            with self._lock:
                job.check()
                if self._scene is scene and self._patch is patch:
                    self.board.put("certified", part)

        self.jobs.start("certify", work)

    # ---- the prompt ----

    def vote(self, prompt: str, defence: str, target: str) -> None:
        """Begin a vote on a prompt.

        Args:
            prompt: of the user.
            defence: as a text.
            target: chat model: the given one, embedded, or a folder.
        """
        if not prompt.strip():
            raise OptionError("write a prompt first")
        if len(prompt) > LONGEST:
            raise OptionError(f"a prompt of {len(prompt):,} characters; at most {LONGEST:,}")
        held = chosen_defence(defence)
        if target not in ("embedded", self._given.target):
            with naming_what_is_unreadable(target):
                check_plain(target, "chat model")

        def work(job: Job) -> None:
            steps: list[Any] = []
            asked = {"prompt": prompt, "defence": defence, "target": target}

            def tell(step: Any) -> None:
                job.check()
                steps.append(step)
                self.board.put("vote", {**asked, "steps": list(steps)})

            job.tell(note=f"loading {target}")
            if self._target is None or self._target[0] != target:
                self._target = target, self._opened(target)
            job.tell(note="asking")
            hold_vote(self._target[1], prompt, held, self._given.seed, job, tell)

        self.board.drop("vote")
        self.jobs.start("vote", work)

    # ---- what these share ----

    def _shown(self) -> Scene:
        if self._scene is None:
            raise OptionError("there is no photo yet; drop one, or choose a sample")
        return self._scene

    def _patched(self) -> Patch:
        assert self._patch is not None  # with the photo
        return self._patch

    @cached_property
    def _other(self) -> Photo:
        """What a patch shows that shows a photo."""
        return sample_photo(OTHER)

    def _picture(self, scene: Scene) -> Tensor:
        return self._patched().on_photo(scene, self._other)

    def _put_patch(self, patch: Patch, scene: Scene) -> None:
        self.jobs.stop("certify")
        self.board.drop("shield", "certified")
        part = patch.part(scene, self._other)
        self._patch = patch
        self.board.put("patch", part)
        if self._shield is not None:
            self._put_shield(scene)

    def _put_shield(self, scene: Scene) -> None:
        assert self._shield is not None
        part = shield_part(self._shield, scene, self._picture(scene), self._patched().on)
        self.board.put("shield", {**part, "fitted": self._photos_of_shield})

    def _show_model(self, name: str) -> None:
        part = {"name": name, "classes": len(self._classifier.labels), "target": self._given.target}
        self.board.put("model", part)

    def _opened(self, target: str) -> Target:
        options: dict[str, Any] = {"max_tokens": MAX_TOKENS}
        model = self._given.target_model if target == self._given.target else None
        local = not target.startswith(("http://", "https://", "recorded:"))
        if local and self._given.device is not None:
            options["device"] = self._given.device
        if target.startswith("recorded:"):
            options = {}
        try:
            with naming_what_is_unreadable(target):
                return load_target(target, model=model, **options)
        except OptionError as error:  # whose option has another name here
            raise OptionError(str(error).replace("model=", "target_model=")) from None
