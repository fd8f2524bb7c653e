"""What a method of a ``certify`` study makes: the vote, and what is promised of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interlock.certify import (
    Certificate,
    DecayCurve,
    Judge,
    Perturbation,
    SmoothLLM,
)
from interlock.certify.defences import Defence, RandomCopies, defence_from, parse_defence
from interlock.certify.judges.phrases import PHRASE_JUDGES, phrase_judge
from interlock.certify.targets.protocol import Identity, OnReply, Prompt, Reply, Target
from interlock.certify.vote.graphemes import graphemes
from interlock.errors import OptionError
from interlock.lab.code import digest_of
from interlock.lab.study import CertifyStudy, MethodPart, unknown
from interlock.lab.task import one_line
from interlock.lab.tasks.certify.prompts import Asked
from interlock.lab.tasks.options import unknown_options

METHODS = ("undefended", "smoothllm", "drop", "erase", "self", "cascade")
OPTIONS = ("kind", "rate", "alphabet", "paper", "copies", "retries", "early_stop",
           "unstable")  # fmt: skip
_NOT_OF_COPIES = ("copies", "retries", "early_stop", "unstable")
_VOTE = ("retries", "early_stop")
_OPTIONS = {
    "smoothllm": OPTIONS,
    "drop": ("rate", "copies", *_VOTE),
    "erase": ("every", "longest", "parts", *_VOTE),
    "self": _VOTE,
    "cascade": ("stages", *_VOTE),
}
_COPIES = 11


def promised(metric: str, prompt: Asked, part: MethodPart) -> float:
    """The published certificate of one attack (arXiv 2511.18721), by what a study takes for true.

    Args:
        metric: ``"promised-1"`` or ``"promised-2"``, by the proposition.
        prompt: with the span of its adversarial part.
        part: with ``unstable``: ``epsilon``, and ``a``, ``b``, ``c`` of ASR(k).
    """
    assert prompt.span is not None
    start, stop = prompt.span
    curve, epsilon = _unstable(part)
    perturbation = _perturbation(part)
    certificate = Certificate(
        k=curve.threshold(epsilon),
        epsilon=epsilon,
        length=len(graphemes(prompt.text)),
        suffix_length=len(graphemes(prompt.text[start:stop])),
        rate=perturbation.rate,
        copies=copies_of(part),
        perturbation=perturbation.kind,
        curve=curve,
        paper=perturbation.paper,
    )
    return certificate.dsp_conservative if metric == "promised-1" else certificate.dsp


def try_promised(metric: str, prompt: Asked, part: MethodPart) -> tuple[float | None, str | None]:
    """The same, or why there is none."""
    try:
        return promised(metric, prompt, part), None
    except OptionError as error:  # a span that no suffix has, say
        return None, one_line(error)


def _unstable(part: MethodPart) -> tuple[DecayCurve, float]:
    given = part.options["unstable"]
    if not isinstance(given, dict) or sorted(given) != ["a", "b", "c", "epsilon"]:
        raise OptionError("unstable: give a, b and c of ASR(k) = a exp(-b k) + c, and epsilon")
    curve = DecayCurve(given["a"], given["b"], given["c"])
    curve.threshold(given["epsilon"])
    return curve, given["epsilon"]


def copies_of(part: MethodPart) -> int:
    """N of a majority of random copies; 1 where whole decisions are counted."""
    if part.method in ("smoothllm", "drop"):
        defence = _defence(part)
        assert defence.copies is not None
        return defence.copies
    return 1


def decides_whole(part: MethodPart) -> bool:
    """Whether a bound counts whole decisions, since votes are no random copies."""
    return part.method in ("erase", "self", "cascade")


def make_smooth(target: Target, judge: Judge, part: MethodPart) -> SmoothLLM:
    """The defence that a part of a study names.

    Raises:
        OptionError: an option outside its range.
    """
    if "unstable" in part.options:
        _unstable(part)
    if part.method == "undefended":
        return SmoothLLM(target, Perturbation("swap", 0.0), 1, judge)
    vote = {key: part.options[key] for key in ("retries",) if key in part.options}
    # All votes are wanted, for certificates; not where whole decisions are counted.
    early = part.options.get("early_stop", decides_whole(part))
    return SmoothLLM(target, _defence(part), judge=judge, early_stop=early, **vote)


def _defence(part: MethodPart) -> Defence:
    if part.method == "smoothllm":
        return RandomCopies(_perturbation(part), int(part.options.get("copies", _COPIES)))
    options = {key: value for key, value in part.options.items() if key not in _VOTE}
    if part.method == "cascade":
        if not isinstance(options.get("stages"), str):
            raise OptionError("cascade: give stages, such as 'self+erase:longest=20'")
        return parse_defence(options["stages"])
    return defence_from({"name": part.method, **options})


def code_of(part: MethodPart, judge: Judge) -> str:
    """A digest of the code that decides the votes."""
    if part.method in ("undefended", "smoothllm"):
        return digest_of(SmoothLLM, judge)
    return digest_of(SmoothLLM, judge, parse_defence)


def _perturbation(part: MethodPart) -> Perturbation:
    return Perturbation(
        **{key: value for key, value in part.options.items() if key not in _NOT_OF_COPIES}
    )


def open_judge(name: str) -> Judge:
    """A judge by name."""
    return phrase_judge(name)


def problems(study: CertifyStudy) -> Iterator[str]:
    """A line for each thing in a study that cannot be."""
    if study.judge not in PHRASE_JUDGES:
        yield f"judge: {study.judge!r}: {unknown('judge', study.judge, PHRASE_JUDGES)}"
    for number, part in enumerate(study.methods):
        where = f"methods[{number}]"
        if part.method not in METHODS:
            yield f"{where}.method: {part.method!r}: {unknown('method', part.method, METHODS)}"
            continue
        known = _OPTIONS.get(part.method, ())
        wrong = list(unknown_options(part.options, known))
        yield from (f"{where}.options.{option}: {text}" for option, text in wrong)
        if not wrong:
            try:
                make_smooth(_Nobody(), open_judge("phrases"), part)
            except (OptionError, TypeError) as error:
                yield f"{where}.options: {error}"


class _Nobody:
    """A target that loses every call: stands where only options are looked at."""

    def __init__(self) -> None:
        self.identity: Identity = {"target": "nobody"}

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        return [Reply.failed("nobody answers") for _ in prompts]

    async def ask_async(self, prompt: Prompt) -> Reply:
        return Reply.failed("nobody answers")
