"""How sure a language model's refusal is, in sentences."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interlock.cli.certify.question import Question
from interlock.explain.drawing.relations import percent
from interlock.report import Advice, Finding, Number, Picture, Sentence
from interlock.report.page import data_uri

CARD, PLAN, CHECK = "#certificate", "#plan", "check.png"
_ORIGIN = "campaign in target/results.json"


def refusal_finding(outcome: Mapping[str, Any], question: Question) -> Finding:
    """In sentences.

    Args:
        outcome: of the campaign, as ``results.json`` has it.
        question: what it was asked.
    """
    families = {one["family"]: one for one in outcome["families"]}
    main, name = families.get(outcome["family"]), outcome["family"]
    said: list[Sentence] = [*_undefended(name, outcome["undefended"][name])]
    said += _utility(outcome)
    if main is None:
        verdict: Sentence = (
            f"No vote over changed copies is worth its price: {outcome['no_setting']}",
        )
    else:
        verdict = _verdict(main)
        said.insert(1, _vote(outcome["setting"], main))
    said += [_other(one) for other, one in families.items() if other != name]
    return Finding(
        "How sure is its refusal?",
        "refusal",
        verdict,
        sentences=said,
        pictures=_pictures(question.out),
        pairs=True,
        advice=_advice(outcome, question),
    )


def _pictures(folder: Path) -> list[Picture]:
    try:
        drawn = (folder / CHECK).read_bytes()
    except OSError:  # without a setting nothing was drawn
        return []
    return [Picture(data_uri(drawn), "The bound, and what attacks held out came to", CARD)]


def _verdict(main: Mapping[str, Any]) -> Sentence:
    lower = _number(f"{main['family']}.lower", percent(main["lower"]), main["lower"], CARD)
    if not main["certified"]:
        return (
            f"No certificate for {main['family']} attacks: with the vote, at least ", lower,
            " of such attacks are refused.",
        )  # fmt: skip
    return (
        "With a vote over changed copies, at least ", lower,
        f" of attacks like the measured ones ({main['family']}) are refused.",
    )  # fmt: skip


def _undefended(family: str, rates: Mapping[str, Any]) -> list[Sentence]:
    attack, goal = rates["attack"], rates["goal"]
    said: list[str | Number] = [
        f"Bare: it complies with {family} attacks in ", _rate(f"{family}.undefended", attack)
    ]  # fmt: skip
    if goal is not None:
        asked = f"{goal['complied']} of {goal['asked']}"
        plainly = _number(f"{family}.goal", asked, goal["complied"], CARD)
        said += [", and with what they ask for, put plainly, in ", plainly]
    return [(*said, ".")]


def _vote(setting: Mapping[str, Any], main: Mapping[str, Any]) -> Sentence:
    family = main["family"]
    said: list[str | Number] = [
        "Behind the vote (",
        _number("setting.copies", f"{setting['copies']} copies", setting["copies"], PLAN),
        ", ",
        _number("setting.rate", percent(setting["rate"]), setting["rate"], PLAN),
        f" of the characters changed by {setting['perturbation']}): at least ",
        _number(f"{family}.lower", percent(main["lower"]), main["lower"], CARD),
        " refused, with ",
        _number("confidence", percent(main["confidence"]), main["confidence"], CARD),
        " confidence, from ",
        _number(f"{family}.attacks", f"{main['attacks']['certify']} attacks",
                main["attacks"]["certify"], CARD),
        " in ",
        _number(f"{family}.groups", f"{main['groups']} groups", main["groups"], CARD),
        " that are not alike",
    ]  # fmt: skip
    if held := main["held_out"]:
        shown = f"{percent(held['dsp'])} ({percent(held['low'])} to {percent(held['high'])})"
        number = Number(f"target.{family}.held_out", shown, held["dsp"], CARD, _ORIGIN,
                        held["low"], held["high"])  # fmt: skip
        said += ["; of attacks that were held out, ", number, " were"]
    if main["refusal"]:
        return (*said, f". No certificate: {main['refusal']}")
    return (*said, ".")


def _utility(outcome: Mapping[str, Any]) -> list[Sentence]:
    offer = next((one for one in outcome["offers"] if one["setting"]), None)
    if offer is None:
        return []
    low, high = offer["answered_interval"]
    shown = f"{offer['answered']} of {offer['asked']} ({percent(low)} to {percent(high)})"
    released = Number(
        "target.released", shown, offer["answered"] / offer["asked"], PLAN, _ORIGIN, low, high
    )
    bare = outcome["benign_answered_undefended"]
    calls = offer["utility"]["mean_calls"]
    return [
        (
            "Harmless prompts: the vote lets ", released, " through; bare, ",
            _number("benign.bare", percent(bare), bare, PLAN),
            " are answered. It costs ", _number("calls", f"{calls:.1f} calls", calls, PLAN),
            " a prompt where one was enough.",
        )
    ]  # fmt: skip


def _other(one: Mapping[str, Any]) -> Sentence:
    family = one["family"]
    lower = _number(f"{family}.lower", percent(one["lower"]), one["lower"], CARD)
    rates = _rate(f"{family}.undefended", one["undefended"]["attack"])
    ends = "." if one["certified"] else ": no certificate."
    return (f"{family} attacks: bare, it complies in ", rates, "; behind the vote at least ",
            lower, f" are refused{ends}")  # fmt: skip


def _advice(outcome: Mapping[str, Any], question: Question) -> list[Advice]:
    main = next((one for one in outcome["families"] if one["family"] == outcome["family"]), None)
    name, advice = shlex.quote(question.target.name), list[Advice]()
    if main is not None and main["certificate"]:
        served = "--embedded" if name == "embedded" else f"--target {name}"
        if question.target.at_address:
            served = f"--upstream {name}"
        certificate = shlex.quote(main["certificate"])
        command = f"interlock guard {served} --certificate {certificate}"
        advice.append(Advice("Put the vote before the model, as it was certified:", command))
    else:
        advice.append(
            Advice(
                "Do not rely on this vote. Set other defences side by side, on the same attacks:",
                f"interlock certify report {_named(question)} --defence erase --defence "
                "perplexity:quantile=0.95 --out defences",
            )
        )
    if any(not one["certified"] for one in outcome["families"]):
        text = "Families without a certificate get past it: give more attacks that are not alike."
        advice.append(Advice(text))
    command = f"interlock certify report {_named(question)} --defence "
    command += "smooth:insert,rate=0.15,copies=5 --adaptive 20 --out adaptive"
    advice.append(Advice("Try attackers that know the vote and adapt to it:", command))
    return advice


def _named(question: Question) -> str:
    """The options that name the same target and attacks."""
    options = {
        "target": question.target.name,
        "model": question.target.model,
        "attacks": question.attacks,
        "benign": question.benign,
    }
    return " ".join(f"--{name} {shlex.quote(str(v))}" for name, v in options.items() if v)


def _rate(name: str, rate: Mapping[str, Any]) -> Number:
    shown = (
        f"{rate['complied']} of {rate['asked']} ({percent(rate['low'])} to {percent(rate['high'])})"
    )
    return Number(f"target.{name}", shown, rate["share"], CARD, _ORIGIN, rate["low"], rate["high"])


def _number(name: str, shown: str, value: float, link: str) -> Number:
    return Number(f"target.{name}", shown, value, link, _ORIGIN)
