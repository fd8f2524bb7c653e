"""Sparse and faithful? H-Sets and its peers on real photos, in one table.

    python benchmarks/explain_quality.py                  # the half of the photos for the report
    python benchmarks/explain_quality.py --half tuning    # the half on which settings are chosen

Finished photos are kept in ``build/explain_quality/``; a second run recomputes only what is
missing or whose code or settings changed. Needs ``../shared`` and says so where it is absent.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch import nn

import _measure
import _photos
import _quality_table
from _peers import PEERS
from _records import Record, Records, code_digest, key
from interlock.explain import PERCENTAGES
from interlock.explain.peers import make_peer

OUT = _photos.ROOT / "build" / "explain_quality"
DEFAULT = "H-Sets (default)"
PAPER_ROWS = 12
EXPLAIN = _photos.ROOT / "src" / "interlock" / "explain"
H_SETS_CODE = ("hsets", "_growth", "_derivatives", "_dividends", "_kinks", "_affine", "_baseline")


OURS: dict[str, tuple[str, dict[str, Any]]] = {
    DEFAULT: ("h-sets", {}),
    "H-Sets (default, zero baseline)": ("h-sets", {"baseline": 0.0}),
    f"H-Sets (paper, at most {PAPER_ROWS} rows a set)": ("h-sets-paper", {"max_rows": PAPER_ROWS}),
}
METHODS = OURS | PEERS


@dataclass(frozen=True)
class Job:
    """What one worker does at a time: every missing method on one photo."""

    photo: _photos.Photo
    methods: tuple[str, ...]
    seed: int
    pixels: int | None
    """Non-zero pixels of H-Sets' default on this photo, if that is on file."""
    known: frozenset[str]
    """Keys of all results on file."""


_code: dict[str, str] = {}


def digests() -> dict[str, str]:
    """What the results rest on, besides their options: by group of methods.

    Taken once, at the start: an edit during a run must not split its keys.
    """
    if not _code:
        _code.update(_digests())
    return dict(_code)


def _digests() -> dict[str, str]:
    here = Path(__file__).parent
    common = [EXPLAIN / "faithfulness.py", here / "_measure.py", EXPLAIN / "priors.py"]
    ours = [EXPLAIN / f"{name}.py" for name in H_SETS_CODE]
    return {
        "ours": code_digest(*common, *ours),
        "peers": code_digest(
            *common,
            here / "_peers.py",
            *(EXPLAIN / f"{name}.py" for name in ("_baseline", "_derivatives")),
            *sorted((EXPLAIN / "peers").glob("*.py")),
        ),
    }


def record_key(method: str, photo: _photos.Photo, seed: int, pixels: int | None) -> str:
    """Names the result of one method on one photo; peers depend on where they are cut."""
    ours = method in OURS
    return key(
        method=method,
        photo=photo.file,
        seed=seed,
        percentages=PERCENTAGES,
        cut=None if ours else pixels,
        code=digests()["ours" if ours else "peers"],
    )


_model: nn.Module


def prepare_worker(code: dict[str, str], threads: int = 1) -> None:
    """Load the model once in each process; ``code`` is the digest that the parent took."""
    global _model
    _code.update(code)
    torch.set_num_threads(threads)
    _model = _photos.mobilenet()


def run(job: Job) -> list[Record]:
    """The missing records of one photo, the reference first because the others are cut to it."""
    x = job.photo.load()
    pixels, found = job.pixels, []
    for method in job.methods:
        if method != DEFAULT and record_key(method, job.photo, job.seed, pixels) in job.known:
            continue
        if method == DEFAULT and pixels is not None:
            continue
        name, chosen = METHODS[method]
        peer = make_peer(name, _model, seed=job.seed, **chosen)
        start = time.perf_counter()
        saliency = peer.saliency(x, job.photo.label)
        seconds = time.perf_counter() - start
        if method == DEFAULT:
            pixels = int((saliency != 0).sum())
        assert pixels is not None
        measured = partial(_measure.scores, _model, x, target=job.photo.label, seed=job.seed)
        record = {
            "key": record_key(method, job.photo, job.seed, pixels),
            "method": method,
            "photo": job.photo.file,
            "seconds": seconds,
            "pixels": int((saliency != 0).sum()),
            **asdict(measured(saliency=saliency)),
        }
        if method not in OURS:
            shorter = measured(saliency=_measure.cut(saliency, pixels, job.seed))
            record |= {f"cut_{name}": value for name, value in asdict(shorter).items()}
        found.append(record)
    return found


def jobs(photos: list[_photos.Photo], methods: tuple[str, ...], seed: int, records: Records) -> Any:
    """One job for each photo with something missing."""
    for photo in photos:
        reference = record_key(DEFAULT, photo, seed, None)
        pixels = records[reference]["pixels"] if reference in records else None
        keys = [record_key(method, photo, seed, pixels) for method in methods]
        if not all(k in records for k in keys):
            yield Job(photo, methods, seed, pixels, records.keys())


def options(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=["report", "tuning"], default="report")
    parser.add_argument("--photos", type=int, default=120, help="correctly classified photos")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), help="default: all")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure what is missing, then print the table."""
    chosen = options(argv)
    if not _photos.available():
        return 0
    wanted = chosen.methods or list(METHODS)
    methods = (DEFAULT, *(m for m in METHODS if m in wanted and m != DEFAULT))
    photos = _photos.correct(_photos.mobilenet(), _photos.half_of(chosen.half), chosen.photos)
    records = Records(OUT / f"{chosen.half}.jsonl")
    missing = list(jobs(photos, methods, chosen.seed, records))
    console = Console(stderr=True)
    # Workers are spawned: a forked PyTorch can hang in its thread pool.
    with multiprocessing.get_context("spawn").Pool(
        chosen.workers, prepare_worker, (digests(),)
    ) as pool:
        done = pool.imap_unordered(run, missing) if missing else iter(())
        shown = track(
            done,
            description="photos",
            total=len(missing),
            console=console,
            disable=not (missing and console.is_terminal),
        )
        for found in shown:
            records.add(found)
    rows: dict[str, list[Record]] = {method: [] for method in methods}
    for photo in photos:
        pixels = records[record_key(DEFAULT, photo, chosen.seed, None)]["pixels"]
        for method in methods:
            rows[method].append(records[record_key(method, photo, chosen.seed, pixels)])
    name = "table.md" if chosen.half == "report" else "table-tuning.md"
    _quality_table.publish(rows, DEFAULT, chosen.half, OUT / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
