"""``interlock models``: what ``--model`` and ``--target`` can name on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.options import AsJson, NoDevice, NoSeed
from interlock.cli.session import finish, session
from interlock.cli.terminal import one_line, table


def models(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Looked into, to a depth of four.", show_default="this folder")
    ] = Path(),
    seed: NoSeed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """List the models that can be named: embedded, in folders, of recipes, in the hub's cache."""
    with session(context) as terminal:
        from interlock.errors import DataError
        from interlock.models.available import available_models

        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
        models = available_models(folder.resolve())
        rows = [("model", "is a", "for", "from", "MB")]
        for one in models:
            fix = f"run {one.made_by}" if one.made_by else f"lacks {', '.join(one.missing)}"
            use = ", ".join(one.verbs) or f"nothing: {fix}"
            rows.append((one_line(one.name), one.use, use, one.origin, f"{one.size / 1e6:.1f}"))
        for line in table(rows):
            terminal.say(line)
        finish(terminal, {"models": [asdict(one) | {"verbs": list(one.verbs)} for one in models]})
