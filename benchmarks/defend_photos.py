"""Write the lists of photos that the ``defend`` studies read: to fit a shield, and to report.

    python benchmarks/defend_photos.py

Photos on which settings were chosen are in neither. CIFAR-10 needs no list: its parts follow one
another in their files. Needs ``../shared`` and says so where it is absent.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import _photos
from _victims import CALTECH, Listed, listed_caltech, listed_imagenet
from interlock._files import write_atomically

OUT = _photos.ROOT / "build" / "defend"
SETS: dict[str, tuple[Path, Callable[[str], Listed]]] = {
    "imagenet": (_photos.PHOTOS, listed_imagenet),
    "caltech": (CALTECH, listed_caltech),
}
PARTS = ("bank", "report")


def main() -> int:
    """Write a CSV file for each set of photos and part."""
    for folder, _ in SETS.values():
        if not folder.is_dir():
            name = os.path.relpath(folder, _photos.ROOT)
            print(f"error: {name} is not there; the defend studies need it", file=sys.stderr)
            return 1
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (_, listed) in SETS.items():
        for part in PARTS:
            path = write_atomically(OUT / f"{name}_{part}.csv", table(listed(part)))
            print(path.relative_to(_photos.ROOT))
    return 0


def table(photos: Listed) -> str:
    """Files, relative to ``OUT``, with their classes by number."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "label"])
    rows.writerows([os.path.relpath(file, OUT), label] for file, label in photos)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
