"""``interlock certify``: what each command takes. The runs are in the modules above."""

from __future__ import annotations

import typer

from interlock.cli.certify.commands.attack import attack
from interlock.cli.certify.commands.fit import fit
from interlock.cli.certify.commands.label import label
from interlock.cli.certify.commands.measure import measure
from interlock.cli.certify.commands.plan import plan
from interlock.cli.certify.commands.report import report

certify = typer.Typer(
    help="Learn how many copies and how much perturbation stop jailbreaks, and how sure that is.",
    no_args_is_help=True,
)
for _command in (attack, measure, fit, plan, report, label):
    certify.command()(_command)
