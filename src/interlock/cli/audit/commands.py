"""``interlock audit``, and ``interlock demo``: one page on a model of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.certify.options import Attacks, KeyVariable, MaxTokens
from interlock.cli.config import Config
from interlock.cli.options import AsJson, Device, DryRun, Force, Out, Seed, complete
from interlock.cli.session import session

EMBEDDED = "embedded"
OPTIONS = {
    "PHOTOS or a --model": (("photos", "model"), ("clean", "groups", "whole")),
    "a --target": (("target",), ("attacks", "benign", "target_model", "key_variable")),
}
"""Part of an audit -> what names it, and what means nothing without it."""

Budget = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        metavar="MINUTES",
        help="How long it may take: decides how much is measured.",
        show_default="a few",
    ),
]


def audit(
    context: typer.Context,
    photos: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PHOTOS]",
            help="Photos for the classifier: a folder, one with a folder for each class, or a CSV "
            "file with the columns file and label.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The classifier: 'embedded', a transformers directory or hub id, or "
            "package.module:factory.",
            autocompletion=complete((EMBEDDED,)),
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="The language model: 'embedded', a transformers directory or hub id, or an "
            "http(s) address that speaks the OpenAI protocol."
        ),
    ] = None,
    clean: Annotated[
        Path | None,
        typer.Option(help="Clean photos to fit the shield to; else a part of PHOTOS is."),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="Column of a table that ties photos of one scene: one of each counts."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Squeeze whole photos to the input size; no crop.")
    ] = False,
    attacks: Attacks = None,
    benign: Annotated[
        Path | None,
        typer.Option(help="Prompts that should be answered: a line each; 'shipped' otherwise."),
    ] = None,
    target_model: Annotated[
        str | None, typer.Option(help="The language model's name at an address.")
    ] = None,
    key_variable: KeyVariable = None,
    max_tokens: MaxTokens = 64,
    budget: Budget = None,
    dry_run: DryRun = False,
    out: Out = Path("interlock-audit"),
    seed: Seed = 0,
    device: Device = None,
    config: Config = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """One page on a model of yours: what it looks at, what fools it, and how sure its refusal is.

    Without a model and a target it is about the embedded ones. Writes OUT/index.html and
    OUT/audit.json; the same command goes on where it stopped.
    """
    given = locals()
    if model is None and photos is None and target is None:
        given |= {"model": EMBEDDED, "target": EMBEDDED}
    for part, (named, options) in OPTIONS.items():
        alone = [option for option in options if given[option]]
        if alone and not any(given[name] for name in named):
            option = alone[0].replace("_", "-")
            raise typer.BadParameter(f"--{option} is about {part}: give one, or leave it")
    _audited(context, given)


def demo(
    context: typer.Context,
    out: Out = Path("interlock-demo"),
    budget: Budget = None,
    dry_run: DryRun = False,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """The audit of the embedded models; needs no network."""
    given = locals()
    _audited(context, given | {"model": EMBEDDED, "target": EMBEDDED})


def _audited(context: typer.Context, given: dict[str, Any]) -> None:
    with session(context) as terminal:
        from interlock.cli.audit.asked import Asked, PhotosAsked
        from interlock.cli.audit.run import audit
        from interlock.cli.bench import Setup
        from interlock.cli.certify.question import Question, TargetChoice
        from interlock.cli.options import chosen, taken
        from interlock.errors import DataError

        asked = question = None
        model, photos, target = (given.get(name) for name in ("model", "photos", "target"))
        if model is not None or photos is not None:
            if photos is None and model != EMBEDDED:
                raise DataError(f"model {model}: give the photos to audit it with; only the "
                                "embedded has some")  # fmt: skip
            setup = chosen(Setup, given, model=model or EMBEDDED, force=False)
            asked = chosen(PhotosAsked, given, setup=setup)
        if target is not None:
            named = taken(given, "key_variable", "max_tokens", "device")
            choice = TargetChoice(name=target, model=given.get("target_model"), **named)
            benign = given.get("benign") or (None if target == EMBEDDED else Path("shipped"))
            question = Question(choice, attacks=given.get("attacks"), benign=benign)
        minutes = given["budget"]
        outcome = audit(
            chosen(Asked, given, minutes=minutes, photos=asked, question=question), terminal
        )
        outcome.end(terminal)
