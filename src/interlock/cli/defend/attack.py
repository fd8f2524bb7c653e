"""``defend attack``: photos with an adversarial patch each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interlock._files import file_digest, make_folder
from interlock.cli.bench import (
    Bench,
    Outcome,
    Setup,
    find_photos,
    forecast,
    save_picture,
    spare_photos,
)
from interlock.cli.choices import model_at_work
from interlock.cli.defend.read_back import Canvas, same_input
from interlock.cli.inputs import Photo
from interlock.cli.kept import Keeper, input_digest
from interlock.cli.terminal import Terminal, one_line
from interlock.data import read_image
from interlock.defend import PatchAttack
from interlock.models.labels import class_index

INVISIBLE = ("bounds", "batch_size")
"""Options of an attack that come from the model, or that change nothing for one photo."""


def attack(
    setup: Setup,
    inputs: Sequence[Path],
    method: PatchAttack,
    target: str | None,
    out: Path,
    terminal: Terminal,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Put an adversarial patch into each photo: away from the model's own answer, or to a label."""
    outcome = Outcome(values={"images": [], "fooled": 0})
    photos = find_photos(inputs, outcome, terminal)
    if not photos:
        return outcome
    if dry_run:
        return _forecast(setup, photos, method, target, outcome, terminal)
    spare_photos(photos, [out / f"{photo.name}.png" for photo in photos])
    make_folder(out)
    bench = Bench(setup, terminal, outcome)
    method, wanted = _aimed(bench, method, target)
    work = _Attacker(bench, setup, method, wanted, out)
    try:
        for photo in bench.track(photos):
            with bench.attempt(photo):
                record = work.record(photo)
                outcome.values["images"].append(record)
                outcome.values["fooled"] += record["fooled"]
                state = ", finished before" if record["reused"] else ""
                terminal.say(
                    f"{record['source']}: {record['before']['label']} -> "
                    f"{record['after_png']['label']}{state} -> {record['files']['png']}"
                )
                if not record["read_back"]:
                    terminal.note(
                        f"{record['files']['png']}: the model's preprocessing resamples it, so the "
                        f"patch is not read as it was made ({record['after']['label']}); --whole "
                        "takes photos as they are"
                    )
    except KeyboardInterrupt:
        outcome.interrupted = True
    if count := len(outcome.values["images"]):
        aim = "answer otherwise" if wanted is None else f"say {bench.label(wanted)}"
        terminal.say(f"{outcome.values['fooled']} of {count} patched photos make the model {aim}")
    return outcome


def _aimed(bench: Bench, method: PatchAttack, target: str | None) -> tuple[PatchAttack, int | None]:
    """The attack within the pixels' range, and the class that is to be answered."""
    wanted = class_index(target, bench.classifier.labels)
    bounds = bench.classifier.bounds
    return replace(method, bounds=bounds, targeted=wanted is not None, batch_size=1), wanted


def _forecast(
    setup: Setup,
    photos: Sequence[Photo],
    method: PatchAttack,
    target: str | None,
    outcome: Outcome,
    terminal: Terminal,
) -> Outcome:
    """What a run would take, by the first photo that can be read."""
    bench = Bench(setup, terminal, outcome)
    method, wanted = _aimed(bench, method, target)

    def once(photo: Photo) -> None:
        x = bench.read(photo.path)[None]
        with model_at_work():
            goal = int(bench.logits(x)[0].argmax()) if wanted is None else wanted
            method(bench.model, x, torch.tensor([goal], device=x.device))

    seconds = len(photos) * bench.seconds_each(photos, once)
    forecast(outcome, terminal, len(photos), len(photos), seconds)
    return outcome


class _Attacker:
    def __init__(
        self, bench: Bench, setup: Setup, method: PatchAttack, wanted: int | None, out: Path
    ) -> None:
        self._bench, self._method, self._wanted, self._out = bench, method, wanted, out
        self._seed = setup.seed
        self._keeper = Keeper(bench, out, {}, force=setup.force)
        self._canvases: dict[tuple[int, int], Canvas] = {}

    def record(self, photo: Photo) -> dict[str, Any]:
        """Make one photo's files, or take up those of an earlier run."""
        digest = file_digest(photo.path)
        x = self._bench.read(photo.path)[None]
        # From the photo itself, so that one alone or one of many gets the same patch.
        drawn = sha256(f"{self._seed} {digest}".encode()).hexdigest()
        method = replace(self._method, seed=int(drawn[:8], 16))
        options = {
            f.name: getattr(method, f.name) for f in fields(method) if f.name not in INVISIBLE
        }
        key = self._keeper.key(
            photo_sha256=digest,
            input_sha256=input_digest(x),
            attack=options,
            target=self._wanted,
        )
        record = self._keeper.take(f"{photo.name}.json", key)
        reused = record is not None
        record = record or self._made(photo, x, method, key)
        files = {suffix: str(self._out / f"{photo.name}.{suffix}") for suffix in ("png", "json")}
        return record | {"source": one_line(photo.path), "reused": reused, "files": files}

    def _made(
        self, photo: Photo, x: Tensor, method: PatchAttack, key: dict[str, Any]
    ) -> dict[str, Any]:
        bench, wanted = self._bench, self._wanted
        with model_at_work():
            with torch.no_grad():
                before = bench.logits(x)[0]
            goal = int(before.argmax()) if wanted is None else wanted
            patched = method(bench.model, x, torch.tensor([goal], device=x.device))
            with torch.no_grad():
                after = bench.logits(patched.images)[0]
        png = f"{photo.name}.png"
        canvas = self._canvas(x)
        save_picture(self._out / png, canvas.picture(patched.images[0], read_image(photo.path)))
        # Read again as any photo: rounded to 8 bits, and resized if the model does so.
        read = bench.read(self._out / png)
        with model_at_work(), torch.no_grad():
            saved = bench.logits(read[None])[0]
        record = {
            "source": one_line(photo.path),
            "seed": self._seed,
            "target": None if wanted is None else bench.label(wanted),
            "height": x.shape[-2],
            "width": x.shape[-1],
            "places": [asdict(place) for place in patched.places[0]],
            "covered": float(patched.masks.float().mean()),
            "before": bench.said(before),
            "after": bench.said(after),
            "after_png": bench.said(saved),
            "read_back": same_input(bench.classifier, read, patched.images[0]),
            "fooled": (int(saved.argmax()) == goal) == (wanted is not None),
        }
        return self._keeper.put(f"{photo.name}.json", key, record, [png])

    def _canvas(self, x: Tensor) -> Canvas:
        """For inputs of one size; looked for once."""
        size = (x.shape[-2], x.shape[-1])
        if size not in self._canvases:
            with model_at_work():
                self._canvases[size] = Canvas(self._bench.classifier, *size)
        return self._canvases[size]
