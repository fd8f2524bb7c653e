"""The runs behind ``--dry-run``: what a command would ask and could promise; nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from interlock.certify.campaign.assessment import target_name
from interlock.certify.campaign.call_counter import (
    CallCounter,
    Forecast,
    Step,
    Tokens,
    first_asked,
)
from interlock.certify.campaign.campaign import Campaign
from interlock.certify.campaign.forecast import forecast
from interlock.certify.campaign.forecast_defended import forecast_defended
from interlock.certify.campaign.options import CampaignOptions
from interlock.certify.campaign.side_by_side import DefenceOptions, measure_defences
from interlock.certify.defences import parse_defence, with_classifier
from interlock.certify.judges.judge import Judge
from interlock.certify.judges.model import ModelJudge
from interlock.certify.measures.measure import repeat_seed
from interlock.certify.targets.budget import BudgetSpentError
from interlock.certify.targets.classified import classifier_identity
from interlock.certify.targets.protocol import Prompt, Target, model_behind
from interlock.certify.targets.store import StoredTarget
from interlock.certify.vote.asks import Defence
from interlock.cli.certify.attack import Search, requests_of
from interlock.cli.certify.decisions import attacks_to_fit
from interlock.cli.certify.question import GREETING, Opened, Question, read_prompts
from interlock.cli.terminal import Terminal, table

BYTES_PER_TOKEN, TOKENS_PER_MESSAGE = 3, 8
"""The estimate without a tokenizer: perturbed text has shorter tokens than the four letters that
are usual in English."""
TOKENIZER = "the target's tokenizer"
RULE = (
    f"{BYTES_PER_TOKEN} bytes of UTF-8 a token, {TOKENS_PER_MESSAGE} tokens more a message "
    "(no tokenizer at hand)"
)


def campaign(
    question: Question,
    options: CampaignOptions,
    terminal: Terminal,
    *,
    whole: bool,
    benign: int | None = None,
) -> dict[str, Any]:
    """What ``report``, or ``measure`` where not ``whole``, would ask."""
    value, steps, told = counted(question, options, terminal, whole=whole, benign=benign)
    _say(terminal, value, steps)
    _say_bounds(terminal, told, options)
    return value


def counted(
    question: Question,
    options: CampaignOptions,
    terminal: Terminal,
    *,
    whole: bool,
    benign: int | None = None,
) -> tuple[dict[str, Any], Sequence[Step], Forecast]:
    """The same as plain values, as steps and as it was worked out, unsaid."""
    file = question.read_attacks(terminal)
    prompts = question.read_benign()[:benign] if whole else ()
    with question.rehearse() as asks:
        target = asks.target
        planned = Campaign(
            target, asks.judge, file.attacks, prompts, options, judge_error=asks.error,
            pair_judge=asks.pair_judge,
        )  # fmt: skip
        count, rule = _tokens(target.target)
        told = forecast(planned, target, count, whole=whole)
        steps, judged = [*_greeting(question, target, count), *told.steps], _judged(asks, told)
        if whole and _all_kept(planned.run, target):
            steps, judged = _nothing(steps)
        value = _value(question, target, steps, rule, judged)
    best = [asdict(bound) | {"confidence": told.confidence} for bound in told.bounds]
    return value | {"best_bounds": best} | file.left_out, steps, told


def defended(
    question: Question,
    texts: Sequence[str],
    options: DefenceOptions,
    terminal: Terminal,
    *,
    benign: int | None = None,
) -> dict[str, Any]:
    """What ``report --defence`` would ask."""
    defences = [parse_defence(text) for text in texts]
    file, prompts = question.read_attacks(terminal), question.read_benign()[:benign]
    with question.rehearse() as asks:
        target = asks.target
        defences = [with_classifier(one, classifier_identity(target)) for one in defences]
        count, rule = _tokens(target.target)
        planned = forecast_defended(
            target, file.attacks, prompts, defences, options, count, judge_error=asks.error
        )
        steps, judged = (
            [*_greeting(question, target, count), *planned.steps],
            _judged(asks, planned),
        )

        def run() -> None:
            measure_defences(
                target, asks.judge, file.attacks, prompts, defences, options,
                pair_judge=asks.pair_judge,
            )  # fmt: skip

        # A search over a model's gradients is work even where every answer is kept.
        if not (options.adaptive and rule == TOKENIZER) and _all_kept(run, target):
            steps, judged = _nothing(steps)
        value = _value(question, target, steps, rule, judged)
    best = [asdict(bound) | {"confidence": planned.confidence} for bound in planned.bounds]
    _say(terminal, value, steps)
    _say_bounds(terminal, planned, options, "vote on")
    return value | {"best_bounds": best} | file.left_out


def decisions(
    question: Question, defence: Defence, repeats: int, seed: int, terminal: Terminal
) -> dict[str, Any]:
    """What ``measure --defence`` would ask, of a defence that decides by no changed characters."""
    file = question.read_attacks(terminal)
    with question.rehearse() as asks:
        count, rule = _tokens(asks.target.target)
        counter = CallCounter(asks.target, count)
        for family, attacks in attacks_to_fit(file.attacks, seed).items():
            seeds = [repeat_seed(seed, repeat) for repeat in range(repeats)]
            asked = [defence.asks(one.asked, seed=each) for each in seeds for one in attacks]
            counter.add(
                f"{family}: decisions",
                [prompt for one in asked for prompt in one],
                [prompt for one in asked for prompt in first_asked(one)],
            )
        told = counter.forecast((), 0.95)
        steps = [*_greeting(question, asks.target, count), *told.steps]
        value = _value(question, asks.target, steps, rule, _judged(asks, told))
    _say(terminal, value, steps)
    return value | file.left_out


def attack(question: Question, search: Search, terminal: Terminal) -> dict[str, Any]:
    """What ``attack`` would ask: each framing of each request, or a confirmation a step at most."""
    requests = requests_of(question, search)
    with question.rehearse() as asks:
        target = asks.target
        count, rule = _tokens(target.target)
        steps = _greeting(question, target, count)
        if search.framings is not None:
            framings = read_prompts(search.framings)
            texts = [f.replace("{request}", r) for r in requests for f in framings]
            prompts = [Prompt.user(text) for text in dict.fromkeys(texts)]
            asked = [p for p in prompts if target.store.get(target.key(p)) is None]
            read = sum(map(count, asked))
            steps.append(Step("role-plays", len(asked), len(asked), read))
            judged = len(prompts)
        else:
            judged = len(requests) * search.steps
            longest = max(count(Prompt.user(request)) for request in requests) + search.length
            steps.append(Step("suffix search, confirmations", judged, 0, judged * longest))
        value = _value(question, target, steps, rule, judged if _by_model(asks.judge) else 0)
    _say(terminal, value, steps)
    return value


def _judged(asks: Opened, told: Forecast) -> int:
    """Calls of judging models at most; a pair is asked in both orders."""
    pairs = 0 if asks.pair_judge is None else 2 * told.compared
    return (told.judged if _by_model(asks.judge) else 0) + pairs


def _by_model(judge: Judge) -> bool:
    return isinstance(judge, ModelJudge)


def _nothing(steps: Sequence[Step]) -> tuple[list[Step], int]:
    """The steps of a run whose answers are all kept, and its judges' calls."""
    return [replace(step, calls=0, least=0, prompt_tokens=0) for step in steps], 0


def _all_kept(run: Callable[[], object], target: StoredTarget) -> bool:
    """Whether the answers of an earlier run are all that this one needs: it is run on them."""
    if not len(target.store):
        return False
    try:
        run()
    except BudgetSpentError:
        return False
    return True


def _greeting(question: Question, target: StoredTarget, count: Tokens) -> list[Step]:
    if not question.target.at_address:
        return []
    asked = int(target.store.get(target.key(GREETING)) is None)
    return [Step("first question", asked, asked, asked * count(GREETING))]


def _tokens(target: Target) -> tuple[Tokens, str]:
    """Who counts a prompt's tokens, and by what."""
    target = model_behind(target)
    encode = getattr(target, "encode", None)
    if encode is not None:
        return (lambda prompt: len(encode(prompt))), TOKENIZER
    system = len((getattr(target, "system", None) or "").encode("utf-8", "replace"))

    def estimate(prompt: Prompt) -> int:
        sizes = [len(message.content.encode("utf-8", "replace")) for message in prompt.messages]
        sizes += [system] if system else []
        return sum(-(-size // BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE for size in sizes)

    return estimate, RULE


def _value(
    question: Question, target: StoredTarget, steps: Sequence[Step], rule: str, judged: int
) -> dict[str, Any]:
    longest = question.target.longest_answer
    rows = [
        asdict(step) | {"exact": step.exact, "answer_tokens": step.calls * longest}
        for step in steps
    ]
    at_least = sum(step.least for step in steps)
    at_most = sum(step.calls for step in steps)
    return {
        "dry_run": True,
        "target": target_name(target.identity),
        "calls": {"at_least": at_least, "at_most": at_most},
        "judge_calls_at_most": judged,
        "prompt_tokens_at_most": sum(step.prompt_tokens for step in steps),
        "answer_tokens_at_most": at_most * longest,
        "tokens_by": rule,
        "kept_answers": len(target.store),
        "steps": rows,
    }


def _say(terminal: Terminal, value: dict[str, Any], steps: Sequence[Step]) -> None:
    head = ["step", "calls", "prompt tokens", "answer tokens"]
    rows = [
        [
            row["name"],
            f"{'' if row['exact'] else 'up to '}{row['calls']:,}",
            f"{row['prompt_tokens']:,}",
            f"{row['answer_tokens']:,}",
        ]
        for row in value["steps"]
    ]
    for line in table([head, *rows]):
        terminal.say(line)
    low, high = value["calls"]["at_least"], value["calls"]["at_most"]
    span = f"{high:,}" if low == high else f"{low:,} to {high:,}"
    terminal.say(
        f"{span} calls; at most {value['prompt_tokens_at_most']:,} prompt tokens and "
        f"{value['answer_tokens_at_most']:,} answer tokens, by {value['tokens_by']}"
    )
    if value["judge_calls_at_most"]:
        terminal.say(f"and up to {value['judge_calls_at_most']:,} calls of judging models")
    if value["kept_answers"]:
        terminal.say(f"{value['kept_answers']:,} answers are kept, and not asked again")
    terminal.say("nothing was asked or written; a lost answer may be asked for again")


def _say_bounds(
    terminal: Terminal,
    told: Forecast,
    options: CampaignOptions | DefenceOptions,
    each: str = "copy of",
) -> None:
    sure = f"{told.confidence:.0%} confidence{' for all at once' if options.joint else ''}"
    tries = f" in each of {options.tries} tries" if options.tries > 1 else ""
    for bound in told.bounds:
        groups = "1 group" if bound.groups == 1 else f"{bound.groups} groups"
        grouped = (
            f"; {bound.lower_by_groups:.3f} by their {groups}"
            if bound.groups < bound.attacks
            else ""
        )
        terminal.say(
            f"{bound.title}: at best {bound.lower:.3f}{tries} with {sure}, if "
            f"every {each} its {bound.attacks} attacks to certify on is refused{grouped}"
        )
