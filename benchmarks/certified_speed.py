"""How many passes a certified answer takes, and its CPU time over that of as many bare ones.

    python benchmarks/certified_speed.py

Bare passes run in the batch that is the fastest for them. Model and shield take turns in one run;
ratios are medians over the rounds. Needs ``../shared`` and says so where it is absent.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

import _photos
from _tables import markdown, publish
from _victims import Victim, victims
from interlock.defend import CertifiedShield

OUT = _photos.ROOT / "build" / "certified_speed"
ROUNDS, PHOTOS, AREA = 9, 4, 0.02
BATCHES = (16, 32, 64, 128)
MASKS = (4, 6)
HEADER = [
    "model", "masks an axis", "passes to answer", "answer", "passes to prove", "proof",
    "best bare batch",
]  # fmt: skip


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds: other work on the machine counts less."""
    start = time.process_time()
    with torch.no_grad():
        run()
    return time.process_time() - start


def bare(model: nn.Module, x: Tensor) -> dict[int, float]:
    """Seconds of a pass of one image, by the size of its batch."""
    many = x.repeat(max(BATCHES) // len(x) + 1, 1, 1, 1)
    many = many.contiguous(memory_format=torch.channels_last)
    return {size: seconds(lambda: model(many[:size])) / size for size in BATCHES}  # noqa: B023


def measured(victim: Victim, masks: int) -> list[str]:
    """A row of the table."""
    model, photos = victim.model, victim.sets["report"]
    safe = CertifiedShield(model, area=AREA, masks=masks)
    answers: list[float] = []
    proofs: list[float] = []
    asked: list[float] = []
    proven: list[float] = []
    best: list[int] = []
    for k in range(ROUNDS + 1):
        start = (k * PHOTOS) % (len(photos) - PHOTOS + 1)
        x = victim.input(photos.pixels[start : start + PHOTOS])
        alone = bare(model, x)
        size = min(alone, key=lambda n: alone[n])
        found = []
        for assure in (False, True):
            begun = time.process_time()
            verdict = safe.verdict(x, assure=assure)
            taken, passes = time.process_time() - begun, int(verdict.passes.sum())
            found.append((taken / (passes * alone[size]), passes / PHOTOS))
        if k:  # the first warms up
            best.append(size)
            for (ratio, passes), ratios, counts in zip(
                found, (answers, proofs), (asked, proven), strict=True
            ):
                ratios.append(ratio)
                counts.append(passes)
    return [
        victim.name, str(masks), f"{statistics.mean(asked):.0f}", _spread(answers),
        f"{statistics.mean(proven):.0f}", _spread(proofs), str(statistics.mode(best)),
    ]  # fmt: skip


def _spread(ratios: list[float]) -> str:
    low, _, high = statistics.quantiles(ratios, n=4)
    return f"{statistics.median(ratios):.2f} [{low:.2f}, {high:.2f}]"


def main() -> int:
    """Measure and print."""
    torch.set_num_threads(1)
    rows = []
    for victim in victims():
        if missing := victim.missing():
            print(f"skipped {victim.name}: {missing[0]} is not there", file=sys.stderr)
            continue
        rows += [measured(victim, masks) for masks in MASKS]
    if not rows:
        return 0
    text = [
        f"Certified answers at {AREA:.0%}: mean passes of a clean photo, and CPU time over as many "
        f"bare passes, {PHOTOS} at a time, {ROUNDS} rounds, one thread: median [quartiles]\n",
        markdown(HEADER, rows),
    ]
    publish("\n".join(text), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
