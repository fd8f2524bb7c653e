"""The vote on one request: SmoothLLM over its copies, with every failure a vote against.

The decision is that of :class:`interlock.certify.SmoothLLM`; here its copies are whole requests,
its target is the upstream, and each step can be watched.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from interlock.certify import Decision, Judge, Perturbation, Prompt, Reply, Verdict
from interlock.certify.vote.live_vote import LiveVote
from interlock.errors import InterlockError
from interlock.names import VoteOutcome
from interlock.serve.chat import ChatRequest, Copy
from interlock.serve.completion import Completion, MalformedError
from interlock.serve.early_refusal import RefusalWatch
from interlock.serve.upstream import Call, LostError, Upstream
from interlock.serve.wire_error import WireError

LONG = 20_000
"""Characters from which on copies are made in a thread, so that other requests go on."""
MANY = 20
"""Texts from which on likewise."""
_PAUSE = 0.2  # seconds before a lost copy is asked again, up to; drawn at random
_PATIENCE = 1.0  # seconds that a busy upstream may put it off
Watcher = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class VoteRules:
    """How each vote is held."""

    perturbation: Perturbation
    copies: int
    judge: Judge
    retries: int = 1
    """Further calls for a lost copy."""
    spare: int = 1
    """Copies asked at once beyond the fewest that could decide."""
    early_stop: bool = True


@dataclass(frozen=True)
class Ballot:
    """A vote that is over."""

    decision: Decision
    chosen: tuple[Completion, ...]
    """The answers to release, as many as were asked for; empty unless released."""
    usages: tuple[Mapping[str, Any], ...]
    """Token counts of every call that told them."""
    uncounted: int
    """Calls whose tokens nobody told: cut short, lost, or without usage."""
    cut: int
    """Calls ended early because their refusal was clear."""
    retry_after: float | None
    """The longest wait that a busy upstream (429) asked for; 0 where it named none."""

    @property
    def outcome(self) -> VoteOutcome:
        """What became of the request.

        ``blocked``: a majority refused. ``undecided``: neither side has one, for copies were lost
        or time ran out; nothing is released then.
        """
        if self.decision.released:
            return "released"
        return "blocked" if self.decision.defended else "undecided"


async def hold_vote(
    request: ChatRequest,
    rules: VoteRules,
    upstream: Upstream,
    *,
    seed: int,
    request_id: str,
    deadline: float | None = None,
    on_call: Callable[[str], None] | None = None,
    watch: Watcher | None = None,
) -> Ballot:
    """Ask the copies side by side until the majority is settled, and cancel the rest.

    Args:
        request: the request; at least one message must be the user's.
        rules: how to vote.
        upstream: whom to ask.
        seed: of the copies and of the choice among willing answers, >= 0.
        request_id: told to the upstream.
        deadline: seconds from now; an undecided vote then refuses. None: no limit.
        on_call: told what became of each call: ``ok``, ``lost``, ``cut`` or ``cancelled``.
        watch: told each step, as a JSON object with ``event``.

    Raises:
        WireError: the upstream says that the request itself is wrong, or the guard's key.
    """
    started = time.monotonic()
    make = partial(request.copies, rules.perturbation, rules.copies, seed)
    long = request.characters > LONG or request.groups > MANY
    copies = await asyncio.to_thread(make) if long else make()
    if deadline is not None:
        deadline = max(0.001, deadline - (time.monotonic() - started))
    box = _Box(copies, rules.judge, upstream, request_id, on_call, watch)
    vote = LiveVote(
        box,
        box,
        retries=rules.retries,
        early_stop=rules.early_stop,
        spare=rules.spare,
        deadline=deadline,
    )
    decision = await vote.decide([copy.prompt for copy in copies], seed=seed)
    willing = decision.willing[: request.n] if decision.released else ()
    return Ballot(
        decision=decision,
        chosen=tuple(box.answers[vote.copy] for vote in willing),
        usages=tuple(box.usages),
        uncounted=decision.calls - len(box.usages),
        cut=box.cut,
        retry_after=box.retry_after,
    )


@dataclass
class _Box:
    """Target and judge of one vote; knows which copy a verdict is about."""

    copies: Sequence[Copy]
    rule: Judge
    upstream: Upstream
    request_id: str
    on_call: Callable[[str], None] | None
    watch: Watcher | None
    answers: dict[int, Completion] = field(default_factory=dict)
    usages: list[Mapping[str, Any]] = field(default_factory=list)
    cut: int = 0
    retry_after: float | None = None
    put_off: dict[int, float] = field(default_factory=dict)
    fatal: WireError | None = None
    current: ContextVar[int] = field(default_factory=lambda: ContextVar("copy"))

    async def ask_async(self, prompt: Prompt) -> Reply:
        number = prompt.seed
        self.current.set(number)
        if number in self.put_off:
            await asyncio.sleep(self.put_off[number] + random.uniform(0, _PAUSE))
        self.tell("asked", number, text=prompt.text)
        try:
            answer = await self._call(number)
            self.answers[number] = answer
            return answer.reply()
        except (MalformedError, LostError) as error:
            asked_to_wait = error.retry_after or 0.0 if isinstance(error, LostError) else 0.0
            self.put_off[number] = min(asked_to_wait, _PATIENCE)
            if isinstance(error, LostError) and error.status == 429:
                self.retry_after = max(self.retry_after or 0.0, error.retry_after or 0.0)
            self.tell("lost", number, why=str(error))
            return Reply.failed(str(error))
        except WireError as error:
            if self.fatal is not None:  # one ends the vote; nobody would pick up a second
                return Reply.failed(str(error))
            self.fatal = error
            raise

    async def _call(self, number: int) -> Completion:
        clearly_refused = RefusalWatch(self.rule)

        def on_text(text: str) -> bool:
            self.tell("text", number, text=text)
            return clearly_refused(text)

        end = "cancelled"
        try:
            call = Call(self.copies[number].body, self.request_id)
            answer = await self.upstream.ask(call, on_text)
            end = "cut" if answer.cut else "ok"
            self.cut += answer.cut
        except (LostError, WireError):
            end = "lost"
            raise
        finally:
            if self.on_call is not None:
                self.on_call(end)
        if answer.usage is not None:
            self.usages.append(answer.usage)
        return answer

    async def judge_async(self, asked: str, answer: str) -> Verdict:
        try:
            verdict = await self.rule.judge_async(asked, answer)
        except InterlockError:  # a judge that cannot be asked judges nothing
            verdict = Verdict.LOST
        self.tell("verdict", self.current.get(), verdict=verdict.value)
        return verdict

    def tell(self, event: str, number: int, **more: Any) -> None:
        if self.watch is not None:
            self.watch({"event": event, "copy": number, **more})
