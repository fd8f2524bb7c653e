"""``interlock explain``: which pixels act together in a classifier's decision."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.config import Config
from interlock.cli.options import (
    AsJson,
    Device,
    DryRun,
    Force,
    Images,
    Model,
    Out,
    Seed,
    chosen,
    taken,
)
from interlock.cli.session import session
from interlock.names import PriorName


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
    context: typer.Context,
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
        str | None,
        typer.Option(help="'blur', or a number for every feature.", callback=_baseline),
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="The published settings.")] = False,
    compare: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A second model, on the same photos, side by side."),
    ] = None,
    dry_run: DryRun = False,
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Show which pixels act together in an image classifier's decision.

    Writes STEM.png, STEM.json and STEM.npz for each image, and one index.html, which begins with
    what carries each class that several photos share. --compare writes those of the other model
    into OUT/other.
    """
    given = locals()
    with session(context) as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.explain.explainer import Request
        from interlock.cli.explain.run import explain

        options = taken(given, "prior", "sets", "size", "steps", "baseline", "seed")
        request = chosen(Request, given, options=options)
        explain(chosen(Setup, given), request, images, terminal, compare=compare, dry_run=dry_run)
