"""``interlock certify label``: what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.certify.commands.given import KEPT, question_of
from interlock.cli.certify.options import (
    FOLDER,
    Attacks,
    Benign,
    JudgeModel,
    JudgeName,
    KeepFailed,
    RefusalPhrase,
    Rubric,
    Target,
)
from interlock.cli.options import AsJson, NoDevice, Seed
from interlock.cli.session import finish, session


def label(
    context: typer.Context,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder of a run: its answers are labelled.")
    ] = FOLDER,
    answers: Annotated[int, typer.Option(min=1, help="Answers to label.")] = 100,
    target: Target = "embedded",
    attacks: Attacks = None,
    keep_failed: KeepFailed = False,
    benign: Benign = None,
    judge: JudgeName = "phrases",
    judge_model: JudgeModel = None,
    rubric: Rubric = "default",
    refusal_phrase: RefusalPhrase = None,
    seed: Seed = 0,
    device: NoDevice = None,
    as_json: AsJson = False,
) -> None:
    """Say of a random sample of a run's answers to attacks whether they refuse, by keys.

    Writes OUT/labels.jsonl after each key and goes on there the next time. 'report --labels' counts
    the judge's errors on it. Give target, attacks, benign prompts and judge as the run had them.
    """
    given = locals()
    with session(context, KEPT) as terminal:
        from interlock.cli.certify.label import label as labels

        finish(terminal, labels(question_of(given), answers, seed, terminal, _press))


def _press() -> str:
    """The next key of the keyboard; nothing where there is none."""
    try:
        return typer.getchar()
    except (EOFError, OSError):
        return ""
