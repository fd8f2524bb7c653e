"""The patch story of ``interlock demo``: photos, patches, and a shield fitted on the spot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from interlock._files import file_digest, make_folder
from interlock._pictures import mask_overlay
from interlock.cli.bench import Bench, Outcome, Setup, save_picture
from interlock.cli.defend.apply import masked_input
from interlock.cli.demo.assured import assured_chapter
from interlock.cli.demo.photos import packaged_photo
from interlock.cli.explain.run import Story
from interlock.cli.kept import Keeper
from interlock.cli.terminal import Terminal
from interlock.data.sources.package_photos import CLEAN, SUBJECTS
from interlock.defend import ConceptBank, ConceptShield, PatchAttack
from interlock.defend.figure import view_concepts
from interlock.report import Before, Chapter, concepts_chapter, shield_chapter

SHOWN = {file: label for file, _, label in SUBJECTS.values()}
"""What the demo's photos show, in the words of the embedded classifier."""
CROPS = 160
FOR_BANK = 32
STEPS = 40
AREA = 0.03
RECORD, CHAPTERS = "story.json", "chapters.json"
"""What says that the story is told, and its part of the report."""


def patch_story(setup: Setup, photos: Sequence[Path], out: Path, terminal: Terminal) -> Story:
    """Patch each photo that the embedded classifier gets right, and defend it.

    Whatever comes out is shown, a success or not; a story that was told before is taken up.

    Args:
        setup: the model, and the seed of the crops, the bank and the patches.
        photos: of the demo.
        out: folder for the pictures and the shield.
        terminal: shows the progress.
    """
    make_folder(out)
    bench = Bench(setup, terminal, Outcome())
    decides = {"seed": setup.seed, "crops": CROPS, "steps": STEPS, "area": AREA}
    keeper = Keeper(bench, out, decides, force=setup.force)
    key = keeper.key(photos={str(path): file_digest(path) for path in photos})
    record = keeper.take(RECORD, key)
    if record is None:
        chapters, rows, assured = _story(bench, setup.seed, photos, out, terminal)
        files = ["shield.safetensors", keeper.put_chapters(CHAPTERS, chapters)]
        files += [Path(one[kind]).name for one in rows for kind in ("photo", "overlay")]
        record = keeper.put(RECORD, key, {"photos": rows, "assured": assured}, files)
    for one in record["photos"]:
        terminal.say(
            f"{Path(one['source']).name} with a patch: {one['patched']} -> by the shield "
            f"{one['shielded']} -> {one['overlay']}"
        )
    if record["assured"]:
        terminal.say(record["assured"]["sentence"])
    return Story(
        keeper.chapters(CHAPTERS), {"defend": record["photos"], "assured": record["assured"]}
    )


def _story(
    bench: Bench, seed: int, photos: Sequence[Path], out: Path, terminal: Terminal
) -> tuple[list[Chapter], list[dict[str, Any]], dict[str, Any] | None]:
    crops = torch.stack(list(_crops(bench, seed)))
    bank = ConceptBank.fit(bench.model, crops[:FOR_BANK], seed=seed)
    shield = ConceptShield.fit(bench.model, crops, bank=bank, seed=seed).eval()
    shield.save(out / "shield.safetensors")
    chapters, rows = [], []
    assured: dict[str, Any] | None = None
    for path in terminal.track(photos, len(photos), lambda p: f"{p.name}, patched"):
        x = bench.read(path)
        with torch.no_grad():
            label = int(bench.model(x[None]).argmax())
        if bench.label(label) != SHOWN.get(path.name, bench.label(label)):
            terminal.note(f"{path.name}: {bench.label(label)}, which is wrong already; no patch")
            continue
        chapter, record = _patched(bench, shield, path, x, label, out, seed)
        chapters.append(chapter)
        rows.append(record)
        if assured is None:  # of one photo: it takes most of the time
            chapter, assured = assured_chapter(bench, shield, path.name, x)
            chapters.append(chapter)
    with torch.no_grad():
        views = view_concepts(bench.model, bank, crops[:FOR_BANK], examples=3)
    concepts = concepts_chapter(
        views,
        layer=bank.layer,
        images=FOR_BANK,
        to_pil=bench.classifier.to_pil,
        label=bench.label,
    )
    return [*chapters, concepts], rows, assured


def _patched(
    bench: Bench,
    shield: ConceptShield,
    path: Path,
    x: Tensor,
    label: int,
    out: Path,
    seed: int,
) -> tuple[Chapter, dict[str, Any]]:
    attack = PatchAttack(area=AREA, steps=STEPS, bounds=bench.classifier.bounds, seed=seed)
    patched = attack(bench.model, x[None], torch.tensor([label], device=bench.device))
    image, patch = patched.images[0], patched.masks[0, 0]
    with torch.no_grad():
        original = bench.answer(bench.model(x[None])[0])
        clean = bench.answer(shield(x[None])[0])
        undefended = bench.answer(bench.model(image[None])[0])
        defended = bench.answer(shield(image[None])[0])
    inspection = shield.inspect(image)
    to_pil = bench.classifier.to_pil
    pictures = {
        f"{path.stem}-patched.png": to_pil(image),
        f"{path.stem}-mask.png": mask_overlay(to_pil(image), inspection.mask, patch),
    }
    for name, picture in pictures.items():
        save_picture(out / name, picture)
    chapter = shield_chapter(
        inspection,
        title=f"{path.name} with a patch",
        anchor=f"patched-{path.stem.replace('_', '-')}",
        photo=to_pil(image),
        seen=to_pil(masked_input(image, inspection)),
        undefended=undefended,
        defended=defended,
        label=bench.label,
        before=Before(x, original, patch),
        to_pil=to_pil,
        note=(
            f"An attacker who owns {100 * AREA:.0f} % of the photo and knows the model, not the "
            f"shield, draws there what misleads it most ({STEPS} gradient steps). The shield was "
            f"fitted to {CROPS} crops of other photos and is told neither place, size nor label. "
            f"Without the patch it answers {clean[0]}."
        ),
        downloads=[f"{out.name}/{name}" for name in pictures],
    )
    record = {
        "source": str(path),
        "label": bench.label(label),
        "patched": undefended[0],
        "shielded": defended[0],
        "clean": clean[0],
        "tampered": inspection.tampered,
        "passes": inspection.passes,
        "photo": str(out / f"{path.stem}-patched.png"),
        "overlay": str(out / f"{path.stem}-mask.png"),
    }
    return chapter, record


def _crops(bench: Bench, seed: int) -> Iterator[Tensor]:
    """Square crops of the clean photos, half of them flipped.

    A fresh machine has no folder of clean photos to fit the shield to.
    """
    rng = np.random.default_rng(seed)
    photos = [packaged_photo(file) for file in CLEAN]
    for k in range(CROPS):
        photo = photos[k % len(photos)]
        side = int(rng.uniform(0.4, 1.0) * min(photo.size))
        left, top = (int(rng.integers(n - side + 1)) for n in photo.size)
        crop = photo.crop((left, top, left + side, top + side))
        if rng.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        yield bench.classifier.preprocess(crop).to(bench.device)
