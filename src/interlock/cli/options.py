"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of images.")
]
Model = Annotated[
    str,
    typer.Option(help="'embedded', a transformers directory or hub id, or package.module:factory."),
]
Out = Annotated[Path, typer.Option(help="Folder for the results and index.html.")]
Device = Annotated[str | None, typer.Option(help="'cpu', 'cuda', 'cuda:1', 'mps'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same sets.")]
Force = Annotated[bool, typer.Option("--force", help="Explain again what is finished.")]
