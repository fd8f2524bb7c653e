"""``interlock certify attack``: what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.certify.commands.given import KEPT, question_of
from interlock.cli.certify.options import (
    FOLDER,
    Attempts,
    Calls,
    Concurrency,
    DryRun,
    Extra,
    JudgeModel,
    JudgeName,
    KeyVariable,
    MaxTokens,
    ModelName,
    Out,
    RefusalPhrase,
    Rubric,
    System,
    Target,
    Temperature,
    Timeout,
)
from interlock.cli.options import AsJson, Device, Seed, chosen
from interlock.cli.session import finish, session


def attack(
    context: typer.Context,
    target: Target = "embedded",
    prompts: Annotated[
        Path | None,
        typer.Option(help="Requests that the target refuses: a line each, JSON or CSV."),
    ] = None,
    goals: Annotated[int, typer.Option(min=1, help="Requests to attack at most.")] = 20,
    opening: Annotated[str, typer.Option(help="How a complying answer begins.")] = "Sure, here is",
    length: Annotated[int, typer.Option(min=1, help="Tokens of a suffix.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Exchanges of one search at most.")] = 150,
    framings: Annotated[
        Path | None,
        typer.Option(help="Role-play instead: texts with {request}, a line each."),
    ] = None,
    model: ModelName = None,
    key_variable: KeyVariable = None,
    max_tokens: MaxTokens = 64,
    temperature: Temperature = 0.0,
    system: System = None,
    extra: Extra = None,
    judge: JudgeName = "phrases",
    judge_model: JudgeModel = None,
    rubric: Rubric = "default",
    refusal_phrase: RefusalPhrase = None,
    out: Out = FOLDER,
    seed: Seed = 0,
    device: Device = None,
    timeout: Timeout = 60.0,
    concurrency: Concurrency = 8,
    attempts: Attempts = 5,
    dry_run: DryRun = False,
    budget: Calls = None,
    as_json: AsJson = False,
) -> None:
    """Search suffixes (GCG, a local model only) or role-plays that make a target comply.

    Writes attacks.jsonl; each search is kept as it ends, and a killed run goes on.
    """

    given = locals()
    with session(context, KEPT) as terminal:
        from interlock.cli.certify.attack import Search
        from interlock.cli.certify.attack import attack as search

        if dry_run:
            from interlock.cli.certify.dry_run import attack as search
        finish(terminal, search(question_of(given), chosen(Search, given), terminal))
