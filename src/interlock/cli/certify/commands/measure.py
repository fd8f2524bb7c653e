"""``interlock certify measure``: what it takes."""

from __future__ import annotations

import typer

from interlock.cli.certify.commands.given import KEPT, named_defence, question_of
from interlock.cli.certify.options import (
    FOLDER,
    Attacks,
    Attempts,
    Calls,
    Changes,
    Concurrency,
    DryRun,
    Extra,
    JudgeModel,
    JudgeName,
    KeepFailed,
    KeyVariable,
    Kinds,
    MaxTokens,
    ModelName,
    OneDefence,
    Out,
    RefusalPhrase,
    Rubric,
    System,
    Target,
    Temperature,
    Timeout,
    Trials,
)
from interlock.cli.options import AsJson, Device, Seed, chosen
from interlock.cli.session import finish, session


def measure(
    context: typer.Context,
    target: Target = "embedded",
    attacks: Attacks = None,
    keep_failed: KeepFailed = False,
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
    kinds: Kinds = "swap,patch,insert",
    changes: Changes = None,
    trials: Trials = 2,
    defence: OneDefence = None,
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
    """Measure ASR(k), the attacks' success after k changed characters; writes counts.json.

    Only the attacks set apart by the seed for fitting are asked, or all of a family whose attacks
    are too alike to be split. Every call is kept. With a --defence other than smooth whole
    decisions are counted, --trials on each attack; writes refusals.json.
    """
    given = locals()
    with session(context, KEPT) as terminal:
        from interlock.certify.campaign.options import CampaignOptions

        named, smooth = named_defence(context, defence)
        if named is not None and smooth is None:
            from interlock.cli.certify import decisions
            from interlock.cli.certify import dry_run as dry

            run = dry.decisions if dry_run else decisions.measure
            finish(terminal, run(question_of(given), named, trials, seed, terminal))
            return
        given |= {} if smooth is None else {"kinds": (smooth.kind,)}
        from interlock.cli.certify.curves import measure as counted

        if dry_run:
            from interlock.cli.certify import dry_run as dry

            options = chosen(CampaignOptions, given)
            finish(terminal, dry.campaign(question_of(given), options, terminal, whole=False))
            return
        finish(terminal, counted(question_of(given), chosen(CampaignOptions, given), terminal))
