"""What the shield costs: time an image over the bare model's, fit time, memory.

    python benchmarks/defend_speed.py

Model and shield take turns in one run on the same photos; ratios are medians over the rounds.
Needs ``../shared`` and says so where it is absent.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import torch

import _photos
from _tables import markdown, publish
from _victims import CALTECH, Victim, victims
from interlock.data import LabelledFolder
from interlock.defend.shield import ConceptShield
from interlock.models import load_classifier

OUT = _photos.ROOT / "build" / "defend_speed"
ROUNDS = 15
FITS = (200, 2000)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    with torch.no_grad():
        run()
    return time.perf_counter() - start


def peak_mebibytes() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def fit_seconds(count: int) -> tuple[float, float]:
    """Seconds and added peak memory (MiB) to fit the embedded classifier's shield to photos."""
    embedded = load_classifier("embedded")
    folder = LabelledFolder.scan(CALTECH / "train")
    order = torch.randperm(len(folder), generator=torch.Generator().manual_seed(0))[:count]

    def batches() -> object:
        from interlock.data import read_image

        for part in order.split(32):
            yield torch.stack([embedded.preprocess(read_image(folder.files[k])) for k in part])

    before = peak_mebibytes()
    taken = seconds(lambda: ConceptShield.fit(embedded.model, batches()))  # type: ignore[arg-type]
    return taken, peak_mebibytes() - before


def main() -> int:
    """Measure and print."""
    torch.set_num_threads(1)
    rows = []
    for victim in victims():
        if missing := victim.missing():
            print(f"skipped {victim.name}: {missing[0]} is not there", file=sys.stderr)
            continue
        bank = (x for x, _ in zip(victim.batches("bank"), range(6), strict=False))
        shield = ConceptShield.fit(victim.model, bank)
        cells = []
        for batch in (1, 32):
            found = ratios(victim, shield, batch)
            low, _, high = statistics.quantiles(found, n=4)
            cells.append(f"{statistics.median(found):.2f} [{low:.2f}, {high:.2f}]")
        rows.append([victim.name, *cells])
    if not rows:
        return 0
    text = [
        f"Shield over bare model, clean photos, {ROUNDS} rounds, one thread: median [quartiles]\n",
        markdown(["model", "batch of 1", "batch of 32"], rows),
    ]
    if CALTECH.exists():
        fits = [(count, *fit_seconds(count)) for count in FITS]
        lines = [[str(n), f"{s:.1f}", f"{m:.0f}"] for n, s, m in fits]
        header = ["photos", "fit, s (reading included)", "added peak memory, MiB"]
        text += ["\nFitting the embedded classifier's shield\n", markdown(header, lines)]
    publish("\n".join(text), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
