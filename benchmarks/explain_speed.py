"""How fast is H-Sets, and what does its time go to?

    python benchmarks/explain_speed.py            # or: make bench-explain
    python benchmarks/explain_speed.py --quick    # fewer repeats and points

Wall time against Captum's Integrated Gradients with 50 steps on 224 px, repeats interleaved so that
both meet the same machine; extra peak memory; seconds per stage; growth with each size. The report
is printed and kept in ``build/explain_speed/table.md``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

import _lite
import _photos
import _tables
from _memory import peak_kilobytes
from interlock import HSets
from interlock.explain.priors import slic

OUT = _photos.ROOT / "build" / "explain_speed"
SIDE = 224
IG_STEPS = 50
SCALING: dict[str, tuple[int, ...]] = {
    "regions": (25, 50, 100, 200, 400),
    "|S| (sets)": (1, 2, 5, 10),
    "m (steps)": (10, 25, 50, 100),
    "image side": (128, 224, 320, 512),
    "batch": (1, 2, 4, 8),
}
QUICK = 2  # points of each scaling with --quick: the smallest and one more


def classifier(name: str) -> nn.Module:
    """``"mobilenet"`` from ``../shared``, ``"lite0"`` of its recipe, or the package's own."""
    if name == "mobilenet":
        return _photos.mobilenet()
    if name == "lite0":
        return _lite.lite0().model
    from interlock.models import load_classifier

    return load_classifier("embedded").model


def photo(side: int = SIDE, count: int = 1) -> Tensor:
    """(count, 3, side, side) in [-1, 1]: the astronaut of skimage, mirrored every other time."""
    from skimage import data
    from skimage.transform import resize

    image = resize(data.astronaut(), (side, side), anti_aliasing=True) * 2 - 1
    x = torch.from_numpy(image).float().permute(2, 0, 1)
    return torch.stack([x.flip(2) if n % 2 else x for n in range(count)])


def integrated_gradients(model: nn.Module, x: Tensor, batch: int | None) -> None:
    """Captum's IG, zero baseline; ``batch`` None is Captum's default, all steps at once."""
    from captum.attr import IntegratedGradients

    target = int(model(x).argmax())
    IntegratedGradients(model).attribute(
        x, target=target, n_steps=IG_STEPS, internal_batch_size=batch
    )


def explain(model: nn.Module, x: Tensor, **options: Any) -> Mapping[str, float]:
    """H-Sets from scratch, its prior included; seconds per stage of the last image."""
    return HSets(model, **options).explain(x)[-1].seconds  # type: ignore[no-any-return]


def interleaved(
    tasks: Mapping[str, Callable[[], Any]],
    repeats: int,
    tick: Callable[[], None],
    warm_up: int = 1,
) -> tuple[dict[str, list[float]], dict[str, list[Any]]]:
    """Seconds and results of every task, turn by turn, after turns that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    results: dict[str, list[Any]] = {name: [] for name in tasks}
    for turn in range(repeats + warm_up):
        for name, task in tasks.items():
            start = time.perf_counter()
            result = task()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - start)
                results[name].append(result)
            tick()
    return seconds, results


def probe(name: str, what: str, threads: int) -> None:
    """Print the peak of this fresh process after one forward pass, or after H-Sets too."""
    torch.set_num_threads(threads)
    model, x = classifier(name), photo()
    with torch.no_grad():
        model(x)
    if what == "h-sets":
        explain(model, x)
    elif what == "ig":
        integrated_gradients(model, x, None)
    print(peak_kilobytes())


def extra_memory(name: str, threads: int) -> list[float]:
    """GB that H-Sets and IG take beyond loading the model and one forward pass."""
    peaks = []
    for what in ("forward", "h-sets", "ig"):
        command = [sys.executable, __file__, "--probe", name, what, "--threads", str(threads)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout.split()[-1]))
    return [(peak - peaks[0]) * 1024 / 1e9 for peak in peaks[1:]]


def headline(
    name: str, repeats: int, threads: int, tick: Callable[[], None]
) -> tuple[list[str], Mapping[str, float]]:
    """One row of the first table, and the median seconds of each stage."""
    model, x = classifier(name), photo()
    tasks: dict[str, Callable[[], Any]] = {
        "h-sets": lambda: explain(model, x),
        "ig": lambda: integrated_gradients(model, x, None),
        "ig by 10": lambda: integrated_gradients(model, x, 10),
    }
    seconds, results = interleaved(tasks, repeats, tick)
    ours, all_at_once, by_ten = (statistics.median(seconds[task]) for task in tasks)
    cells = [f"{ours:.2f}", f"{all_at_once:.2f}", f"{by_ten:.2f}"]
    cells += [f"{ours / all_at_once:.2f}", f"{ours / min(all_at_once, by_ten):.2f}"]
    cells += [f"{extra:.2f}" for extra in extra_memory(name, threads)]
    stages = results["h-sets"]
    return [name, *cells], {s: statistics.median(r[s] for r in stages) for s in stages[0]}


def scaling(
    model: nn.Module, points: Mapping[str, Sequence[int]], repeats: int, tick: Callable[[], None]
) -> list[list[str]]:
    """One row for each quantity that grows: ``value: seconds`` from the smallest to the largest."""
    rows = []
    for quantity, values in points.items():
        tasks = {str(v): _task(model, quantity, v) for v in values}
        seconds, _ = interleaved(tasks, repeats, tick, warm_up=0)
        cells = [f"{v}: {statistics.median(taken):.2f}" for v, taken in seconds.items()]
        rows.append([quantity, " · ".join(cells)])
    return rows


def _task(model: nn.Module, quantity: str, value: int) -> Callable[[], Any]:
    options: dict[str, Any] = {}
    x = photo(value) if quantity == "image side" else photo()
    if quantity == "batch":
        x = photo(count=value)
    elif quantity == "regions":
        options["prior"] = partial(slic, regions=value)
    elif "(" in quantity:
        options[quantity.split("(")[1].rstrip(")")] = value
    return lambda: explain(model, x, **options)


def report(
    heads: list[list[str]],
    stages: Mapping[str, Mapping[str, float]],
    growth: list[list[str]],
    title: str,
) -> str:
    """Everything in Markdown."""
    first = ["classifier", "H-Sets, s", "IG, s", "IG by 10, s", "÷ IG", "÷ faster IG"]
    first += ["H-Sets, extra GB", "IG, extra GB"]
    names = list(next(iter(stages.values())))
    seconds = [[name, *(f"{found[s]:.3f}" for s in names)] for name, found in stages.items()]
    return "\n\n".join(
        (
            title,
            _tables.markdown(first, heads),
            "IG: Captum, 50 steps, zero baseline, all steps in one batch as Captum does by "
            "default; by 10: `internal_batch_size=10`. Extra: peak resident memory beyond loading "
            "the model and one forward pass, in fresh processes.",
            "Seconds per stage:",
            _tables.markdown(["classifier", *names], seconds),
            f"Seconds as one quantity grows, the others at their defaults ({heads[0][0]}):",
            _tables.markdown(["quantity", "value: seconds"], growth),
        )
    )


def options(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="of the comparison with IG")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="2 repeats, 2 points of each scaling")
    parser.add_argument("--probe", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    chosen = options(argv)
    if chosen.probe:
        probe(*chosen.probe, threads=chosen.threads)
        return 0
    torch.set_num_threads(chosen.threads)
    repeats = 2 if chosen.quick else chosen.repeats
    points = {q: v[:QUICK] if chosen.quick else v for q, v in SCALING.items()}
    fetched = ["lite0"] if _lite.PACKAGES.is_dir() else []
    names = ["mobilenet", *fetched, "embedded"] if _photos.available() else ["embedded"]
    turns = len(names) * 3 * (repeats + 1)
    points_repeats = 1 if chosen.quick else min(3, repeats)
    turns += sum(map(len, points.values())) * points_repeats
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("timing", total=turns)
        heads, stages = [], {}
        for name in names:
            row, stages[name] = headline(
                name, repeats, chosen.threads, lambda: progress.advance(bar)
            )
            heads.append(row)
        growth = scaling(
            classifier(names[0]), points, points_repeats, lambda: progress.advance(bar)
        )
    title = (
        f"{SIDE} px, {chosen.threads} threads, torch {torch.__version__}, medians of {repeats} "
        f"interleaved repeats (scaling: {points_repeats})."
    )
    _tables.publish(report(heads, stages, growth, title), OUT / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
