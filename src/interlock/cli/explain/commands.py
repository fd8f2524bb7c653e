"""``interlock explain``: which pixels act together in a classifier's decision."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.cli.options import AsJson, Device, Force, Images, Model, Out, Seed
from interlock.cli.terminal import INTERRUPTED, Terminal
from interlock.names import PriorName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interlock.cli.explain.run import Request, Story
    from interlock.cli.inputs import Failure, Source


def _baseline(text: str | None) -> str | float | None:
    """``blur`` or a finite number, as :class:`HSets` takes it."""
    if text is None or text == "blur":
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{text!r} is neither 'blur' nor a number")
    return number


def explain(
    images: Images,
    model: Model = "embedded",
    out: Out = Path("interlock-explain"),
    target: Annotated[
        str | None, typer.Option(help="Class to explain, by label or number; else the answer.")
    ] = None,
    prior: Annotated[PriorName | None, typer.Option(help="Spatial prior.")] = None,
    sets: Annotated[int | None, typer.Option(min=1, help="Most sets to report.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Most features in a set.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Points on the path.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="'blur', or a number for every feature.")
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="The published settings.")] = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Show which pixels act together in an image classifier's decision.

    Writes STEM.png, STEM.json and STEM.npz for each image, and one index.html.
    """
    given: dict[str, Any] = {
        "prior": prior,
        "sets": sets,
        "size": size,
        "steps": steps,
        "baseline": _baseline(baseline),
        "seed": seed,
    }
    terminal = Terminal(as_json)
    with terminal.session():
        from interlock.cli.explain.run import Request
        from interlock.cli.inputs import gather

        options = {name: value for name, value in given.items() if value is not None}
        request = Request(model, out, target, paper, options, device, force)
        explain_all(request, *gather(images), terminal)


def explain_all(
    request: Request,
    sources: list[Source],
    failures: list[Failure],
    terminal: Terminal,
    more: Sequence[Callable[[], Story]] = (),
) -> None:
    """Explain what was gathered, and say what came of it."""
    from interlock.cli.explain.run import run

    outcome = run(request, sources, failures, terminal, more)
    if outcome.report is not None:
        terminal.say(f"report: {outcome.report}")
    terminal.result(outcome.to_dict())
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.failures:
        raise typer.Exit(1)
