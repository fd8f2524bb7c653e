"""Options of ``interlock defend``, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.options import complete
from interlock.names import Shape


def read_location(text: str) -> Any:
    """``random``, ``search`` or TOP,LEFT, as :class:`PatchAttack` takes it."""
    if text in ("random", "search"):
        return text
    parts = text.split(",")
    if len(parts) == 2 and all(part.strip().isdecimal() for part in parts):
        return int(parts[0]), int(parts[1])
    raise typer.BadParameter(f"{text!r} is none of random, search or TOP,LEFT in pixels")


def read_areas(text: str) -> list[float]:
    """Shares of the image with commas between them."""
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if not shares or not all(0 < share < 1 for share in shares):
        raise typer.BadParameter(f"{text!r}; give shares of the image like 0.01,0.02")
    return shares


def read_area(text: str | None) -> float | None:
    """One share of the image; None where none is given."""
    if text is None:
        return None
    shares = read_areas(text)
    if len(shares) > 1:
        raise typer.BadParameter(f"{text!r}; give one share of the image like 0.02")
    return shares[0]


def read_names(known: tuple[str, ...]) -> Callable[[list[str]], list[str]]:
    """Names that were repeated or have commas between them; ``all`` is all of them."""

    def read(given: list[str]) -> list[str]:
        parts = [name.strip() for text in given for name in text.split(",")]
        for name in parts:
            if name not in (*known, "all"):
                raise typer.BadParameter(f"{name!r} is none of {', '.join(known)} or all")
        return list(known) if "all" in parts else list(dict.fromkeys(parts))

    return read


Whole = Annotated[
    bool,
    typer.Option(
        "--whole", help="Squeeze whole photos to the input size; no crop. For hub models."
    ),
]
ShieldFile = Annotated[Path, typer.Option("--shield", help="A file that 'defend fit' wrote.")]
Outline = Annotated[Shape, typer.Option(help="Outline of the patch.")]
Where = Annotated[
    str,
    typer.Option(
        callback=read_location,
        autocompletion=complete(("random", "search")),
        help="'random', 'search' (the best of a few), or TOP,LEFT.",
    ),
]
Epsilon = Annotated[float, typer.Option(min=0.0, help="Radius of the L2 ball.")]
