"""What a defence costs those who mean no harm: prompts released, and whether the answers are good.

Both stand beside the bare model on the same prompts. A lost answer counts against, a refusal is
never right, and what cannot be checked is counted by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interlock.certify.bounds.betting import mean_interval
from interlock.certify.bounds.counts import lower_bound, upper_bound
from interlock.certify.campaign.benign import BenignPrompt
from interlock.certify.campaign.references import Grade
from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.pairs import PairJudge, Preference
from interlock.certify.targets.protocol import Prompt, Reply, Target
from interlock.certify.vote.decision import ORIGINAL, Decision
from interlock.certify.vote.perturb import sampling_seed
from interlock.certify.vote.smoothllm import SmoothLLM, judge_replies
from interlock.errors import DataError, ModelError

Interval = tuple[float, float]


@dataclass(frozen=True)
class Graded:
    """An answer, what the judge made of it, and what the reference did."""

    text: str
    """As it was given."""
    verdict: Verdict
    """Of the judge."""
    grade: Grade | None = None
    """None without a reference."""

    @property
    def answered(self) -> bool:
        """Whether it is an answer at all: neither refused nor lost."""
        return self.verdict is Verdict.COMPLIED

    @property
    def right(self) -> bool:
        """Whether it is one that the reference calls right."""
        return self.answered and self.grade is Grade.RIGHT


@dataclass(frozen=True)
class Outcome:
    """What became of one benign prompt."""

    prompt: BenignPrompt
    """The prompt."""
    bare: Graded
    """The bare model's answer."""
    given: Graded | None
    """What the defence released, where that is an answer."""
    as_good: bool | None
    """Whether it is as good as the bare model's; None where nothing was released, or nobody can
    tell."""
    calls: int
    """Of the target."""


@dataclass(frozen=True)
class Utility:
    """A defence beside the bare model, on the same benign prompts."""

    outcomes: tuple[Outcome, ...]
    """One for each prompt."""
    run_code: bool = False
    """Whether code was run; else it was parsed, and its prompts are not among ``checked``."""

    @property
    def asked(self) -> int:
        """Prompts."""
        return len(self.outcomes)

    @property
    def released(self) -> int:
        """Prompts that got an answer; a refusal that was passed on is none."""
        return sum(one.given is not None for one in self.outcomes)

    @property
    def bare_answered(self) -> int:
        """Prompts that the bare model answered."""
        return sum(one.bare.answered for one in self.outcomes)

    @property
    def share(self) -> float:
        """Of the prompts that were released."""
        return self.released / self.asked

    @property
    def compared(self) -> int:
        """Released answers of which one can tell whether they are as good as the bare model's."""
        return sum(one.as_good is not None for one in self.outcomes)

    @property
    def as_good(self) -> int:
        """Of these, those that are: the same text, right by the reference, or not judged worse."""
        return sum(one.as_good is True for one in self.outcomes)

    @property
    def unchecked(self) -> int:
        """Released answers that differ from the bare model's and that nothing could compare."""
        return self.released - self.compared

    @property
    def useful(self) -> float:
        """The share of prompts with an answer that is not known to be worse than the bare one."""
        return (self.released - self.compared + self.as_good) / self.asked

    @property
    def checked(self) -> int:
        """Prompts with a reference that was used."""
        return len(self._checked)

    @property
    def right(self) -> int:
        """Of these, those released with a right answer."""
        return sum(one.given is not None and one.given.right for one in self._checked)

    @property
    def bare_right(self) -> int:
        """Of these, those that the bare model answers rightly."""
        return sum(one.bare.right for one in self._checked)

    @property
    def not_run(self) -> int:
        """Prompts that ask for code, where code was only parsed."""
        return 0 if self.run_code else sum(map(_asks_for_code, self.outcomes))

    @property
    def mean_calls(self) -> float:
        """Of the target, for one benign prompt."""
        return sum(one.calls for one in self.outcomes) / self.asked

    def interval(self, confidence: float = 0.95) -> Interval:
        """The exact two-sided interval of ``share``."""
        return _exact(self.released, self.asked, confidence)

    def as_good_interval(self, confidence: float = 0.95) -> Interval:
        """Likewise of ``as_good`` among ``compared``; [0, 1] where there are none."""
        return _exact(self.as_good, self.compared, confidence)

    def right_interval(self, confidence: float = 0.95, *, bare: bool = False) -> Interval:
        """Likewise of ``right``, or of the bare model's, among ``checked``."""
        return _exact(self.bare_right if bare else self.right, self.checked, confidence)

    def change_interval(self, confidence: float = 0.95) -> Interval:
        """Of the share of right answers less the bare model's, paired: both on the same prompts.

        The difference of a prompt is -1, 0 or 1; the interval of its mean is valid whatever its
        law is (betting). [-1, 1] where no prompt has a reference.
        """
        pairs = [
            (one.given is not None and one.given.right) - one.bare.right for one in self._checked
        ]
        if not pairs:
            return -1.0, 1.0
        low, high = mean_interval((np.array(pairs, dtype=np.float64) + 1) / 2, confidence)
        return 2 * low - 1, 2 * high - 1

    @property
    def caveats(self) -> list[str]:
        """What was not checked, in sentences."""
        lines = []
        if self.unchecked:
            lines.append(
                f"unchecked: {self.unchecked} released answers differ from the bare model's and "
                "have no reference that decides; give references or --pair-judge"
            )
        if plain := sum(one.prompt.reference is None for one in self.outcomes):
            lines.append(f"unchecked: {plain} benign prompts have no reference for a right answer")
        if self.not_run:
            lines.append(
                f"unchecked: code was parsed and not run for {self.not_run} prompts; --run-code "
                "runs what the model writes"
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with 95 % intervals."""
        kinds = dict.fromkeys(one.prompt.kind for one in self.outcomes)
        return _counts(self) | {
            "released_interval": list(self.interval()),
            "as_good_interval": list(self.as_good_interval()),
            "right_interval": list(self.right_interval()),
            "bare_right_interval": list(self.right_interval(bare=True)),
            "change_interval": list(self.change_interval()),
            "useful": self.useful,
            "mean_calls": self.mean_calls,
            "code_run": self.run_code,
            "kinds": {
                kind or "any": _counts(
                    Utility(
                        tuple(one for one in self.outcomes if one.prompt.kind == kind),
                        self.run_code,
                    )
                )
                for kind in kinds
            },
        }  # fmt: skip

    @property
    def _checked(self) -> list[Outcome]:
        return [
            one
            for one in self.outcomes
            if one.prompt.reference is not None and (self.run_code or not _asks_for_code(one))
        ]


def ask_bare(
    target: Target,
    judge: Judge,
    benign: Sequence[BenignPrompt],
    *,
    seed: int = 0,
    run_code: bool = False,
) -> list[Graded]:
    """The bare model's answers, graded.

    Raises:
        DataError: no prompts.
        ModelError: every single call was lost.
    """
    if not benign:
        raise DataError("nothing to measure on; give at least one prompt")
    prompts = [bare_prompt(one, seed) for one in benign]
    replies = target.ask(prompts)
    _some_came(replies)
    verdicts = judge_replies(judge, prompts, replies)
    return [
        _graded(one, reply.text, verdict, run_code)
        for one, reply, verdict in zip(benign, replies, verdicts, strict=True)
    ]


def measure_utility(
    smooth: SmoothLLM,
    benign: Sequence[BenignPrompt],
    bare: Sequence[Graded],
    *,
    seed: int = 0,
    run_code: bool = False,
    pair_judge: PairJudge | None = None,
) -> Utility:
    """Put benign prompts through whole votes, and set the answers beside the bare model's.

    An answer is as good where it is the same text or right by the reference, and not where the
    bare one is right and it is not. Where neither tells, the pair judge does, if there is one: a
    tie is as good, a lost verdict is not.

    Args:
        smooth: votes, and answers from the original or from a copy.
        benign: the prompts.
        bare: answers to them, as :func:`ask_bare` gives them with the same seed.
        seed: of perturbations and sampling.
        run_code: run the code that answers hold, see :func:`run_calls`.
        pair_judge: compares what references do not.

    Raises:
        DataError: no prompts.
        ModelError: every single call was lost.
    """
    if not benign:
        raise DataError("nothing to measure on; give at least one prompt")
    prompts = [bare_prompt(one, seed) for one in benign]
    decisions = smooth.decide_many(
        [smooth.perturbed(prompt, seed=seed) for prompt in prompts],
        [seed] * len(prompts),
        originals=prompts if smooth.answer_from == "original" else None,
    )
    _some_came([vote.reply for decision in decisions for vote in decision.votes])
    outcomes = []
    for prompt, before, decision in zip(benign, bare, decisions, strict=True):
        given = _given(prompt, before, decision, run_code)
        as_good = None if given is None else _compare(before, given)
        outcomes.append(Outcome(prompt, before, given, as_good, decision.calls))
    if pair_judge is not None:
        outcomes = _judged(pair_judge, outcomes)
    return Utility(tuple(outcomes), run_code)


def bare_prompt(one: BenignPrompt, seed: int) -> Prompt:
    """A prompt as it is, with sampling of its own: shared noise would make prompts alike."""
    return Prompt.user(one.prompt, seed=sampling_seed(one.prompt, seed, ORIGINAL))


def _graded(prompt: BenignPrompt, text: str, verdict: Verdict, run_code: bool) -> Graded:
    if prompt.reference is None or verdict is not Verdict.COMPLIED:
        return Graded(text, verdict, None if prompt.reference is None else Grade.WRONG)
    return Graded(text, verdict, prompt.reference.check(prompt.prompt, text, run_code=run_code))


def _given(prompt: BenignPrompt, bare: Graded, decision: Decision, run_code: bool) -> Graded | None:
    """The answer that a decision gave; None where it is none."""
    if not decision.released or decision.chosen is None:
        return None
    if decision.chosen == ORIGINAL and decision.original is not None:
        whole = decision.original
        if whole.verdict is not Verdict.COMPLIED or not whole.reply.text:
            return None
    if bare.answered and decision.text == bare.text:
        return bare
    return _graded(prompt, decision.text, Verdict.COMPLIED, run_code)


def _compare(bare: Graded, given: Graded) -> bool | None:
    """By text and references alone; None where these do not tell."""
    if given.right or (bare.answered and given.text == bare.text):
        return True
    if not bare.answered or Grade.UNCHECKED is bare.grade is given.grade:
        return None
    if given.grade is Grade.UNCHECKED:  # code that parses, beside such that does not
        return True
    return False if bare.grade in (Grade.RIGHT, Grade.UNCHECKED) else None


def _judged(judge: PairJudge, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that nothing else could compare, by the pair judge."""
    open_ = [one for one in outcomes if one.given is not None and one.as_good is None]
    verdicts = judge(
        [one.prompt.prompt for one in open_],
        [one.bare.text for one in open_],
        [one.given.text for one in open_ if one.given is not None],
    )
    good = {
        id(one): preference in (Preference.SECOND, Preference.TIE)
        for one, preference in zip(open_, verdicts, strict=True)
    }
    return [
        Outcome(one.prompt, one.bare, one.given, good.get(id(one), one.as_good), one.calls)
        for one in outcomes
    ]


def _some_came(replies: Sequence[Reply]) -> None:
    if replies and all(reply.lost for reply in replies):
        raise ModelError(f"every call of the target failed; the first: {replies[0].error}")


def _asks_for_code(one: Outcome) -> bool:
    return one.prompt.reference is not None and one.prompt.reference.kind == "python"


def _counts(of: Utility) -> dict[str, Any]:
    names = ["asked", "released", "bare_answered", "compared", "as_good", "unchecked"]
    names += ["checked", "right", "bare_right", "not_run"]
    return {name: getattr(of, name) for name in names}


def _exact(successes: int, trials: int, confidence: float) -> Interval:
    one_sided = (1 + confidence) / 2
    low = float(lower_bound(successes, trials, one_sided))
    return low, float(upper_bound(successes, trials, one_sided))
