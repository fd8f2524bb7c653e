"""What the shield costs: time an image over the bare model's, fit time, memory.

    python benchmarks/defend_speed.py

Model and shield take turns in one run on the same photos; ratios are medians over the rounds.
Needs ``../shared`` and says so where it is absent.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

import _photos
from _memory import peak_kilobytes
from _tables import markdown, publish
from _victims import CALTECH, Victim, victims
from interlock.data import LabelledFolder
from interlock.defend.shield.shield import ConceptShield
from interlock.models import load_classifier

OUT = _photos.ROOT / "build" / "defend_speed"
ROUNDS = 15
FITS = (200, 2000)
HEADER = ["model", "batch of 1", "batch of 32", "bare: peak MiB, 32", "shield: peak MiB, 32"]


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    with torch.no_grad():
        run()
    return time.perf_counter() - start


def ratios(victim: Victim, shield: ConceptShield, batch: int) -> list[float]:
    """Time of the shield over the model's, on a batch of clean photos, round by round."""
    found = []
    photos = victim.sets["report"]
    for k in range(ROUNDS + 2):
        start = (k * batch) % (len(photos) - batch + 1)
        x = victim.input(photos.pixels[start : start + batch])
        bare = seconds(lambda: victim.model(x))  # noqa: B023
        found.append(seconds(lambda: shield(x)) / bare)  # noqa: B023
    return found[2:]  # the first two warm up


def peaks(name: str, batch: int) -> tuple[float, float]:
    """Peak memory (MiB) that a batch adds: bare model, then shield; for a fresh process."""
    torch.set_num_threads(1)
    (victim,) = (v for v in victims() if v.name == name)
    shield = ConceptShield.load(OUT / f"{name}.safetensors", victim.model)
    x = torch.rand(batch, *victim.sets["report"].pixels.shape[1:])
    before = peak_kilobytes()
    seconds(lambda: victim.model(x))
    bare = (peak_kilobytes() - before) / 1024
    seconds(lambda: shield(x))
    return bare, (peak_kilobytes() - before) / 1024


def fresh() -> Any:
    """A process that starts from nothing, so that its peak is its own."""
    return multiprocessing.get_context("spawn").Pool(1)


def fit_seconds(count: int) -> tuple[float, float]:
    """Seconds and added peak memory (MiB) to fit the embedded classifier's shield to photos."""
    torch.set_num_threads(1)
    embedded = load_classifier("embedded")
    folder = LabelledFolder.scan(CALTECH / "train")
    order = torch.randperm(len(folder), generator=torch.Generator().manual_seed(0))[:count]

    def batches() -> object:
        from interlock.data import read_image

        for part in order.split(32):
            yield torch.stack([embedded.preprocess(read_image(folder.files[k])) for k in part])

    before = peak_kilobytes()
    taken = seconds(lambda: ConceptShield.fit(embedded.model, batches()))  # type: ignore[arg-type]
    return taken, (peak_kilobytes() - before) / 1024


def main() -> int:
    """Measure and print."""
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    rows = []
    for victim in victims():
        if missing := victim.missing():
            print(f"skipped {victim.name}: {missing[0]} is not there", file=sys.stderr)
            continue
        bank = (x for x, _ in zip(victim.batches("bank"), range(6), strict=False))
        shield = ConceptShield.fit(victim.model, bank)
        shield.save(OUT / f"{victim.name}.safetensors")
        cells = []
        for batch in (1, 32):
            found = ratios(victim, shield, batch)
            low, _, high = statistics.quantiles(found, n=4)
            cells.append(f"{statistics.median(found):.2f} [{low:.2f}, {high:.2f}]")
        with fresh() as pool:
            bare, shielded = pool.apply(peaks, (victim.name, 32))
        rows.append([victim.name, *cells, f"{bare:.0f}", f"{shielded:.0f}"])
    if not rows:
        return 0
    text = [
        f"Shield over bare model, clean photos, {ROUNDS} rounds, one thread: median [quartiles]\n",
        markdown(HEADER, rows),
    ]
    if CALTECH.exists():
        fits = []
        for count in FITS:
            with fresh() as pool:
                fits.append((count, *pool.apply(fit_seconds, (count,))))
        lines = [[str(n), f"{s:.1f}", f"{m:.0f}"] for n, s, m in fits]
        header = ["photos", "fit, s (reading included)", "added peak memory, MiB"]
        text += ["\nFitting the embedded classifier's shield\n", markdown(header, lines)]
    publish("\n".join(text), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
