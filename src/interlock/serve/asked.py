"""What a defence asks about a whole request: the same as about a prompt, in its places."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from itertools import accumulate
from typing import Any

from interlock.certify.defences import EraseAndCheck
from interlock.certify.defences.cascade import in_turn, stage_seed, stages_of
from interlock.certify.targets.protocol import Message, Prompt
from interlock.certify.targets.surprise import echo_body
from interlock.certify.vote.asks import ANY, MAJORITY, Asks, Defence, Rule
from interlock.certify.vote.later import Later
from interlock.certify.vote.random_copies import RandomCopies
from interlock.serve.chat import ChatRequest, Copy
from interlock.serve.erasing import erased


@dataclass(frozen=True)
class Asked:
    """The calls of one vote, and the rule over their answers."""

    copies: Sequence[Copy]
    """All that may be asked, by number; a random copy is drawn when it is asked for."""
    asks: Asks
    """Their prompts, whose seeds are their numbers, in rounds."""
    original: Copy
    """The request as it came."""
    differ: bool = False
    """Whether all copies are sure to ask something else than the original."""

    @cached_property
    def twins(self) -> frozenset[int]:
        """Copies that are just the request as it came, so that their answers are answers to it."""
        if self.differ:
            return frozenset()
        same = self.original.prompt.messages
        return frozenset(i for i, one in enumerate(self.asks) if one.messages == same)


@dataclass(frozen=True)
class Asking:
    """How requests become what a defence asks.

    Args:
        defence: any of :mod:`interlock.certify.defences`.
        decoding: fields of the body of the guard's own questions, such as a temperature; a client's
            are for its answer alone.
        classifier: the name of the model that a classifier's stage asks.
    """

    defence: Defence
    decoding: Mapping[str, Any] = field(default_factory=dict)
    classifier: str = ""

    def __call__(self, request: ChatRequest, seed: int) -> Asked:
        """What is asked about a request; the same seed gives the same."""
        of, original = stages_of(self.defence), request.original
        stages = [
            self._stage(stage, request, stage_seed(seed, number)) for number, stage in enumerate(of)
        ]
        ends = list(accumulate(len(copies) for copies, _ in stages))

        def copy(number: int) -> Copy:
            stage = bisect_right(ends, number)
            return stages[stage][0][number - ends[stage]]

        return Asked(
            Later(ends[-1], copy),
            in_turn(
                [
                    Asks.of(Later(len(copies), partial(_numbered, copies, end - len(copies))), rule)
                    for (copies, rule), end in zip(stages, ends, strict=True)
                ]
            ),
            replace(original, prompt=_told_apart(original)),
            not any(_may_repeat(one, request) for one in of),
        )

    def spares(self, request: ChatRequest) -> bool:
        """Whether a text of the request stays as it is in all copies of a stage that draws some."""
        changed = (one for one in stages_of(self.defence) if isinstance(one, RandomCopies))
        return any(request.spared_by(one.change) for one in changed)

    def _stage(
        self, stage: Defence, request: ChatRequest, seed: int
    ) -> tuple[Sequence[Copy], Rule]:
        if isinstance(stage, RandomCopies):
            return Later(stage.copies, request.drawing(stage.change, seed)), MAJORITY
        if isinstance(stage, EraseAndCheck):
            return erased(request, stage, seed), ANY
        # A question of its own about all that the client wrote.
        [(prompts, rule)] = stage.asks(request.whole, seed=seed).rounds
        return [Copy(self._own(one, request), one, own=True) for one in prompts], rule

    def _own(self, prompt: Prompt, request: ChatRequest) -> dict[str, Any]:
        """The body of a question of its own."""
        if prompt.wants == "surprise":
            return echo_body(request.model, prompt)
        if prompt.wants == "class":
            messages = replace(prompt, messages=prompt.messages[1:]).as_chat()
            return {"model": self.classifier, "messages": messages, "temperature": 0}
        body = {"model": request.model, "messages": prompt.as_chat(), **self.decoding}
        return body | ({"seed": prompt.seed} if self.decoding.get("temperature") else {})


def _told_apart(copy: Copy) -> Prompt:
    """Its prompt, for the judge, with a hash of all that is sent: only where that is equal, too,
    are two copies one question."""
    own = Message("request", sha256(json.dumps(copy.body).encode()).hexdigest())
    return replace(copy.prompt, messages=(own, *copy.prompt.messages))


def _may_repeat(stage: Defence, request: ChatRequest) -> bool:
    """Whether one of its copies can be the request as it came."""
    if isinstance(stage, RandomCopies):
        return not request.alters(stage.change)
    return isinstance(stage, EraseAndCheck)


def _numbered(copies: Sequence[Copy], first: int, index: int) -> Prompt:
    """With the number of its copy for its seed."""
    copy = copies[index]
    return replace(copy.prompt if copy.own else _told_apart(copy), seed=first + index)
