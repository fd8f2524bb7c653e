"""``interlock certify fit``: what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.certify.commands.given import KEPT
from interlock.cli.certify.options import (
    FOLDER,
    Epsilon,
)
from interlock.cli.options import AsJson, NoDevice, Seed
from interlock.cli.session import finish, session


def fit(
    context: typer.Context,
    counts: Annotated[
        Path, typer.Argument(help="What 'measure' wrote, or JSON with k, successes, trials.")
    ] = FOLDER / "counts.json",
    epsilon: Epsilon = 0.05,
    out: Annotated[
        Path | None, typer.Option(help="Folder for curves.json and asr.png; that of the counts.")
    ] = None,
    seed: Seed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Fit ASR(k) = a exp(-b k) + c to counts, with intervals; writes curves.json and asr.png."""

    with session(context, KEPT) as terminal:
        from interlock.cli.certify.curves import fit as fitted

        finish(terminal, fitted(counts, out or counts.parent, epsilon, seed, terminal))
