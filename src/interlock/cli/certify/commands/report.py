"""``interlock certify report``: what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.certify.commands.given import KEPT, needs_no_defence, question_of
from interlock.cli.certify.options import (
    FOLDER,
    Attacks,
    Attempts,
    Benign,
    BySource,
    Calls,
    Changes,
    Concurrency,
    DryRun,
    Dsp,
    Epsilon,
    Extra,
    JudgeModel,
    JudgeName,
    KeepFailed,
    KeyVariable,
    Kinds,
    MaxCopies,
    MaxTokens,
    ModelName,
    OnlySuccessful,
    Out,
    PairJudgeName,
    Rates,
    RefusalPhrase,
    Rubric,
    RunCode,
    System,
    Target,
    Temperature,
    Timeout,
    Trials,
    Verdicts,
)
from interlock.cli.options import AsJson, Device, Seed, chosen, complete
from interlock.cli.session import finish, session
from interlock.names import DEFENCES, AnswerFrom, Missing

WITHOUT_DEFENCE = frozenset(
    {"answer_from", "changes", "copies", "dsp", "epsilon", "family", "kinds"}
    | {"max_copies", "missing", "paper", "rates", "trials", "utility", "votes_file"}
)
"""Parameters that plan, or count what was voted elsewhere."""


def report(
    context: typer.Context,
    target: Target = "embedded",
    attacks: Attacks = None,
    keep_failed: KeepFailed = False,
    benign: Benign = None,
    benign_limit: Annotated[
        int | None, typer.Option(min=1, help="Benign prompts asked at most: the first ones.")
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
    pair_judge: PairJudgeName = None,
    answer_from: Annotated[
        AnswerFrom,
        typer.Option(help="Whose answer a released prompt gets: its own, or a copy's (the paper)."),
    ] = "original",
    run_code: RunCode = False,
    verdicts: Verdicts = None,
    kinds: Kinds = "swap,patch,insert",
    rates: Rates = "0.05,0.10,0.15,0.20",
    copies: Annotated[
        int | None,
        typer.Option(min=1, help="Certify this N, with one --perturbation and one --rate."),
    ] = None,
    dsp: Dsp = 0.95,
    epsilon: Epsilon = 0.05,
    max_copies: MaxCopies = 25,
    utility: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Least share of benign prompts helped.")
    ] = 0.9,
    family: Annotated[
        str | None, typer.Option(help="Attack family to plan for; the largest.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of each bound and interval.")] = 0.95,
    tau: Annotated[float, typer.Option(help="DSP that counts for the share of attacks.")] = 0.9,
    changes: Changes = None,
    trials: Trials = 2,
    votes: Annotated[
        int, typer.Option(min=1, help="Copies of each attack that vote for the certificate.")
    ] = 11,
    repeats: Annotated[int, typer.Option(min=1, help="Whole votes on each attack held out.")] = 3,
    tries: Annotated[
        int, typer.Option(min=1, help="Bound for an attacker who may ask so many times.")
    ] = 1,
    joint: Annotated[
        bool, typer.Option("--joint", help="Bounds of all families that hold at once.")
    ] = False,
    only_successful: OnlySuccessful = False,
    by_source: BySource = False,
    compare: Annotated[
        Path | None,
        typer.Option(
            help="Folder of another run (with --defence, of defences), set beside this one."
        ),
    ] = None,
    votes_file: Annotated[
        Path | None,
        typer.Option(
            help="Only certify votes counted elsewhere: CSV, a row a prompt, 1 where the copy was "
            "refused; a first row may name columns 'group' and 'prompt'; --copies says N."
        ),
    ] = None,
    missing: Annotated[
        Missing, typer.Option(help="Empty cells of --votes-file: an error, or jailbreaks.")
    ] = "error",
    defence: Annotated[
        list[str] | None,
        typer.Option(
            "--defence",
            autocompletion=complete(DEFENCES),
            help="Only bound this defence, named beforehand: smooth:swap,rate=0.1,copies=11, drop, "
            "erase, self, perplexity:quantile=0.95, classifier, or a cascade such as "
            "self+erase:longest=20. Several stand side by side.",
        ),
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="The target that a defence's stage 'classifier' asks.")
    ] = None,
    classifier_model: Annotated[
        str | None, typer.Option(help="Its name, where it is at an address.")
    ] = None,
    adaptive: Annotated[
        int, typer.Option(min=0, help="Steps of attackers that know the --defence; 0 for none.")
    ] = 0,
    adaptive_goals: Annotated[
        int, typer.Option(min=1, help="Goals that they attack at most.")
    ] = 20,
    paper: Annotated[
        bool, typer.Option("--paper", help="Only draw the paper's Figures 1, 2 and 4.")
    ] = False,
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
    """The whole way: ASR(k), curve, plan, certificate, and the check on attacks held out.

    Writes index.html, certificate-FAMILY.json, results.json, counts.json, curves.json and figures.
    Every call is kept: a killed run goes on, a repeated one asks nothing. Exits 1 where no
    certificate can be given.
    """
    if votes_file is not None and copies is None:
        raise typer.BadParameter("give --copies, the N of the deployed vote, with --votes-file")
    if dry_run and (paper or votes_file is not None):
        raise typer.BadParameter("--paper and --votes-file ask nothing: leave --dry-run away")
    if defence:
        needs_no_defence(context, WITHOUT_DEFENCE)
    elif adaptive:
        raise typer.BadParameter("--adaptive searches against a --defence: give one, or leave it")
    elif classifier:
        raise typer.BadParameter("--classifier is asked by a --defence: give one, or leave it")
    given = locals()
    with session(context, KEPT) as terminal:
        from interlock.certify.campaign.options import CampaignOptions
        from interlock.cli.certify import report as reports

        if paper:
            finish(terminal, reports.paper(out, terminal))
        elif defence:
            from interlock.certify.campaign.side_by_side import DefenceOptions

            named, question = chosen(DefenceOptions, given), question_of(given)
            if dry_run:
                from interlock.certify.statement.comparison import read_defences
                from interlock.cli.certify.dry_run import defended

                if compare is not None:  # a run without it would end there
                    read_defences(compare)
                value = defended(question, defence, named, terminal, benign=benign_limit)
            else:
                from interlock.cli.certify.defended import side_by_side

                value = side_by_side(
                    question, defence, named, terminal, benign=benign_limit, compare=compare
                )
            finish(terminal, value)
        elif votes_file is not None:
            value, good = chosen(reports.from_votes, given, path=votes_file, terminal=terminal)
            finish(terminal, value, good=good)
        elif dry_run:
            from interlock.certify.statement.comparison import read_run
            from interlock.cli.certify import dry_run as dry

            if compare is not None:  # a run without it would end there
                read_run(compare)
            options = chosen(CampaignOptions, given)
            question = question_of(given)
            value = dry.campaign(question, options, terminal, whole=True, benign=benign_limit)
            finish(terminal, value)
        else:
            options = chosen(CampaignOptions, given)
            made = reports.report(
                question_of(given), options, terminal, benign=benign_limit, compare=compare
            )
            if not made.certified:
                terminal.complain(
                    f"no certificate for {made.outcome['family']} attacks; see the report"
                )
            finish(terminal, made.outcome, good=made.certified)
