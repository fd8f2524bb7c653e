"""The ``interlock`` command. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock._cli_certify import certify
from interlock._cli_defend.commands import app as defend
from interlock._cli_guard import guard
from interlock._cli_lab import lab
from interlock._cli_options import AsJson, Device, Images, Model, Out
from interlock._cli_terminal import INTERRUPTED, Terminal
from interlock._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interlock._cli_explain import Request, Story
    from interlock._cli_inputs import Failure, Source

app = typer.Typer(
    name="interlock",
    help="See which features of an input act together in a model's decision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(defend, name="defend")
app.add_typer(certify, name="certify")
app.add_typer(guard, name="guard")
app.add_typer(lab, name="lab")

# Photos inside the scikit-image package, with subjects that the embedded classifier knows, and
# where to cut them: its training photos show one object that fills the picture.
DEMO_PHOTOS = {
    "motorcycle_left.png": None,
    "coffee.png": (130, 40, 470, 330),
    "astronaut.png": (100, 0, 360, 220),
}


class PriorChoice(StrEnum):
    """The names of ``interlock.explain.PriorName``, which is too heavy to import for ``--help``."""

    slic = "slic"
    felzenszwalb = "felzenszwalb"
    quickshift = "quickshift"
    grid = "grid"
    none = "none"
    sam = "sam"


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interlock {__version__}")
        raise typer.Exit


def _baseline(text: str | None) -> str | float | None:
    """``blur`` or a finite number, as :class:`HSets` takes it."""
    if text is None or text == "blur":
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{text!r} is neither 'blur' nor a number")
    return number


Seed = Annotated[int, typer.Option(help="The same seed gives the same sets.")]
Force = Annotated[bool, typer.Option("--force", help="Explain again what is finished.")]


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command()
def explain(
    images: Images,
    model: Model = "embedded",
    out: Out = Path("interlock-explain"),
    target: Annotated[
        str | None, typer.Option(help="Class to explain, by label or number; else the answer.")
    ] = None,
    prior: Annotated[PriorChoice | None, typer.Option(help="Spatial prior.")] = None,
    sets: Annotated[int | None, typer.Option(min=1, help="Most sets to report.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Most features in a set.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Points on the path.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="'blur', or a number for every feature.")
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="The published settings.")] = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Show which pixels act together in an image classifier's decision.

    Writes STEM.png, STEM.json and STEM.npz for each image, and one index.html.
    """
    given: dict[str, Any] = {
        "prior": None if prior is None else prior.value,
        "sets": sets,
        "size": size,
        "steps": steps,
        "baseline": _baseline(baseline),
        "seed": seed,
    }
    terminal = Terminal(as_json)
    with terminal.session():
        from interlock._cli_explain import Request
        from interlock._cli_inputs import gather

        options = {name: value for name, value in given.items() if value is not None}
        request = Request(model, out, target, paper, options, device, force)
        _explain(request, *gather(images), terminal)


@app.command()
def demo(
    out: Out = Path("interlock-demo"),
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Explain, patch and shield three photos, and certify a chat model; needs no network."""
    terminal = Terminal(as_json)
    with terminal.session():
        from interlock._cli_demo import patch_story
        from interlock._cli_demo_certify import certify_story
        from interlock._cli_explain import Request
        from interlock._cli_inputs import gather

        request = Request("embedded", out, options={"seed": seed}, device=device, force=force)
        photos = _demo_photos(out / "photos")
        _explain(
            request,
            *gather(photos),
            terminal,
            [
                lambda: patch_story(photos, out / "defend", seed, device, terminal),
                lambda: certify_story(out / "certify", seed, device, force, terminal),
            ],
        )


def _demo_photos(folder: Path) -> list[Path]:
    """Cut the photos out of the installed package, into ``folder``."""
    from importlib.resources import files
    from io import BytesIO

    from PIL import Image

    from interlock._atomic import make_folder, write_atomically

    make_folder(folder)
    for name, box in DEMO_PHOTOS.items():
        buffer = BytesIO()
        with Image.open(BytesIO(files("skimage.data").joinpath(name).read_bytes())) as photo:
            photo.convert("RGB").crop(box).save(buffer, "PNG")
        write_atomically(folder / name, buffer.getvalue())
    return [folder / name for name in DEMO_PHOTOS]


def _explain(
    request: Request,
    sources: list[Source],
    failures: list[Failure],
    terminal: Terminal,
    more: Sequence[Callable[[], Story]] = (),
) -> None:
    from interlock._cli_explain import run

    outcome = run(request, sources, failures, terminal, more)
    if outcome.report is not None:
        terminal.say(f"report: {outcome.report}")
    terminal.result(outcome.to_dict())
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.failures:
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the ``interlock`` command."""
    app()


if __name__ == "__main__":
    main()
