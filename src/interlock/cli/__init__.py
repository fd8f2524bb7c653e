"""The ``interlock`` command. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

from typing import Annotated

import typer

from interlock._allocation import keep_freed_memory
from interlock._version import __version__
from interlock.cli.audit.commands import audit as audit_command
from interlock.cli.audit.commands import demo as demo_command
from interlock.cli.certify.commands import certify as certify_command
from interlock.cli.config import Configured
from interlock.cli.defend.commands import app as defend_command
from interlock.cli.explain.commands import explain as explain_command
from interlock.cli.guard.commands import guard as guard_command
from interlock.cli.lab import lab as lab_command
from interlock.cli.models import models as models_command
from interlock.cli.root import Root
from interlock.cli.studio import studio as studio_command

app = typer.Typer(
    name="interlock",
    help="See which features of an input act together in a model's decision.",
    cls=Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interlock {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


app.command(cls=Configured)(explain_command)
app.command(cls=Configured)(audit_command)
app.command()(demo_command)
app.command("models")(models_command)
app.add_typer(defend_command, name="defend")
app.add_typer(certify_command, name="certify")
app.add_typer(guard_command, name="guard")
app.command("studio")(studio_command)
app.add_typer(lab_command, name="lab")


def main() -> None:
    """Entry point of the ``interlock`` command."""
    keep_freed_memory()
    app(prog_name="interlock")
