"""``interlock certify plan``: what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.certify.commands.given import KEPT, named_defence
from interlock.cli.certify.options import (
    Dsp,
    Epsilon,
    KeepFailed,
    Kinds,
    MaxCopies,
    OneDefence,
)
from interlock.cli.options import AsJson, NoDevice, NoSeed, chosen
from interlock.cli.session import finish, session


def plan(
    context: typer.Context,
    attacks: Annotated[
        Path | None,
        typer.Option(help="Attacks whose lengths count: a file as for 'report', or 'embedded'."),
    ] = None,
    keep_failed: KeepFailed = False,
    curves: Annotated[
        Path | None, typer.Option(help="What 'fit' wrote; the published curves when absent.")
    ] = None,
    kinds: Kinds = "swap,patch,insert",
    dsp: Dsp = 0.95,
    epsilon: Epsilon = 0.05,
    max_copies: MaxCopies = 25,
    defence: OneDefence = None,
    confidence: Annotated[
        float, typer.Option(help="Of the bound, for a --defence other than smooth.")
    ] = 0.95,
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Find the fewest copies, then the least q, that reach a DSP, for each attack family.

    Exits 1 where no family has a plan, and says what would make one possible. With --defence
    smooth:... the plan is for its perturbation and q, with at most its copies; with another defence
    it says how many groups of attacks a bound of --dsp needs.
    """
    given = locals()
    with session(context, KEPT) as terminal:
        from interlock.cli.certify import decisions
        from interlock.cli.certify.curves import plan_copies

        named, smooth = named_defence(context, defence)
        if named is not None and smooth is None:
            value, planned = chosen(decisions.plan, given, defence=named, terminal=terminal)
        else:
            if named is not None and smooth is not None:
                given |= {"kinds": (smooth.kind,), "max_copies": named.copies}
                given["rates"] = (smooth.rate,)
            value, planned = chosen(plan_copies, given, terminal=terminal)
        if not planned:
            terminal.complain(f"no plan reaches DSP {dsp:g} for any family and perturbation")
        finish(terminal, value, good=planned)
