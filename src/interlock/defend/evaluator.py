"""Measure a shield and its peers on labelled images, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from interlock.defend.attacks.named import NamedAttacks
from interlock.defend.attacks.regions import footprint
from interlock.defend.defences import SHIELD, UNDEFENDED, Reply, Row, Scene, rows
from interlock.defend.evaluation import CLEAN, Case, Evaluation, Tally, Trial
from interlock.defend.shield.shield import ConceptShield
from interlock.errors import DataError, OptionError
from interlock.models.pixel_range import check_batch

EXAMPLES = 4
"""Saved and lost images that are kept for each trial."""


class Evaluator:
    """Measure a shield on clean and on patched images.

    Either ``add`` batches, or ask for the tallies of single trials by ``tally`` and ``take`` them:
    a tally can be kept on disk in between.

    Args:
        shield: with the model that it defends.
        areas: patch sizes as shares of the image.
        attacks: names, of ``interlock.names.ATTACKS``.
        options: what the attacks share.
        peers: other defences, of ``interlock.names.PEERS``.
        assumed: PatchCleanser also with masks for a patch of this share of the image.

    Raises:
        OptionError: no areas, no attacks, or names that are unknown.
    """

    def __init__(
        self,
        shield: ConceptShield,
        areas: Sequence[float],
        attacks: Sequence[str] = ("patch",),
        options: NamedAttacks | None = None,
        *,
        peers: Sequence[str] = (),
        assumed: float | None = None,
    ) -> None:
        if not areas:
            raise OptionError("areas is empty; give at least one share of the image")
        if not attacks:
            raise OptionError("attacks is empty; give at least one name")
        self.options = options or NamedAttacks()
        self._shield = shield
        self._rows = rows(shield, peers, assumed, bounds=self.options.bounds)
        areas = list(dict.fromkeys(areas))
        clean = [CLEAN, *(Trial(CLEAN.attack, area) for area in areas if self._told("size"))]
        patched = [Trial(name, area) for name in dict.fromkeys(attacks) for area in areas]
        for trial in patched:
            self.options.made(*trial)  # type: ignore[arg-type]  # refuses what is out of range
        self.trials = (*clean, *patched)
        """All that every batch goes through, clean first."""
        self._taken: dict[Trial, list[Tally]] = {trial: [] for trial in self.trials}
        self._batches: list[int] = []

    def add(self, images: Tensor, labels: Tensor) -> None:
        """Take in clean images (N, C, H, W) and their true classes (N,)."""
        turn = sum(self._batches)
        clean = self.tally(CLEAN, images, labels, turn)
        others = [self.tally(trial, images, labels, turn, clean) for trial in self.trials[1:]]
        self.take([clean, *others])

    def tally(
        self,
        trial: Trial,
        images: Tensor,
        labels: Tensor,
        turn: int,
        clean: Tally | None = None,
    ) -> Tally:
        """What each row makes of a batch in one trial; nothing is counted yet.

        Args:
            trial: of ``trials``.
            images: clean (N, C, H, W).
            labels: (N,) true classes.
            turn: another one for each batch, for other places and starts.
            clean: the tally of ``CLEAN`` for these images. Without it no cases are kept.
        """
        check_batch(images, labels)
        labels = labels.to(images.device)
        if trial == CLEAN:
            return _tally(trial, self._ask(self._told("nothing"), images, Scene(None, 0)), labels)
        assert trial.area is not None
        if trial.attack == CLEAN.attack:
            outline = footprint(self.options.shape, trial.area, *images.shape[-2:])
            scene = Scene(None, max(outline.shape))
            return _tally(trial, self._ask(self._told("size"), images, scene), labels)
        patched = self.options.craft(
            trial.attack, trial.area, self._shield.model, self._shield, images, labels, turn
        )
        side = max(max(place.height, place.width) for row in patched.places for place in row)
        scene = Scene(patched.masks, side)
        replies = self._ask(self._rows, patched.images, scene)
        cases: list[Case] = []
        if clean is not None:
            cases = self._cases(trial, patched.images, scene, replies, labels, clean)
        return _tally(trial, replies, labels, cases)

    def take(self, tallies: Sequence[Tally]) -> None:
        """Count a batch: its tallies for all trials."""
        if {t.trial for t in tallies} != set(self.trials):
            raise OptionError("a batch is counted whole; give a tally for each trial")
        before = sum(self._batches)
        for tally in tallies:
            cases = tuple(replace(case, index=before + case.index) for case in tally.cases)
            self._taken[tally.trial].append(replace(tally, cases=cases))
        self._batches.append(len(tallies[0].masked))  # last: whoever interrupts counts no half

    def result(self) -> Evaluation:
        """What was found in all batches so far.

        Raises:
            DataError: there were none.
        """
        if not self._batches:
            raise DataError("no labelled images to evaluate on")
        count = len(self._batches)
        tallies = tuple(Tally.joined(t[:count]) for t in self._taken.values())
        return Evaluation(sum(self._batches), tallies)

    def _told(self, what: str) -> dict[str, Row]:
        return {name: row for name, row in self._rows.items() if row.told == what}

    def _ask(self, rows: Mapping[str, Row], images: Tensor, scene: Scene) -> dict[str, Reply]:
        with torch.no_grad():
            return {name: row.defence(images, scene) for name, row in rows.items()}

    def _cases(
        self,
        trial: Trial,
        images: Tensor,
        scene: Scene,
        replies: Mapping[str, Reply],
        labels: Tensor,
        clean: Tally,
    ) -> list[Case]:
        """Images that the shield saved or lost, as far as more of them are wanted."""
        known = [case for tally in self._taken[trial] for case in tally.cases]
        shield, bare = replies[SHIELD], replies[UNDEFENDED].labels
        assert shield.masks is not None
        assert scene.masks is not None
        found: list[Case] = []
        for k in clean.right[SHIELD].nonzero()[:, 0].tolist():
            truth = int(labels[k])
            kind = "saved" if int(shield.labels[k]) == truth else "lost"
            if kind == "saved" and int(bare[k]) == truth:
                continue
            if sum(case.kind == kind for case in (*known, *found)) >= EXAMPLES:
                continue
            found.append(
                Case(
                    kind=kind,  # type: ignore[arg-type]
                    trial=trial,
                    image=images[k].cpu(),
                    patch=scene.masks[k, 0].cpu(),
                    mask=shield.masks[k, 0].cpu(),
                    truth=truth,
                    undefended=int(bare[k]),
                    label=int(shield.labels[k]),
                    index=k,
                )
            )
        return found


def _tally(
    trial: Trial, replies: Mapping[str, Reply], labels: Tensor, cases: Sequence[Case] = ()
) -> Tally:
    shield = replies.get(SHIELD)
    masked = torch.zeros(len(labels), dtype=torch.bool)
    if shield is not None and shield.masks is not None:
        masked = shield.masks.flatten(1).any(dim=1).cpu()
    return Tally(
        trial,
        {row: (reply.labels == labels).cpu() for row, reply in replies.items()},
        {row: reply.passes.cpu() for row, reply in replies.items() if reply.passes is not None},
        masked,
        tuple(cases),
    )
