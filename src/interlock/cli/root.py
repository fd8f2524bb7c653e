"""The command itself: completion for a named shell, and ``--json`` where the usage is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer import completion
from typer.core import TyperGroup

from interlock.cli.terminal import Terminal, one_line

UsageError: Any = typer.BadParameter.__bases__[0]
"""Of click, whether it is a package of its own or a part of typer."""
_AS_JSON = "interlock.as_json"
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
        ctx.meta[_AS_JSON] = "--json" in args
        with _an_object_too(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override, unused-ignore]
        """The commands parse their own options."""
        with _an_object_too(ctx):
            return super().invoke(ctx)


@contextmanager
def _an_object_too(ctx: typer.Context) -> Iterator[None]:
    """Where ``--json`` is among words that cannot be parsed, stdout gets its one object, too."""
    try:
        yield
    except UsageError as error:
        if ctx.meta[_AS_JSON]:
            Terminal(as_json=True).result({"error": one_line(error.format_message())})
        raise
