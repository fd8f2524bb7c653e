"""What a patch does to a classifier: a study of the lab, in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interlock._files import make_folder, write_atomically
from interlock.cli.audit.assured import AREA
from interlock.cli.audit.photos import MEASURED, Photos
from interlock.cli.bench import Setup
from interlock.cli.choices import usable_device
from interlock.cli.defend.evaluate import ordeals
from interlock.cli.inputs import Photo
from interlock.cli.terminal import Terminal
from interlock.defend.defences import CERTIFIED_SHIELD, SHIELD, UNDEFENDED
from interlock.errors import DataError
from interlock.lab.engines.inline import InlineEngine
from interlock.lab.plan import results
from interlock.lab.results.attacked import CLEAN
from interlock.lab.results.evaluation import Evaluation, Share
from interlock.lab.results.summary import summarise
from interlock.lab.results.values import by_item
from interlock.lab.run import prepared, run_study
from interlock.lab.study import AttackPart, DefencePart, DefendStudy, ModelPart
from interlock.lab.task import Setting
from interlock.names import AttackName

ATTACK: AttackName = "searched"
AREAS = (AREA, 0.05)
"""Shares of the photo that the attacker's patch covers; what is proven is about the first."""
ALLOWANCE = 2
"""Pixels that reading a photo spreads a patch by, as ``defend certify`` allows for."""
SHIELD_FILE = "shield.safetensors"


@dataclass(frozen=True, eq=False)
class Patched:
    """What came out."""

    evaluation: Evaluation
    """Of the bare model and of the shield, where there is one."""
    proven: Share
    """Photos whose right answer no patch of the size can change."""
    answered: Share
    """Photos without a patch to which the certified answer is right."""
    rows: Sequence[Mapping[str, Any]]
    """Of the study, as the lab keeps them."""
    errors: Mapping[str, str]
    """File of a photo that could not be measured -> why."""

    @property
    def shielded(self) -> bool:
        """Whether a shield was measured."""
        return SHIELD in self.evaluation.clean.right

    def row(self, image: str, condition: str) -> dict[str, Any]:
        """The lab's row on a photo: the shield's, or the bare model's where there is none."""
        method = SHIELD if self.shielded else UNDEFENDED
        wanted = (method, condition, image, "right")
        names = ("method", "condition", "data", "metric")
        return next(dict(row) for row in self.rows if tuple(row[n] for n in names) == wanted)


class PatchStudy:
    """The bare model, the shield and the certified answer, clean and under a patch.

    Each photo is a block of its own, so that a study of more photos takes up those of a smaller.

    Args:
        setup: the model.
        photos: to measure, and to fit the shield to.
        folder: of the study.
        terminal: shows the progress.
    """

    def __init__(self, setup: Setup, photos: Photos, folder: Path, terminal: Terminal) -> None:
        self._setup, self._photos, self.folder = setup, photos, folder
        self._terminal = terminal

    def run(self, measured: int, proven: int) -> None:
        """Measure so many photos, and prove of so many of them; what is finished is taken up.

        Raises:
            InterlockError: nothing can be measured.
            KeyboardInterrupt: Ctrl-C; what is finished is kept.
        """
        make_folder(self.folder)
        with self._terminal.steps(rate=True) as steps:
            totals = run_study(
                self._setting(measured, proven),
                self.folder,
                InlineEngine(),
                retry_failed=True,
                steps=steps,
            )
        if totals.interrupted:
            raise KeyboardInterrupt

    def seconds(self) -> float:
        """What one photo took, without what is proven of it."""
        lines = [one for one in summarise(self.folder).lines if one.metric == "right"]
        attacks = {one.condition: one.metric_seconds or 0.0 for one in lines}
        answers = [one.seconds or 0.0 for one in lines if one.method != CERTIFIED_SHIELD]
        return sum(attacks.values()) + sum(answers)

    def patched(self, measured: int, proven: int) -> Patched:
        """What the study came to.

        Raises:
            DataError: none of the photos could be measured.
        """
        table = results(self.folder)
        rows: list[dict[str, Any]] = table.to_pylist()
        errors = {_file(row["data"]): str(row["error"]) for row in rows if row["error"]}
        values = by_item(table)
        both = {key: value for key, value in values.items() if key[1] != CERTIFIED_SHIELD}
        of_proof = {key[2:]: value for key, value in values.items() if key[1] == CERTIFIED_SHIELD}
        evaluation = Evaluation.of(both, ordeals(self._study(measured, proven)))
        if not evaluation.images:
            raise DataError(f"no photo could be measured; the first: {next(iter(errors.values()))}")
        return Patched(
            evaluation,
            Share.of(of_proof.get((CLEAN, "certified"), {}).values()),
            Share.of(of_proof.get((CLEAN, "right"), {}).values()),
            rows,
            errors,
        )

    def shield(self, measured: int, proven: int) -> Path | None:
        """The file of the shield that was measured; None where none was."""
        made = prepared(self._setting(measured, proven), self.folder)
        path = self.folder / SHIELD_FILE
        return write_atomically(path, next(iter(made.values()))) if made else None

    def photo(self, image: str) -> Photo:
        """The photo that results call by a name."""
        return self._by_file[_file(image)]

    @cached_property
    def _by_file(self) -> dict[str, Photo]:
        return {str(photo.path.resolve()): photo for photo in self._photos.measured}

    def _setting(self, measured: int, proven: int) -> Setting:
        study = self._study(measured, proven)
        return Setting(study, "audit", Path.cwd(), usable_device(self._setup.device))

    def _study(self, measured: int, proven: int) -> DefendStudy:
        setup = self._setup
        photos, clean = self._photos.parts(self.folder, measured)
        methods = [DefencePart(method=UNDEFENDED)]
        evidence: dict[str, Any] = {}
        if clean is not None:
            methods.append(DefencePart(method=SHIELD))
            evidence = {"evidence": True}
        if proven:
            options = {"assumed": AREA, "allowance": ALLOWANCE, **evidence}
            methods.append(
                DefencePart(method=CERTIFIED_SHIELD, options=options, limit=proven, attacks=())
            )
        return DefendStudy(
            task="defend",
            name="audit",
            models=(ModelPart(model=setup.model, whole=setup.whole),),
            data=(photos,),
            clean=clean,
            methods=tuple(methods),
            attacks=(AttackPart(attack=ATTACK, areas=AREAS),),
            truth="label" if self._photos.labels else "predicted",
            seeds=(setup.seed,),
            batch=1,
        )


def _file(data: str) -> str:
    """The file that results call by a name."""
    return data.removeprefix(f"{MEASURED}/")
