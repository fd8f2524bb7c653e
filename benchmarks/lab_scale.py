"""What the lab itself costs: items a second, overhead an item, memory, time to resume.

    python benchmarks/lab_scale.py                    # all of it, some minutes
    python benchmarks/lab_scale.py --items 1000 --resume 5000 --no-ray

The items are 8 x 8 pictures and a method that does nothing: what is measured is the lab. With
``--costs DIR``, the folder of a study of real methods (``benchmarks/studies/cost.toml``), it also
prints what 50,000 images cost with each.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

import _lab_cheap
from _tables import markdown, publish
from interlock.data import read_image
from interlock.explain import gini
from interlock.lab.engines.engine import Engine
from interlock.lab.engines.local import LocalEngine
from interlock.lab.engines.ray import RayEngine
from interlock.lab.plan import Totals
from interlock.lab.results.summary import summarise
from interlock.lab.run import run_study
from interlock.lab.study import read_study
from interlock.lab.task import Setting

OUT = Path(__file__).parent.parent / "build" / "lab_scale"
IMAGENET = 50_000
WORKERS = (1, 8, 64)


@dataclass
class Watch:
    """Told the progress of a run; remembers when, and how much memory there was."""

    started: float = field(default_factory=time.perf_counter)
    first: float = 0.0
    """When the first job was done."""
    last: float = 0.0
    jobs: int = 0
    memory: list[tuple[int, float, float]] = field(default_factory=list)
    """(jobs done, MiB of this process, MiB of the largest child)."""
    every: int = 2000

    def __call__(self, name: str) -> Callable[[int, int], None] | None:
        return self.tell if name == "running" else None

    def tell(self, done: int, total: int) -> None:
        self.last, self.jobs = time.perf_counter(), done
        if done == 1:
            self.first = self.last
        if done % self.every == 0:
            self.memory.append((done, resident("self"), max(map(resident, children()), default=0)))

    @property
    def rate(self) -> float:
        """Items a second once the workers are there."""
        return (self.jobs - 1) / (self.last - self.first) if self.jobs > 1 else float("nan")


def resident(process: str) -> float:
    """MiB of a process that lie in memory now; 0 where /proc does not tell."""
    status = Path(f"/proc/{process}/status")
    try:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) / 1024
    except (OSError, KeyError, ValueError):
        return 0.0


def children() -> list[str]:
    """Processes that this one started."""
    path = Path("/proc/self/task")
    found = [task / "children" for task in path.iterdir()] if path.exists() else []
    return [pid for file in found if file.exists() for pid in file.read_text().split()]


def plain(pictures: list[Path]) -> float:
    """Seconds an item in a loop without the lab, on one thread."""
    torch.set_num_threads(1)
    model = _lab_cheap.model()
    method = _lab_cheap.pixels(model)
    start = time.perf_counter()
    for path in pictures:
        x = _lab_cheap.Mean.preprocess(read_image(path))
        with torch.no_grad():
            target = int(model(x[None]).argmax())
        gini(method(x, target))
    return (time.perf_counter() - start) / len(pictures)


def run(study: Path, out: Path, engine: Engine) -> tuple[Totals, Watch, float]:
    """Run a study; what it did, what was watched, and seconds in all."""
    watch, start = Watch(), time.perf_counter()
    setting = Setting(read_study(study), study.name, study.parent)
    text = study.read_text()
    totals = run_study(setting, out, engine, text=text, steps=watch)
    return totals, watch, time.perf_counter() - start


def speed(items: int, *, ray: bool, loop: float) -> list[list[str]]:
    """A row for each engine and number of workers."""
    study = _lab_cheap.write_study(OUT / "speed.toml", items, 1)
    engines: list[Engine] = [LocalEngine(1), LocalEngine(2)]
    engines += [RayEngine(1), RayEngine(2)] if ray else []
    rows = []
    for engine in engines:
        out = OUT / f"speed-{engine.name}-{engine.workers}"  # type: ignore[attr-defined]
        shutil.rmtree(out, ignore_errors=True)
        totals, watch, _ = run(study, out, engine)
        assert (totals.computed, totals.failed) == (items, 0), totals
        workers = engine.workers  # type: ignore[attr-defined]
        per_item = workers / watch.rate
        rows.append(
            [
                f"{engine.name}, {workers} worker{'s' if workers > 1 else ''}",
                f"{watch.rate:,.0f}",
                f"{1e3 * (per_item - loop):.2f}",
                f"{watch.first - watch.started:.1f}",
            ]
        )
    return rows


def flat(items: int) -> list[list[str]]:
    """Memory along a run, artefacts kept."""
    study = _lab_cheap.write_study(OUT / "memory.toml", items, 1, artefacts=True)
    out = OUT / "memory"
    shutil.rmtree(out, ignore_errors=True)
    _, watch, _ = run(study, out, LocalEngine(2))
    shutil.rmtree(out)
    return [[f"{done:,}", f"{mine:.0f}", f"{child:.0f}"] for done, mine, child in watch.memory]


def resume(items: int, pictures: int) -> list[list[str]]:
    """Seconds to find out that nothing is left of a finished study."""
    study = _lab_cheap.write_study(OUT / "resume.toml", pictures, items // pictures)
    out, engine = OUT / "resume", LocalEngine(2)
    run(study, out, engine)  # what is there from an earlier benchmark is taken up
    totals, _, again = run(study, out, engine)
    assert (totals.computed, totals.reused) == (0, totals.items), totals
    return [[f"{totals.items:,}", f"{again:.1f}"]]


def costs(folders: Sequence[Path]) -> list[list[str]]:
    """Hours that ImageNet's validation images take with each method, by measured seconds."""
    seconds: dict[str, float] = {}
    for line in (line for folder in folders for line in summarise(folder).lines):
        if line.condition.startswith("clean") and line.metric == "right":
            seconds.setdefault(line.method, line.seconds or 0.0)
        elif not line.condition:
            before = seconds.get(line.method, line.seconds or 0.0)
            seconds[line.method] = before + (line.metric_seconds or 0.0)
    return [
        [method, f"{each:.2f}", *(f"{each * IMAGENET / w / 3600:,.1f}" for w in WORKERS)]
        for method, each in seconds.items()
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000, help="of the runs that are timed")
    parser.add_argument("--resume", type=int, default=100_000, help="items of the study resumed")
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument(
        "--costs", type=Path, nargs="+", help="only this: what methods of finished studies cost"
    )
    chosen = parser.parse_args(argv)
    if chosen.costs:
        head = ["method", "s an image", *(f"h on {w}" for w in WORKERS)]
        publish(markdown(head, costs(chosen.costs)), OUT / "costs.md")
        return 0
    pictures = max(chosen.items, chosen.resume // 10)
    _lab_cheap.write_pictures(OUT / "pictures", pictures)
    files = sorted((OUT / "pictures").iterdir())[: chosen.items]
    loop = plain(files)
    parts = [
        f"Items of {_lab_cheap.SIDE} x {_lab_cheap.SIDE} pixels and a method that does nothing. A "
        f"plain loop takes {1e3 * loop:.2f} ms an item ({1 / loop:,.0f} items/s).",
        markdown(
            ["", "items/s", "overhead, ms an item and worker", "s to the first item"],
            speed(chosen.items, ray=not chosen.no_ray, loop=loop),
        ),
        markdown(["items done", "MiB, parent", "MiB, largest worker"], flat(chosen.items)),
        markdown(
            ["items of a finished study", "s to resume"],
            resume(chosen.resume, chosen.resume // 10),
        ),
    ]
    publish("\n\n".join(parts), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
