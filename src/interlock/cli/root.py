"""The command itself: completion for a shell that is named, not only for the one around it."""

from __future__ import annotations

import typer
from typer import completion
from typer.core import TyperGroup

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


class Root(TyperGroup):
    """``interlock``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override, unused-ignore]
        """Typer's own options tell the shell by the processes around; a word after them counts."""
        if len(args) > 1 and args[0] in ("--show-completion", "--install-completion"):
            option, shell = args[:2]
            if shell not in SHELLS:
                raise typer.BadParameter(f"{option} {shell}: give {', '.join(SHELLS)}", ctx=ctx)
            of = {"prog_name": "interlock", "complete_var": "_INTERLOCK_COMPLETE", "shell": shell}
            if option == "--show-completion":
                typer.echo(completion.get_completion_script(**of))  # type: ignore[attr-defined]
            else:
                _, path = completion.install(**of)  # type: ignore[attr-defined]
                typer.echo(f"{shell} completion is in {path}; start a new shell")
            raise typer.Exit
        return super().parse_args(ctx, args)
