"""The ``interlock`` command. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock._cli_certify import certify
from interlock._cli_guard import guard
from interlock._cli_terminal import INTERRUPTED, Terminal
from interlock._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interlock._cli_defend import Outcome as Defended
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

defend = typer.Typer(
    help="Fit, attack, apply and measure a shield against adversarial patches.",
    no_args_is_help=True,
)
app.add_typer(defend, name="defend")
app.add_typer(certify, name="certify")
app.add_typer(guard, name="guard")

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


class ShapeChoice(StrEnum):
    """The names of ``interlock.defend.regions.Shape``."""

    square = "square"
    rectangle = "rectangle"
    disc = "disc"


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


def _location(text: str) -> Any:
    """``random``, ``search`` or TOP,LEFT, as :class:`PatchAttack` takes it."""
    if text in ("random", "search"):
        return text
    parts = text.split(",")
    if len(parts) == 2 and all(part.strip().isdecimal() for part in parts):
        return int(parts[0]), int(parts[1])
    raise typer.BadParameter(f"{text!r} is none of random, search or TOP,LEFT in pixels")


def _areas(text: str) -> list[float]:
    """Shares of the image with commas between them."""
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if not shares or not all(0 < share < 1 for share in shares):
        raise typer.BadParameter(f"{text!r}; give shares of the image like 0.01,0.02")
    return shares


def _area(text: str) -> float:
    shares = _areas(text)
    if len(shares) > 1:
        raise typer.BadParameter(f"{text!r}; give one share of the image like 0.02")
    return shares[0]


Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of images.")
]
Model = Annotated[
    str,
    typer.Option(help="'embedded', a transformers directory or hub id, or package.module:factory."),
]
Out = Annotated[Path, typer.Option(help="Folder for the results and index.html.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same sets.")]
Device = Annotated[str | None, typer.Option(help="'cpu', 'cuda', 'cuda:1', 'mps'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Force = Annotated[bool, typer.Option("--force", help="Explain again what is finished.")]
Whole = Annotated[
    bool,
    typer.Option(
        "--whole", help="Squeeze whole photos to the input size; no crop. For hub models."
    ),
]
ShieldFile = Annotated[Path, typer.Option("--shield", help="A file that 'defend fit' wrote.")]
Steps = Annotated[int, typer.Option(min=1, help="Gradient steps.")]
Shape = Annotated[ShapeChoice, typer.Option(help="Outline of the patch.")]
Where = Annotated[
    str, typer.Option("--location", help="'random', 'search' (the best of a few), or TOP,LEFT.")
]


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


@defend.command("fit")
def defend_fit(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Clean photos, unlabelled.")],
    model: Model = "embedded",
    out: Annotated[Path, typer.Option(help="File for the shield.")] = Path("shield.safetensors"),
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page and a figure of the concepts.")
    ] = None,
    concepts: Annotated[int | None, typer.Option(min=1, help="Concepts of the bank.")] = None,
    false_mask_rate: Annotated[
        float | None, typer.Option(help="Share of clean photos that may be masked.")
    ] = None,
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Fit a shield to a folder of clean photos."""
    given = {"concepts": concepts, "false_mask_rate": false_mask_rate}
    options = {name: value for name, value in given.items() if value is not None}

    def run(terminal: Terminal) -> Defended:
        from interlock._cli_defend import Setup, fit

        return fit(Setup(model, seed, device, whole), folder, out, options, report, terminal)

    _defend(run, as_json)


@defend.command("attack")
def defend_attack(
    images: Images,
    model: Model = "embedded",
    area: Annotated[str, typer.Option(help="Share of the image that is patched.")] = "0.02",
    steps: Steps = 100,
    shape: Shape = ShapeChoice.square,
    location: Where = "random",
    out: Annotated[Path, typer.Option(help="Folder for the patched photos.")] = Path(
        "interlock-attack"
    ),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Put an adversarial patch into each photo, to test a defence with.

    Writes STEM.png at the model's input size and STEM.json with place, size, seed and labels.
    """
    share, place = _area(area), _location(location)

    def run(terminal: Terminal) -> Defended:
        from interlock._cli_defend import Setup, attack
        from interlock.defend import PatchAttack

        method = PatchAttack(
            area=share, steps=steps, shape=shape.value, location=place, batch_size=1, seed=seed
        )
        return attack(Setup(model, seed, device, whole), images, method, out, terminal)

    _defend(run, as_json)


@defend.command("apply")
def defend_apply(
    images: Images,
    shield: ShieldFile,
    model: Model = "embedded",
    out: Out = Path("interlock-apply"),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Classify photos with and without the shield.

    Writes STEM.mask.png and STEM.overlay.png for each, labels.csv and index.html.
    """

    def run(terminal: Terminal) -> Defended:
        from interlock._cli_defend import Setup, apply

        return apply(Setup(model, seed, device, whole), images, shield, out, terminal)

    _defend(run, as_json)


@defend.command("evaluate")
def defend_evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="One sub-folder of photos per class.")
    ],
    shield: ShieldFile,
    model: Model = "embedded",
    areas: Annotated[
        str, typer.Option(help="Shares of the image that are patched, with commas.")
    ] = "0.01,0.02,0.03",
    steps: Steps = 100,
    shape: Shape = ShapeChoice.square,
    location: Where = "random",
    limit: Annotated[int | None, typer.Option(min=1, help="Most photos, drawn at random.")] = None,
    out: Out = Path("interlock-evaluate"),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Measure accuracy with and without the shield, on clean and on patched photos.

    Writes evaluation.json and index.html, with pictures of what was saved and lost.
    """
    shares, place = _areas(areas), _location(location)

    def run(terminal: Terminal) -> Defended:
        from interlock._cli_defend import Setup, evaluate
        from interlock.defend import PatchAttack

        method = PatchAttack(steps=steps, shape=shape.value, location=place, seed=seed)
        setup = Setup(model, seed, device, whole)
        return evaluate(setup, folder, shield, shares, method, limit, out, terminal)

    _defend(run, as_json)


def _defend(run: Callable[[Terminal], Defended], as_json: bool) -> None:
    terminal = Terminal(as_json)
    with terminal.session():
        outcome = run(terminal)
        terminal.result(outcome.to_dict())
        if outcome.interrupted:
            terminal.note("interrupted; what is finished is kept")
            raise typer.Exit(INTERRUPTED)
        if outcome.failures:
            raise typer.Exit(1)


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
