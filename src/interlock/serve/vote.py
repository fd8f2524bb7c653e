"""The vote on one request: a defence over whole requests, with every failure a vote against.

The decision is that of :class:`interlock.certify.SmoothLLM`; here what the defence asks are whole
requests, its target is the upstream, and each step can be watched. The request as it came is asked
beside them, judged like them, and answered where the vote releases it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from interlock.certify import Decision, Judge, Prompt, Reply, Verdict
from interlock.certify.defences import defence_text
from interlock.certify.defences.cascade import stages_of
from interlock.certify.targets.protocol import Wants
from interlock.certify.vote.asks import Defence
from interlock.certify.vote.decision import ORIGINAL, settled_verdict
from interlock.certify.vote.live_vote import LiveVote
from interlock.errors import InterlockError
from interlock.names import VoteOutcome
from interlock.serve.asked import Asked, Asking
from interlock.serve.chat import ChatRequest, Copy
from interlock.serve.completion import Completion, MalformedError
from interlock.serve.early_refusal import RefusalWatch
from interlock.serve.upstream import Call, LostError, Upstream
from interlock.serve.wire_error import WireError

LONG = 20_000
"""Characters from which on copies are made in a thread, so that other requests go on."""
MANY = 20
"""Texts from which on likewise."""
PAUSE = 0.2
"""Seconds before a lost copy is asked again, up to; drawn at random."""
PATIENCE = 1.0
"""Seconds that a busy upstream may put it off."""
Watcher = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class VoteRules:
    """How each vote is held."""

    asking: Asking
    """What is asked about a request."""
    judge: Judge
    retries: int = 1
    """Further calls for a lost copy."""
    spare: int = 1
    """Copies asked at once beyond the fewest that could decide."""
    early_stop: bool = True
    free: frozenset[Wants] = frozenset()
    """What is asked without a call of the upstream: a model of this process reads a text."""

    @property
    def defence(self) -> Defence:
        """It."""
        return self.asking.defence

    @property
    def copies(self) -> int:
        """Calls of a vote at most, retries and the request itself aside; of a request of several
        texts erase-and-check may ask twice as many."""
        return self.defence.most

    @property
    def name(self) -> str:
        """The defence as a text."""
        return defence_text(self.defence)

    def stage(self, decision: Decision) -> str:
        """The name of the stage that decided, or was asked last."""
        return stages_of(self.defence)[decision.round].name


@dataclass(frozen=True)
class Ballot:
    """A vote that is over."""

    decision: Decision
    chosen: tuple[Completion, ...]
    """The upstream's answers to the request as it came, as many as were asked for; empty unless
    released."""
    usages: tuple[Mapping[str, Any], ...]
    """Token counts of every call that told them."""
    uncounted: int
    """Calls whose tokens nobody told: cut short, lost, or without usage."""
    cut: int
    """Calls ended early because their refusal was clear."""
    retry_after: float | None
    """The longest wait that a busy upstream (429) asked for; 0 where it named none."""
    filtered: frozenset[int] = frozenset()
    """Copies, or :data:`ORIGINAL`, whose answer the upstream's own filter withheld."""
    repeated: bool = False
    """Whether this is the verdict on an earlier request like this one."""
    stage: str = ""
    """The stage of the defence that decided; empty where nothing was voted on."""
    watched: bool = False
    """Whether the vote was only watched: what it says is ``would``, and the answer was given."""
    would: VoteOutcome | None = None
    """What the vote would have made of a watched request; None where it was not voted on."""

    @cached_property
    def outcome(self) -> VoteOutcome:
        """What became of the request.

        ``blocked``: as many refused as the defence takes. ``filtered``: the upstream's own filter
        withheld the answer, or so many copies that without it too few had refused. ``undecided``:
        too few say either, or the answer itself is missing, for calls were lost, time ran out, or
        the judge could not tell; nothing is released then.
        """
        if self.decision.released:
            return "filtered" if ORIGINAL in self.filtered else "released"
        if self.watched or not self.decision.defended:
            return "undecided"
        of_models = tuple(
            replace(vote, verdict=Verdict.COMPLIED) if vote.copy in self.filtered else vote
            for vote in self.decision.votes
        )
        return "blocked" if replace(self.decision, votes=of_models).defended else "filtered"

    @property
    def unjudged(self) -> bool:
        """Whether all that is missing are verdicts: every call was answered, in time."""
        original = () if self.decision.original is None else (self.decision.original,)
        lost = [v for v in (*self.decision.votes, *original) if v.verdict is Verdict.LOST]
        answered = bool(lost) and all(not vote.reply.lost for vote in lost)
        return self.outcome == "undecided" and answered and not self.decision.timed_out


class Growing(Protocol):
    """Follows the answer to the request as it came while it is written."""

    opened: bool
    """Whether some of it is given already: then it is not asked again."""

    def grew(self, answer: Completion) -> None:
        """A piece has come."""

    def released(self, ballot: Ballot) -> None:
        """The vote has released the request; the answer may still be on its way."""


@dataclass(frozen=True)
class Matter:
    """What is voted on, and who is told of it."""

    request: ChatRequest
    """At least one message must be the user's."""
    rules: VoteRules
    """How to vote."""
    upstream: Upstream
    """Whom to ask."""
    seed: int
    """Of the copies and of the choice among willing answers, >= 0."""
    request_id: str
    """Told to the upstream."""
    deadline: float | None = None
    """Seconds from now; an undecided vote then refuses. None: no limit."""
    on_call: Callable[[str], None] | None = None
    """Told what became of each call: ``ok``, ``lost``, ``cut`` or ``cancelled``."""
    watch: Watcher | None = None
    """Told each step, as a JSON object with ``event``."""
    answers: bool = True
    """Whether the request as it came is asked, too."""
    live: Growing | None = None
    """Told how its answer grows, and when the vote releases it."""


async def hold_vote(matter: Matter) -> Ballot:
    """Ask what the defence asks, side by side, until the vote is settled, and cancel the rest.

    Raises:
        WireError: the upstream says that the request itself is wrong, or the guard's key.
    """
    request, rules, deadline = matter.request, matter.rules, matter.deadline
    started = time.monotonic()
    long = request.characters > LONG or request.groups > MANY
    asked = await asyncio.to_thread(_drawn, matter) if long else rules.asking(request, matter.seed)
    if deadline is not None:
        deadline = max(0.001, deadline - (time.monotonic() - started))
    box = _Box(asked, matter)
    vote = LiveVote(
        box,
        box,
        retries=rules.retries,
        early_stop=rules.early_stop,
        spare=rules.spare,
        deadline=deadline,
    )
    box.tell_rounds()
    whole = asked.original.prompt if matter.answers else None
    decision = await vote.decide(
        asked.asks,
        seed=matter.seed,
        original=whole,
        twin=bool(asked.twins),
        on_release=box.release if matter.live is not None else None,
    )
    decision = replace(decision, calls=decision.calls - box.unasked)
    if box.fatal is not None and not (decision.released or decision.defended):
        raise box.fatal
    chosen = [box.answers[_number(decision)]] if decision.released and matter.answers else []
    further = request.n - 1 if chosen and ORIGINAL not in box.filtered else 0
    if further:
        left = None if deadline is None else max(0.001, deadline - (time.monotonic() - started))
        chosen += await box.more(further, left)
        released = len(chosen) == request.n
        decision = replace(decision, released=released, calls=decision.calls + further)
    return box.ballot(decision, chosen)


def _drawn(matter: Matter) -> Asked:
    """All that may be asked, drawn here and now."""
    asked = matter.rules.asking(matter.request, matter.seed)
    deque(asked.asks, maxlen=0)
    return asked


def _number(decision: Decision) -> int:
    """The copy whose answer is the request's, where one asked just that."""
    return ORIGINAL if decision.original is None else decision.original.prompt.seed


@dataclass
class _Box:
    """Target and judge of one vote; knows which copy a verdict is about."""

    asked: Asked
    matter: Matter
    unasked: int = 0
    """Calls that were counted and not made."""
    original_reply: Reply | None = None
    answers: dict[int, Completion] = field(default_factory=dict)
    usages: list[Mapping[str, Any]] = field(default_factory=list)
    filtered: set[int] = field(default_factory=set)
    counted: int = 0
    cut: int = 0
    retry_after: float | None = None
    put_off: dict[int, float] = field(default_factory=dict)
    fatal: WireError | None = None
    current: ContextVar[int] = field(default_factory=lambda: ContextVar("copy"))

    @property
    def free(self) -> frozenset[Wants]:
        """What is no call."""
        return self.matter.rules.free

    def ballot(self, decision: Decision, chosen: Sequence[Completion] = ()) -> Ballot:
        return Ballot(
            decision=decision,
            chosen=tuple(chosen) if decision.released else (),
            usages=tuple(self.usages),
            uncounted=decision.calls - self.counted,
            cut=self.cut,
            retry_after=self.retry_after,
            filtered=frozenset(self.filtered),
            stage=self.matter.rules.stage(decision),
        )

    def release(self, decision: Decision) -> None:
        assert self.matter.live is not None
        self.matter.live.released(self.ballot(decision))

    async def ask_async(self, prompt: Prompt) -> Reply:
        given = self.matter.live is not None and self.matter.live.opened and prompt.seed == ORIGINAL
        if given and self.original_reply is not None:  # in part: there is no other one
            self.unasked += 1
            return self.original_reply
        reply = await self._reply(prompt)
        if prompt.seed == ORIGINAL:
            self.original_reply = reply
        return reply

    async def _reply(self, prompt: Prompt) -> Reply:
        number = prompt.seed
        self.current.set(number)
        if number in self.put_off:
            await asyncio.sleep(self.put_off[number] + random.uniform(0, PAUSE))
        self.tell("asked", number, text=prompt.text)
        try:
            answer = await self._call(number)
            self.answers[number] = answer
            if answer.finish_reason == "content_filter":
                self.filtered.add(number)
            return answer.reply()
        except (MalformedError, LostError) as error:
            asked_to_wait = error.retry_after or 0.0 if isinstance(error, LostError) else 0.0
            self.put_off[number] = min(asked_to_wait, PATIENCE)
            if isinstance(error, LostError) and error.status == 429:
                self.retry_after = max(self.retry_after or 0.0, error.retry_after or 0.0)
            self.tell("lost", number, why=str(error))
            return Reply.failed(str(error))
        except WireError as error:
            # One ends the vote, and nobody would pick up a second; a question of the guard's own
            # may be wrong where the client's is not.
            if self.fatal is not None or self._copy(number).own:
                return Reply.failed(str(error))
            self.fatal = error
            raise

    async def _call(self, number: int) -> Completion:
        clearly_refused, asked = RefusalWatch(self.matter.rules.judge), self._copy(number)
        last = ""
        whole = asked.own or number == ORIGINAL or number in self.asked.twins
        free = asked.prompt.wants in self.free

        def tell(text: str) -> None:
            nonlocal last
            if asked.prompt.wants == "answer" and text != last:
                self.tell("text", number, text=text)
                last = text

        def on_text(text: str) -> bool:
            tell(text)
            return not whole and clearly_refused(text)

        end = "cancelled"
        try:
            grew = (
                self.matter.live.grew
                if number == ORIGINAL and self.matter.live is not None
                else None
            )
            call = Call(
                asked.body, self.matter.request_id, number, wants=asked.prompt.wants, on_growth=grew
            )
            answer = await self.matter.upstream.ask(call, on_text)
            tell(answer.content)
            end = "cut" if answer.cut else "ok"
            self.cut += answer.cut
        except (LostError, WireError):
            end = "lost"
            raise
        finally:
            if self.matter.on_call is not None and not free:
                self.matter.on_call(end)
        if answer.usage is not None:
            self.usages.append(answer.usage)
            self.counted += not free
        return answer

    def _copy(self, number: int) -> Copy:
        return self.asked.original if number == ORIGINAL else self.asked.copies[number]

    async def more(self, count: int, seconds: float | None) -> list[Completion]:
        """Further answers to the request as it came: those that are there in time, and judged."""
        tasks = [asyncio.create_task(self._further()) for _ in range(count)]
        try:
            await asyncio.wait(tasks, timeout=seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        ended = [task.result() for task in tasks if not task.cancelled() and not task.exception()]
        return [answer for answer in ended if answer is not None]

    async def _further(self) -> Completion | None:
        reply = await self.ask_async(self.asked.original.prompt)
        answer = self.answers[ORIGINAL]
        verdict = settled_verdict(reply)
        if verdict is None:
            verdict = await self.judge_async(self.asked.original.prompt.text, reply.text)
        return None if verdict is Verdict.LOST else answer

    async def judge_async(self, asked: str, answer: str) -> Verdict:
        try:
            verdict = await self.matter.rules.judge.judge_async(asked, answer)
        except InterlockError:  # a judge that cannot be asked judges nothing
            verdict = Verdict.LOST
        self.tell("verdict", self.current.get(), verdict=verdict.value)
        return verdict

    def tell_rounds(self) -> None:
        """Say how many are asked in each stage at most."""
        sizes = [len(prompts) for prompts, _ in self.asked.asks.rounds]
        stages = [stage.name for stage in stages_of(self.matter.rules.defence)]
        if self.matter.watch is not None:
            self.matter.watch({"event": "rounds", "sizes": sizes, "stages": stages})

    def tell(self, event: str, number: int, **more: Any) -> None:
        if self.matter.watch is not None and number != ORIGINAL:
            self.matter.watch({"event": event, "copy": number, **more})
