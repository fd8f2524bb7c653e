"""``interlock studio``: a page on this machine to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.guard.commands import needed
from interlock.cli.options import AsJson, Device, Model, Seed, chosen
from interlock.cli.session import session


def studio(
    context: typer.Context,
    model: Model = "embedded",
    target: Annotated[
        str,
        typer.Option(help="Chat model: 'embedded', a transformers directory, or http(s)://…/v1."),
    ] = "embedded",
    target_model: Annotated[
        str | None, typer.Option(help="The model's name where --target is an address.")
    ] = None,
    shield: Annotated[
        Path | None,
        typer.Option(help="Of 'interlock defend fit', for --model; else one is fitted."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any.")] = 8090,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Serve a page on this machine: explain a photo, paste a patch, put a prompt to the vote.

    Runs until it is stopped. With --json the one object says where it listens.
    """
    given = locals()
    with session(context) as terminal:
        needed("studio")
        from interlock.cli.choices import model_at_work, usable_device
        from interlock.studio.run import serve
        from interlock.studio.studio import Given

        def ready(url: str) -> None:
            terminal.say(f"studio: {url}/  (Ctrl-C ends it)")
            terminal.result({"url": url, "model": model, "target": target})

        begin = chosen(Given, given, device=usable_device(device))
        with model_at_work():
            serve(begin, port, ready)
