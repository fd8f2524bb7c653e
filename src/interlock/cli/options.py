"""Options that several commands take, and how a run gets what was given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

T = TypeVar("T")


def complete(names: Sequence[str]) -> Callable[[str], list[str]]:
    """What a shell offers for a value that may be one of these, or several with commas."""

    def offers(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names if name.startswith(last)]

    return offers


Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of images.")
]
Model = Annotated[
    str,
    typer.Option(
        help="'embedded', a transformers directory or hub id, or package.module:factory.",
        autocompletion=complete(("embedded",)),
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the results and index.html.")]
Device = Annotated[str | None, typer.Option(help="'cpu', 'cuda', 'cuda:1', 'mps'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
NoSeed = Annotated[
    int, typer.Option("--seed", min=0, help="Every command takes it; nothing is drawn here.")
]
NoDevice = Annotated[
    str | None, typer.Option("--device", help="Every command takes it; none is used here.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Only say what would be done and how long it takes, by a photo or two."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Do again what is finished.")]


def chosen(kind: Callable[..., T], given: Mapping[str, Any], **more: Any) -> T:
    """What a run takes, made of a command's parameters, each by the name of its field.

    Args:
        kind: a frozen dataclass, or whatever takes its fields by name.
        given: the parameters, as ``locals()`` has them at the command's beginning; where one is
            None, the field's default stands if it has one.
        more: fields that no parameter has the name of, or that are not taken as they are.
    """
    fields = inspect.signature(kind).parameters
    needed = {name for name, field in fields.items() if field.default is field.empty}
    values = {name: given[name] for name in needed & given.keys()}
    return kind(**values | taken(given, *fields) | more)


def taken(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the parameters that were given."""
    return {name: given[name] for name in names if given.get(name) is not None}
