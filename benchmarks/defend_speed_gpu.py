"""What the shield costs on a GPU: time and memory over the bare model's.

    python benchmarks/defend_photos.py && python benchmarks/defend_speed_gpu.py

Model and shield take turns in one run on the same clean photos; ratios are medians over the rounds.
Needs ``../shared`` and a CUDA device, and says so where one is absent.
"""

from __future__ import annotations

import csv
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import _cifar
import _photos
from _tables import markdown, publish
from interlock.data import read_image
from interlock.defend.shield.shield import ConceptShield
from interlock.models import Classifier, load_classifier

OUT = _photos.ROOT / "build" / "defend_speed_gpu"
LISTS = _photos.ROOT / "build" / "defend"
ROUNDS = 30
WARM_UP = 5
BATCHES = (1, 32, 128)
HEADER = ["model", "batch", "bare, ms", "shield, ms", "ratio", "bare: MiB", "shield: MiB"]
FOR_FIT, FOR_TIMING = 200, 128

Photos = Callable[[str, Classifier, int], Tensor]
"""``"bank"`` or ``"report"``, the classifier, how many -> (N, C, H, W)."""


def listed(name: str, part: str, classifier: Classifier, count: int) -> Tensor:
    """Photos of a list that ``defend_photos.py`` wrote."""
    with (LISTS / f"{name}_{part}.csv").open(encoding="utf-8") as file:
        rows = list(itertools.islice(csv.DictReader(file), count))
    return torch.stack([classifier.preprocess(read_image(LISTS / row["file"])) for row in rows])


def cifar(part: str, classifier: Classifier, count: int) -> Tensor:
    """The first images of CIFAR-10's files."""
    pixels, _ = _cifar.images("train" if part == "bank" else "test", count)
    return torch.stack([classifier.preprocess(x.permute(1, 2, 0).numpy()) for x in pixels])


def milliseconds(run: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    with torch.no_grad():
        run()
    torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def peak(run: Callable[[], object]) -> float:
    """MiB that a run adds to what is loaded."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    milliseconds(run)
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def measured(name: str, classifier: Classifier, photos: Photos) -> list[list[str]]:
    """The rows of one model."""
    model = classifier.model.cuda()
    shield = ConceptShield.fit(model, photos("bank", classifier, FOR_FIT).cuda())
    clean = photos("report", classifier, FOR_TIMING).cuda()
    rows = []
    for batch in BATCHES:
        pairs = []
        for k in range(WARM_UP + ROUNDS):
            x = clean.roll(-k * batch, dims=0)[:batch]
            bare, shielded = partial(model, x), partial(shield, x)
            pairs.append((milliseconds(bare), milliseconds(shielded)))
        kept = pairs[WARM_UP:]
        low, middle, high = statistics.quantiles([s / b for b, s in kept], n=4)
        times = [f"{statistics.median(side):.2f}" for side in zip(*kept, strict=True)]
        ratio = f"{middle:.2f} [{low:.2f}, {high:.2f}]"
        rows.append([name, str(batch), *times, ratio, f"{peak(bare):.0f}", f"{peak(shielded):.0f}"])
    return rows


def main() -> int:
    """Measure and print."""
    if not torch.cuda.is_available():
        print("error: no CUDA device; defend_speed.py measures on the CPU", file=sys.stderr)
        return 1
    if not (LISTS / "imagenet_report.csv").exists():
        print("error: no lists of photos; run benchmarks/defend_photos.py first", file=sys.stderr)
        return 1
    mobilenet = load_classifier(str(_photos.MOBILENET), whole=True)
    rows = [
        *measured("mobilenet", mobilenet, partial(listed, "imagenet")),
        *measured("embedded", load_classifier("embedded"), partial(listed, "caltech")),
        *measured("cifar10", _cifar.resnet20(), cifar),
    ]
    text = (
        f"Shield over bare model, clean photos, {ROUNDS} rounds, {torch.cuda.get_device_name()}: "
        f"medians [quartiles]\n\n{markdown(HEADER, rows)}"
    )
    publish(text, OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
