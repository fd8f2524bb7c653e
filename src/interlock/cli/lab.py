"""``interlock lab``: studies. What is heavy is imported inside the commands."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.cli.options import AsJson, Device, NoDevice, NoSeed
from interlock.cli.session import KEPT, finish, session
from interlock.cli.terminal import Terminal, one_line, span, table
from interlock.names import EngineName

if TYPE_CHECKING:
    from interlock.lab.engines.engine import Engine
    from interlock.lab.results.tables import Table
    from interlock.lab.task import Setting

lab = typer.Typer(
    help="Run studies: many items, many methods, one machine or a Ray cluster.",
    no_args_is_help=True,
)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="What to run.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study that was run.")]


@lab.command()
def run(
    context: typer.Context,
    study: StudyFile,
    out: Annotated[Path, typer.Option(help="Folder for the results; a second run goes on.")],
    engine: Annotated[EngineName, typer.Option(help="Where to compute.")] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default: one for each core.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Of each process; part of what decides the last bits.")
    ] = 1,
    address: Annotated[
        str | None, typer.Option(help="A Ray cluster, such as 'auto' or HOST:6379.")
    ] = None,
    gpus: Annotated[
        float, typer.Option(min=0, help="Of each Ray worker; may be a fraction.")
    ] = 0.0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also what failed before.")
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the study's seeds.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is missing and how long it takes.")
    ] = False,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Run a study, or what is missing of it.

    Exits 1 when an item failed: the others are done, and 'lab status' says what went wrong.
    """
    with session(context) as terminal:
        from interlock.cli.choices import usable_device
        from interlock.lab.run import run_study

        setting, text = _setting(study, usable_device(device), seed)
        if dry_run:
            _forecast(setting, out, terminal)
            return
        worker = _engine(engine, workers, threads, address, gpus)
        with _stopping() as stop, terminal.steps(rate=True) as steps:
            totals = run_study(
                setting, out, worker, text=text, retry_failed=retry_failed, steps=steps, stop=stop,
                note=terminal.note,
            )  # fmt: skip
        terminal.say(
            f"{totals.items} items: {totals.computed} computed, {totals.reused} reused, "
            f"{totals.failed} failed"
        )
        if totals.failed and not totals.interrupted:
            terminal.complain(
                f"{totals.failed} of {totals.items} items failed; interlock lab status {out} says "
                "why"
            )
        interrupted = KEPT if totals.interrupted else ""
        value = totals.to_dict() | {"out": str(out)}
        finish(terminal, value, good=not totals.failed, interrupted=interrupted)


@lab.command()
def status(
    context: typer.Context,
    folder: Folder,
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """How far a study is, and what failed; also while it runs."""
    with session(context) as terminal:
        from interlock.lab.status import study_status

        progress = study_status(folder)
    terminal.say(
        f"{progress.items} items: {progress.finished} finished, {progress.failed} failed, "
        f"{progress.items - progress.finished - progress.failed} left"
    )
    for failure in progress.failures:
        terminal.say(f"{failure.count} × {one_line(failure.error)} (such as {failure.example})")
    terminal.result(progress.to_dict())


@lab.command()
def report(
    context: typer.Context,
    folder: Folder,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables as Markdown; write no page.")
    ] = False,
    summary: Annotated[
        Path | None, typer.Option(help="Also write the numbers behind the tables, as JSON.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Tables with intervals, differences and pictures, as one page DIR/index.html."""
    with session(context) as terminal:
        import json

        from interlock._files import write_atomically
        from interlock.lab.pages.report import write_report
        from interlock.lab.results.summary import summarise
        from interlock.lab.results.tables import markdown as as_markdown
        from interlock.lab.results.tables import tables

        numbers = summarise(folder, seed=seed)
        if summary is not None:
            write_atomically(summary, json.dumps(numbers.to_dict(), indent=1) + "\n")
        page = None if markdown else write_report(folder, seed=seed)
    shown = tables(numbers)
    terminal.say(as_markdown(shown) if markdown else "\n\n".join(map(_plain, shown)))
    if page is not None:
        terminal.say(f"report: {page}")
    terminal.result(numbers.to_dict() | {"report": None if page is None else str(page)})


@lab.command()
def compare(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="A method, or the folder of a study.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    study: Annotated[
        Path | None, typer.Option(help="Folder of the study, where A and B are its methods.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Paired differences B - A on the same data items, with intervals.

    Two methods of one study by their names and --study DIR, or two studies by their folders.
    """
    with session(context) as terminal:
        from interlock.errors import OptionError
        from interlock.lab.results.compare import compare_methods, compare_studies
        from interlock.lab.results.tables import comparison_table

        if study is not None:
            differences = compare_methods(study, a, b, seed=seed)
        elif Path(a).is_dir() and Path(b).is_dir():
            differences = compare_studies(Path(a), Path(b), seed=seed)
        else:
            missing = a if not Path(a).is_dir() else b
            raise OptionError(
                f"{missing}: no such folder; name two folders, or two methods and --study DIR"
            )
    terminal.say(_plain(comparison_table(differences, a, b)))
    terminal.result({"a": a, "b": b, "differences": [one.to_dict() for one in differences]})


@lab.command()
def show(
    context: typer.Context,
    folder: Folder,
    item: Annotated[str, typer.Argument(help="An item's name, or the beginning of it.")],
    out: Annotated[Path | None, typer.Option(help="PNG file; default: DIR/shown/ITEM.png.")] = None,
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """The picture behind a number: a map, a patched photo, the copies of a vote."""
    with session(context) as terminal:
        from interlock._files import make_folder, write_atomically
        from interlock.lab.pages.show import show as drawn

        drawing = drawn(folder, item)
        path = out or folder / "shown" / f"{drawing.item[:16]}.png"
        if drawing.png:
            make_folder(path.parent)
            write_atomically(path, drawing.png)
    values = ", ".join(
        f"{name} {value:.4g}" for name, value in drawing.values.items() if value is not None
    )
    where = ", ".join(filter(None, (drawing.data, drawing.condition, drawing.method)))
    terminal.say(f"{where}: {drawing.error or values or 'not finished, or left out'}")
    if drawing.png:
        terminal.say(f"picture: {path}")
    terminal.result(drawing.to_dict() | {"png": str(path) if drawing.png else None})


def _forecast(setting: Setting, out: Path, terminal: Terminal) -> None:
    from interlock.lab.forecast import forecast

    with terminal.steps(rate=True) as steps:
        tell = steps("reading the data") or (lambda done, total: None)
        seen = forecast(setting, out, tell=tell)
    line = f"{seen.items} items: {seen.left} to do"
    if seen.preparations:
        line += f" after {seen.preparations} preparations"
    took = "" if seen.seconds is None else f", about {span(seen.seconds)} of one process"
    terminal.say(f"{line}{took}; nothing is written")
    terminal.result({"dry_run": True} | asdict(seen))


def _plain(one: Table) -> str:
    return "\n".join([one.title, *table([one.header, *one.rows])])


def _setting(path: Path, device: str, seed: int | None) -> tuple[Setting, str]:
    from interlock.lab.study import read_study
    from interlock.lab.task import Setting

    study = read_study(path)
    if seed is not None:
        study = study.model_copy(update={"seeds": (seed,)})
    base = path.resolve().parent
    return Setting(study, path.name, base, device), path.read_text("utf-8-sig")


def _engine(
    choice: EngineName, workers: int | None, threads: int, address: str | None, gpus: float
) -> Engine:
    if choice == "ray":
        from interlock.lab.engines.ray import RayEngine

        return RayEngine(workers, threads=threads, address=address, gpus=gpus)
    if address is not None or gpus:
        raise typer.BadParameter("only --engine ray takes --address and --gpus")
    from interlock.lab.engines.local import LocalEngine

    return LocalEngine(workers, threads=threads)


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM asks the run to stop, the second one stops it."""
    asked: list[int] = []
    before: dict[int, Any] = {}

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        for which, old in before.items():
            signal.signal(which, old)

    for caught in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(caught) is not signal.SIG_IGN:
            before[caught] = signal.signal(caught, ask)
    try:
        yield lambda: bool(asked)
    finally:
        for which, old in before.items():
            signal.signal(which, old)
