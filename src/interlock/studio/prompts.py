"""The prompt tab: a vote, step by step, with what each verdict rests on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interlock.certify import Decision, Prompt, RefusalPhrases, Reply, SmoothLLM, Target
from interlock.certify.defences import defence_text, parse_defence
from interlock.certify.defences.cascade import stages_of
from interlock.certify.targets.protocol import Identity, OnReply
from interlock.certify.vote.asks import Asks, Defence
from interlock.certify.vote.decision import ORIGINAL, Vote, as_original
from interlock.certify.vote.smoothllm import judge_replies
from interlock.errors import OptionError
from interlock.serve.in_words import in_words
from interlock.serve.marks import marks
from interlock.serve.reasons import reason
from interlock.studio.board import Part
from interlock.studio.jobs import Job

DEFENCES = (
    "smooth:insert,rate=0.15,copies=5",
    "smooth:swap,rate=0.1,copies=7",
    "drop:rate=0.3,copies=5",
    "erase:parts=3",
    "self",
)
"""That the page offers; the first one at first."""
TOGETHER = 4
"""Prompts that the target is given at a time: between two such batches it can be stopped."""
LONGEST = 20_000
"""Characters of a prompt."""
Tell = Callable[[Mapping[str, Any]], None]


def offered() -> list[Part]:
    """Defences by their texts, in words."""
    return [
        {"text": text, "words": in_words(parse_defence(text), "The studio")} for text in DEFENCES
    ]


def chosen_defence(text: str) -> Defence:
    """The defence of a text.

    Raises:
        OptionError: it names none, or one that needs to be fitted or another model.
    """
    defence = parse_defence(text)
    for stage in stages_of(defence):
        if stage.name in ("perplexity", "classifier"):
            raise OptionError(
                f"defence={text!r}: {stage.name} has to be set up; 'interlock guard' serves it"
            )
    return defence


def hold_vote(
    target: Target, prompt: str, defence: Defence, seed: int, job: Job, tell: Tell
) -> None:
    """Vote on a prompt, and tell each step as the guard's page shows it.

    Where the vote blocks, the prompt itself is asked all the same, to show what is withheld.

    Args:
        target: that is asked.
        prompt: of the user.
        defence: that decides.
        seed: of the copies, and of ties; the same gives the same.
        job: stops it between two batches.
        tell: hears the steps.
    """
    begun, judge = time.monotonic(), RefusalPhrases()
    original = Prompt.user(prompt)
    asks = defence.asks(original, seed=seed)
    watched = _Watched(target, judge, asks, prompt, job, tell)
    sizes = [len(prompts) for prompts, _ in asks.rounds]
    stages = [stage.name for stage in stages_of(defence)]
    tell({"event": "rounds", "sizes": sizes, "stages": stages})
    tell({"event": "original", "text": prompt})
    decision = SmoothLLM(watched, defence, judge=judge).decide(asks, seed=seed, original=original)
    own = decision.original or as_original(original, decision.votes)
    if own is None:
        job.check()
        own = _asked(target, judge, original)
    tell(
        {
            "event": "decision",
            "milliseconds": (time.monotonic() - begun) * 1000,
            "defence": defence_text(defence),
            "stage": stages[decision.round],
            "calls": decision.calls,
            "saved": decision.saved,
            "withheld": not decision.released,
            "cast": [_cast(judge, vote) for vote in decision.votes],
            "original": {**_cast(judge, own), "text": own.reply.text},
            **_outcome(decision),
        }
    )


def _asked(target: Target, judge: RefusalPhrases, prompt: Prompt) -> Vote:
    replies = target.ask([prompt])
    (verdict,) = judge_replies(judge, [prompt], replies)
    return Vote(ORIGINAL, prompt, replies[0], verdict, 1)


def _outcome(decision: Decision) -> dict[str, Any]:
    refused = "blocked" if decision.defended else "undecided"
    counts = [vote.verdict.value for vote in decision.votes]
    return {
        "outcome": "released" if decision.released else refused,
        "text": decision.text,
        "copies": decision.copies,
        "votes": {name: counts.count(name) for name in ("complied", "refused", "lost")},
    }


def _cast(judge: RefusalPhrases, vote: Vote) -> dict[str, Any]:
    why, words = reason(judge, vote)
    if vote.own:  # of a question of the defence's own
        why, words = "It is the answer to the defence's own question.", ""
    return {"copy": vote.copy, "verdict": vote.verdict.value, "why": why, "words": words}


class _Watched:
    """A target whose questions and answers are told as they come."""

    def __init__(
        self, target: Target, judge: RefusalPhrases, asks: Asks, before: str, job: Job, tell: Tell
    ) -> None:
        self.target, self._judge, self._asks = target, judge, asks
        self._before, self._job, self._tell = before, job, tell
        self._numbers = {id(prompt): number for number, prompt in enumerate(asks)}
        self._answered = 0

    @property
    def identity(self) -> Identity:
        return self.target.identity

    def ask(self, prompts: Sequence[Prompt], *, on_reply: OnReply | None = None) -> list[Reply]:
        replies: list[Reply] = []
        for start in range(0, len(prompts), TOGETHER):
            part = prompts[start : start + TOGETHER]
            numbers = [self._numbers.get(id(prompt), ORIGINAL) for prompt in part]
            self._job.tell(note=f"{self._answered} answers")
            for number, prompt in zip(numbers, part, strict=True):
                if number != ORIGINAL:
                    text = prompt.text
                    changes = marks(self._before, text)
                    self._tell({"event": "asked", "copy": number, "text": text, "marks": changes})
            said = self.target.ask(part)
            self._job.check()
            self._answered += len(said)
            readings = [None if n == ORIGINAL else self._asks.reading(n) for n in numbers]
            verdicts = judge_replies(self._judge, part, said, readings)
            for number, reply, verdict in zip(numbers, said, verdicts, strict=True):
                self._tell_answer(number, reply, verdict.value)
            replies += said
        return replies

    async def ask_async(self, prompt: Prompt) -> Reply:
        return self.ask([prompt])[0]

    def _tell_answer(self, number: int, reply: Reply, verdict: str) -> None:
        if number == ORIGINAL:
            return
        if reply.lost:
            self._tell({"event": "lost", "copy": number, "why": reply.error or "it was lost"})
            return
        self._tell({"event": "text", "copy": number, "text": reply.text})
        self._tell({"event": "verdict", "copy": number, "verdict": verdict})
