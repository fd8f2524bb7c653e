"""The subcommands of ``interlock defend``. What is heavy is imported inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.config import Config, Configured
from interlock.cli.defend.options import (
    Epsilon,
    Outline,
    ShieldFile,
    Where,
    Whole,
    read_area,
    read_areas,
    read_names,
)
from interlock.cli.options import (
    AsJson,
    Device,
    DryRun,
    Force,
    Images,
    Model,
    Out,
    Seed,
    chosen,
    complete,
    taken,
)
from interlock.cli.session import session
from interlock.names import ATTACKS, PEERS, InnerMaps, MaskFill, Norm

app = typer.Typer(
    help="Fit, attack, apply and measure a shield against adversarial patches.",
    no_args_is_help=True,
)


@app.command(cls=Configured)
def fit(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Clean photos, in it or in its sub-folders."),
    ],
    model: Model = "embedded",
    out: Annotated[Path, typer.Option(help="File for the shield.")] = Path("shield.safetensors"),
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page and a figure of the concepts.")
    ] = None,
    concepts: Annotated[int | None, typer.Option(min=1, help="Concepts of the bank.")] = None,
    false_mask_rate: Annotated[
        float | None, typer.Option(help="Share of clean photos that may be masked.")
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror/--no-mirror",
            help="Ask for the label of mirrored photos too; not for text or signs.",
            show_default="whether clean photos keep their labels",
        ),
    ] = None,
    dry_run: DryRun = False,
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Fit a shield to a folder of clean photos; they need no labels."""
    given = locals()
    with session(context, "interrupted") as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.defend.fit import fit

        options = taken(given, "concepts", "false_mask_rate", "mirror")
        done = fit(chosen(Setup, given), folder, out, options, report, terminal, dry_run=dry_run)
        done.end(terminal)


@app.command(cls=Configured)
def harden(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(metavar="PHOTOS", help="Clean photos, in it or in its sub-folders."),
    ],
    model: Model = "embedded",
    area: Annotated[
        str, typer.Option(callback=read_area, help="Share of the image that a patch covers.")
    ] = "0.02",
    masks: Annotated[
        int, typer.Option(min=2, help="Positions of a mask on each axis, for the judges.")
    ] = 3,
    labelled: Annotated[
        bool,
        typer.Option(
            "--labelled",
            help="Sub-folders are classes: they are learned, and held-out photos judge by them.",
        ),
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="Gradient steps, at most.")] = 300,
    minutes: Annotated[float | None, typer.Option(help="Of training, at most.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Crops of each step.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(help="At the start; else 0.02, or 0.002 without batch norm.")
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror/--no-mirror", help="Mirror crops; not for text or signs.")
    ] = True,
    dry_run: DryRun = False,
    out: Annotated[Path, typer.Option(help="Folder for the model, as --model takes it.")] = Path(
        "interlock-hardened"
    ),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Train a copy of a model to keep its labels under masks; photos need no labels.

    A fifth of the photos judges: more of them must be certified, and clean accuracy may fall by a
    point at most. Otherwise the original is written, with the reason. Goes on where an earlier run
    stopped.
    """
    given = locals()
    with session(context) as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.defend.harden import Training, harden_photos

        training = chosen(Training, given)
        harden_photos(chosen(Setup, given), folder, training, out, terminal).end(terminal)


@app.command(cls=Configured)
def certify(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="LABELLED",
            help="One sub-folder of photos per class, or a CSV file with the columns file, label.",
        ),
    ],
    area: Annotated[
        str, typer.Option(callback=read_area, help="Share of the image that a patch covers.")
    ] = "0.02",
    model: Model = "embedded",
    masks: Annotated[int, typer.Option(min=2, help="Positions of a mask on each axis.")] = 6,
    fill: Annotated[
        MaskFill,
        typer.Option(help="'pull_push': what surrounds a mask; 'drop': hidden tokens of a ViT."),
    ] = "pull_push",
    inner: Annotated[
        InnerMaps,
        typer.Option(help="The model's own maps under a mask: 'filled' from around, or 'plain'."),
    ] = "filled",
    aspect: Annotated[
        float, typer.Option(min=1.0, help="Rectangles up to this ratio of sides, too.")
    ] = 1.0,
    allowance: Annotated[
        int,
        typer.Option(
            min=0, help="Pixels that masks are wider: 2 for bilinear resizing, 4 for bicubic."
        ),
    ] = 2,
    shield: Annotated[
        Path | None,
        typer.Option(help="A file of 'defend fit': it says what is asked first, and falls back."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of each bound, between 0 and 1.")] = 0.95,
    limit: Annotated[int | None, typer.Option(min=1, help="Most photos, drawn at random.")] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the CSV file that ties photos of one scene: one of each counts.",
        ),
    ] = None,
    maps: Annotated[int, typer.Option(min=0, help="Photos whose safe places are drawn.")] = 8,
    dry_run: DryRun = False,
    out: Out = Path("interlock-certified"),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Certify how many photos keep their label whatever one patch shows, wherever it lies.

    Writes card.json, which 'defend apply --certified' takes, index.html with maps of safe places,
    and photos/STEM.json. Goes on where an earlier run stopped.
    """
    given = locals()
    with session(context) as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.defend.certify import Claim, certify

        claim = chosen(Claim, given)
        certify(chosen(Setup, given), folder, shield, claim, out, terminal).end(terminal)


@app.command(cls=Configured)
def attack(
    context: typer.Context,
    images: Images,
    model: Model = "embedded",
    area: Annotated[
        str, typer.Option(callback=read_area, help="Share of the image that is patched.")
    ] = "0.02",
    target: Annotated[
        str | None,
        typer.Option(help="Label or number to be answered; else anything but the answer."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Gradient steps in each restart.")] = 100,
    restarts: Annotated[int, typer.Option(min=1, help="Independent starts.")] = 1,
    shape: Outline = "square",
    patches: Annotated[int, typer.Option(min=1, help="Patches, which share the area.")] = 1,
    location: Where = "random",
    candidates: Annotated[int, typer.Option(min=1, help="Places that 'search' tries.")] = 4,
    norm: Annotated[
        Norm, typer.Option(help="'free': any colour; 'l2': in an L2 ball around the photo.")
    ] = "free",
    epsilon: Epsilon = 10.0,
    dry_run: DryRun = False,
    out: Annotated[Path, typer.Option(help="Folder for the patched photos.")] = Path(
        "interlock-attack"
    ),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Put an adversarial patch into each photo, to test a defence with.

    Writes STEM.png, as large as the model has to read it for the patch to be as it was made, and
    STEM.json with places, options and labels. A patch depends on the photo and the seed alone. Goes
    on where an earlier run stopped.
    """
    given = locals()
    with session(context) as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.defend.attack import attack
        from interlock.defend import PatchAttack

        method = chosen(PatchAttack, given)
        done = attack(chosen(Setup, given), images, method, target, out, terminal, dry_run=dry_run)
        done.end(terminal)


@app.command(cls=Configured)
def apply(
    context: typer.Context,
    images: Images,
    shield: Annotated[Path | None, typer.Option(help="A file that 'defend fit' wrote.")] = None,
    certified: Annotated[
        Path | None,
        typer.Option(help="A card of 'defend certify': answer with its guarantee, one by one."),
    ] = None,
    model: Model = "embedded",
    sets: Annotated[
        bool,
        typer.Option(
            "--sets",
            help="With --shield: also the set of pixels that each undefended answer rests on most.",
        ),
    ] = False,
    dry_run: DryRun = False,
    out: Out = Path("interlock-apply"),
    whole: Whole = False,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Draws which of more than 100 photos the report shows; answers do not depend "
            "on it.",
        ),
    ] = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Classify photos with and without the shield, or with a certified answer.

    Writes STEM.mask.png, STEM.overlay.png and STEM.json for each, labels.csv and index.html. With
    --certified: the label, whether it is assured, whether masks disagree, and what was hidden; a
    --shield besides is the one that was certified with. Goes on where an earlier run stopped.
    """

    given = locals()
    if shield is None and certified is None:
        raise typer.BadParameter("give --shield, --certified, or both")
    if sets and certified is not None:
        raise typer.BadParameter("--sets goes with --shield alone, not with --certified")
    with session(context) as terminal:
        from interlock.cli.bench import Setup

        setup = chosen(Setup, given)
        if certified is not None:
            from interlock.cli.defend.apply_certified import Given, apply_certified

            card = Given(certified, shield)
            answered = apply_certified(setup, images, card, out, terminal, dry_run=dry_run)
        else:
            from interlock.cli.defend.apply import apply

            assert shield is not None  # one of the two was given
            answered = apply(setup, images, shield, out, terminal, sets=sets, dry_run=dry_run)
        answered.end(terminal)


@app.command(cls=Configured)
def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="One sub-folder of photos per class.")
    ],
    shield: ShieldFile,
    model: Model = "embedded",
    attacks: Annotated[
        list[str],
        typer.Option(
            "--attack",
            metavar="NAME",
            callback=read_names(ATTACKS),
            autocompletion=complete((*ATTACKS, "all")),
            help=f"Of {', '.join(ATTACKS)}, or all; repeat, or put commas between.",
        ),
    ] = ["patch"],  # noqa: B006  # typer copies it
    areas: Annotated[
        str,
        typer.Option(
            callback=read_areas, help="Shares of the image that are patched, with commas."
        ),
    ] = "0.01,0.02,0.03",
    peers: Annotated[
        list[str],
        typer.Option(
            "--peer",
            metavar="NAME",
            callback=read_names(PEERS),
            autocompletion=complete((*PEERS, "all")),
            help="Measure another defence too: paper, patchcleanser, lgs, or all.",
        ),
    ] = [],  # noqa: B006
    assumed: Annotated[
        str | None,
        typer.Option(
            "--assumed-area",
            callback=read_area,
            help="PatchCleanser also with masks for a patch of this share of the image.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Gradient steps; else each attack's own, 100 to 200.", show_default=False
        ),
    ] = None,
    restarts: Annotated[
        int | None,
        typer.Option(
            min=1, help="Independent starts; else 1, and 3 for adaptive.", show_default=False
        ),
    ] = None,
    queries: Annotated[int, typer.Option(min=2, help="Of black-box, for each photo.")] = 150,
    shape: Outline = "square",
    location: Where = "random",
    epsilon: Epsilon = 10.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Most photos, drawn at random.")] = None,
    dry_run: DryRun = False,
    out: Out = Path("interlock-evaluate"),
    whole: Whole = False,
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Measure accuracy with and without the shield, on clean and on patched photos.

    Writes evaluation.json and index.html, with pictures of what was saved and lost. Finished pieces
    are kept in study/: goes on where an earlier run stopped, and another attack or size adds to
    what is there. --location is for patch, targeted and l2; adaptive has square patches.
    """
    given = locals()
    if assumed is not None and "patchcleanser" not in peers:
        raise typer.BadParameter("--assumed-area is for PatchCleanser; add --peer patchcleanser")
    with session(context) as terminal:
        from interlock.cli.bench import Setup
        from interlock.cli.defend.evaluate import Contest, evaluate
        from interlock.defend.attacks.named import NamedAttacks

        contest = chosen(Contest, given, options=chosen(NamedAttacks, given))
        evaluate(chosen(Setup, given), folder, shield, contest, out, terminal).end(terminal)
