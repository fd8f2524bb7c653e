"""Options of ``interlock certify`` that several of its commands take, declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.options import complete
from interlock.names import DEFENCES, KINDS, RubricName


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not kinds or not set(kinds) <= set(KINDS):
        raise typer.BadParameter(f"{text!r}; choose of swap, patch and insert, with commas")
    return kinds


def _numbers(kind: Callable[[str], Any], what: str) -> Callable[[str | None], Any]:
    def numbers(text: str | None) -> Any:
        if text is None:
            return None
        try:
            values = tuple(dict.fromkeys(kind(part) for part in text.split(",")))
        except ValueError:
            values = ()
        if not values or min(values) < 0:
            raise typer.BadParameter(f"{text!r}; give {what}, with commas")
        return values

    return numbers


Target = Annotated[
    str,
    typer.Option(
        help="'embedded', a transformers directory or hub id, an http(s) address that speaks the "
        "OpenAI protocol, or recorded:FILE."
    ),
]
ModelName = Annotated[str | None, typer.Option("--model", help="The model's name at an address.")]
KeyVariable = Annotated[
    str | None, typer.Option(help="Environment variable that holds the address's API key.")
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")]
Temperature = Annotated[float, typer.Option(min=0.0, max=10.0, help="0 is greedy decoding.")]
System = Annotated[
    Path | None, typer.Option(help="A system prompt, put before every prompt: UTF-8 text.")
]
Extra = Annotated[
    list[str] | None,
    typer.Option(
        "--extra",
        metavar="KEY=JSON",
        help="One more field that an address is sent, such as max_completion_tokens=64; null "
        "leaves a field out.",
    ),
]
OneDefence = Annotated[
    str | None,
    typer.Option(
        "--defence",
        autocompletion=complete(DEFENCES),
        help="A defence by name: smooth:swap,rate=0.1,copies=11, drop, erase, self, or a cascade.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Only say how many calls and tokens it takes, and the best bound."
    ),
]
Calls = Annotated[
    int | None,
    typer.Option("--budget", min=0, metavar="CALLS", help="Ask no more often than that."),
]
Timeout = Annotated[float, typer.Option(help="Seconds for one request to an address.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Requests to an address at once.")]
Attempts = Annotated[int, typer.Option(min=1, help="Requests for one prompt at an address.")]
Attacks = Annotated[
    str | None,
    typer.Option(
        help="JSON lines, a JSON array, a JailbreakBench artifact or CSV; or 'embedded' (its "
        "default)."
    ),
]
KeepFailed = Annotated[
    bool, typer.Option("--keep-failed", help="Keep attacks marked as not jailbroken.")
]
Benign = Annotated[
    Path | None,
    typer.Option(
        help="Prompts that should be answered: a line each, JSON (with references), CSV, or "
        "'shipped', a set for real models."
    ),
]
RunCode = Annotated[
    bool,
    typer.Option(
        "--run-code",
        help="Run the code in benign answers, limited but not safe: it is a model's. Else parsed.",
    ),
]
PairJudgeName = Annotated[
    str | None,
    typer.Option(
        "--pair-judge", help="A target that compares benign answers which no reference does."
    ),
]
JudgeName = Annotated[
    str,
    typer.Option(
        "--judge",
        help="phrases, second-opinion, keywords, labels:FILE, or model:NAME (one that judges).",
    ),
]
JudgeModel = Annotated[
    str | None, typer.Option(help="The judging model's name, where it is at an address.")
]
Rubric = Annotated[
    RubricName, typer.Option(help="What a judging model is asked: the criteria, by name.")
]
RefusalPhrase = Annotated[
    list[str] | None,
    typer.Option(
        "--refusal-phrase", help="One more opening that phrases and keywords call a refusal."
    ),
]
Verdicts = Annotated[
    Path | None,
    typer.Option(
        "--verdicts",
        "--labels",
        help="Answers labelled by people (JSON lines, as 'label' writes them): the judge's errors "
        "are counted.",
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for every call and all results.")]
Kinds = Annotated[
    str,
    typer.Option("--perturbation", callback=_kinds, help="swap, patch, insert; with commas."),
]
Rates = Annotated[
    str,
    typer.Option(
        "--rates",
        "--rate",
        callback=_numbers(float, "shares of the characters"),
        help="q to choose from, with commas.",
    ),
]
Changes = Annotated[
    str | None,
    typer.Option(
        callback=_numbers(int, "whole numbers of characters"),
        help="Changed characters k to measure at, with commas.",
    ),
]
Epsilon = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Attack success that counts as broken.")
]
Dsp = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Defence success probability to plan for.")
]
MaxCopies = Annotated[int, typer.Option(min=1, help="The most copies to plan with.")]
Trials = Annotated[int, typer.Option(min=1, help="Copies of each attack at each k.")]
OnlySuccessful = Annotated[
    bool,
    typer.Option("--only-successful", help="Leave out attacks that the bare target refuses."),
]
BySource = Annotated[
    bool, typer.Option("--by-source", help="Attacks made on one model are one group, too.")
]
FOLDER = Path("interlock-certify")
"""The ``Out`` of every command that is told none."""
