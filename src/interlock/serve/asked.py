"""What a defence asks about a whole request: the same as about a prompt, in its places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from interlock.certify.defences import EraseAndCheck
from interlock.certify.defences.cascade import in_turn, stage_seed, stages_of
from interlock.certify.targets.protocol import Message, Prompt
from interlock.certify.targets.surprise import echo_body
from interlock.certify.vote.asks import ANY, MAJORITY, Asks, Defence
from interlock.certify.vote.random_copies import RandomCopies
from interlock.serve.chat import ChatRequest, Copy
from interlock.serve.erasing import erased


@dataclass(frozen=True)
class Asked:
    """The calls of one vote, and the rule over their answers."""

    copies: tuple[Copy, ...]
    """All that may be asked, by number."""
    asks: Asks
    """Their prompts, whose seeds are their numbers, in rounds."""
    original: Copy
    """The request as it came."""

    @cached_property
    def twins(self) -> frozenset[int]:
        """Copies that are just the request as it came, so that their answers are answers to it."""
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
        copies, asks = list[Copy](), list[Asks]()
        for number, stage in enumerate(stages_of(self.defence)):
            of_stage, rounds = self._stage(stage, request, stage_seed(seed, number))
            asks.append(_numbered(rounds, len(copies)))
            copies += of_stage
        original = request.original
        return Asked(tuple(copies), in_turn(asks), replace(original, prompt=_told_apart(original)))

    def _stage(self, stage: Defence, request: ChatRequest, seed: int) -> tuple[list[Copy], Asks]:
        if isinstance(stage, RandomCopies):
            copies, rule = request.copies(stage.change, stage.copies, seed), MAJORITY
        elif isinstance(stage, EraseAndCheck):
            copies, rule = erased(request, stage, seed), ANY
        else:  # a question of its own about all that the client wrote
            asks = stage.asks(request.whole, seed=seed)
            return [Copy(self._own(one, request), one, own=True) for one in asks], asks
        return copies, Asks.of([_told_apart(copy) for copy in copies], rule)

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
    sent = json.dumps(copy.body, sort_keys=True).encode()
    own = Message("request", sha256(sent).hexdigest())
    return replace(copy.prompt, messages=(own, *copy.prompt.messages))


def _numbered(asks: Asks, first: int) -> Asks:
    """With the number of each copy for its seed."""
    [(prompts, rule)] = asks.rounds
    numbered = (replace(prompt, seed=first + i) for i, prompt in enumerate(prompts))
    return Asks(((tuple(numbered), rule),))
